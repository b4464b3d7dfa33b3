;; While the module is loaded, before any function was chosen: `_initialize` makes the call that the
;; arguments of the build name. Only logging, randomness and time are for then.
(module
  ;; @function deny_loading:run mutation
  ;; @import convex/core input_read output_write log
  (memory (export "memory") 1)
  (data (i32.const 0) "{\"level\":\"INFO\",\"messages\":[\"loading\"]}")
  (func (export "_initialize")
    ;; @attack (drop (call $output_write (i32.const 0) (i32.const 0)))
    ;; @twin (drop (call $log (i32.const 0) (i32.const 39)))
  )
  (func (export "deny_loading:run")))
