;; `_initialize` calls the host without end; its twin does so a thousand times.
(module
  ;; @function spin_initialize:run query
  ;; @import convex/core now_ms
  (memory (export "memory") 1)
  (func (export "_initialize") (local $count i32)
    (loop $again
      (drop (call $now_ms))
      (local.set $count (i32.add (local.get $count) (i32.const 1)))
      ;; @attack (br $again)
      ;; @twin (br_if $again (i32.lt_u (local.get $count) (i32.const 1000)))
    ))
  (func (export "spin_initialize:run")))
