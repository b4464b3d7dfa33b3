;; An initializer that never ends.
(module
  ;; @function phase:run query
  ;; @function phase:run_mutation mutation {"export": "phase:run"}
  ;; @import convex/core input_read output_write
  ;; @import convex/db-read 1.0/get
  (memory (export "memory") 1)
  (func (export "_initialize") (loop $again (br $again)))
  (func (export "phase:run")))
