;; An initializer that ends the program well.
(module
  ;; @function phase:run query
  ;; @function phase:run_mutation mutation {"export": "phase:run"}
  ;; @import convex/core input_read output_write
  ;; @import wasi_snapshot_preview1 proc_exit
  (memory (export "memory") 1)
  (func (export "_initialize") (call $proc_exit (i32.const 0)))
  (func (export "phase:run")))
