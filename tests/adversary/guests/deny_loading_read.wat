;; A start section that reads the arguments of whoever called; its twin asks what time it is.
(module
  ;; @function deny_loading_read:run query
  ;; @import convex/core input_read now_ms
  (memory (export "memory") 1)
  (func $start
    ;; @attack (drop (call $input_read (i32.const 0) (i32.const 1024)))
    ;; @twin (drop (call $now_ms))
  )
  (start $start)
  (func (export "deny_loading_read:run")))
