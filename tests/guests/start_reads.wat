;; A start section that asks the database.
(module
  ;; @function phase:run query
  ;; @function phase:run_mutation mutation {"export": "phase:run"}
  ;; @import convex/core input_read output_write
  ;; @import convex/db-read 1.0/get
  (memory (export "memory") 1)
  (data (i32.const 0) "{\"id\":\"x\"}")
  (func $start (drop (call $1.0/get (i32.const 0) (i32.const 10))))
  (start $start)
  (func (export "phase:run")))
