;; A data segment outside of memory: it could never start.
(module
  ;; @function a:run query
  ;; @import convex/core input_read output_write
  ;; @import convex/db-read 1.0/get
  (memory (export "memory") 1)
  (data (i32.const 65535) "two")
  (func (export "a:run")))
