;; What the start section takes counts for the run: 200,000 rounds before the function, or 180,000.
(module
  ;; @function burn_start:run query
  (memory (export "memory") 1)
  (func $start (local $left i32)
    ;; @attack (local.set $left (i32.const 200000))
    ;; @twin (local.set $left (i32.const 180000))
    (loop $again
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $again (local.get $left))))
  (start $start)
  (func (export "burn_start:run")))
