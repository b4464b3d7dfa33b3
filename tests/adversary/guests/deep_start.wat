;; A start section that calls itself without end, before there is a function to blame; its twin's
;; goes a thousand deep.
(module
  ;; @function deep_start:run query
  (memory (export "memory") 1)
  (func $down (param $n i32) (result i32)
    (if (result i32) (i32.eqz (local.get $n)) (then (i32.const 0))
      (else (i32.add (i32.const 1) (call $down (i32.sub (local.get $n) (i32.const 1)))))))
  (func $start
    ;; @attack (drop (call $down (i32.const -1)))
    ;; @twin (drop (call $down (i32.const 1000)))
  )
  (start $start)
  (func (export "deep_start:run")))
