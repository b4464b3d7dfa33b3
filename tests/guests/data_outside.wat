;; A data segment outside of memory: instantiation fails.
(module
  ;; @function phase:run query
  ;; @function phase:run_mutation mutation {"export": "phase:run"}
  ;; @import convex/core input_read output_write
  ;; @import convex/db-read 1.0/get
  (memory (export "memory") 1)
  (data (i32.const 65535) "two")
  (func (export "phase:run")))
