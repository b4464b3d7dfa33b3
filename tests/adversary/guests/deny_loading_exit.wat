;; A module that ends the run well while it is loaded, before the function could say anything.
(module
  ;; @function deny_loading_exit:run query
  ;; @import wasi_snapshot_preview1 proc_exit
  (memory (export "memory") 1)
  (func $exit (call $proc_exit (i32.const 0)))
  ;; @attack (start $exit)
  (func (export "deny_loading_exit:run") (call $exit)))
