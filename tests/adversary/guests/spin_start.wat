;; A start section that does not end; its twin ends.
(module
  ;; @function spin_start:run query
  (memory (export "memory") 1)
  (func $start
    (loop $again
      ;; @attack (br $again)
      ;; @twin (br_if $again (i32.eqz (memory.size)))
    ))
  (start $start)
  (func (export "spin_start:run")))
