;; A start section that asks for the arguments, which belong to the function.
(module
  ;; @function phase:run query
  ;; @function phase:run_mutation mutation {"export": "phase:run"}
  ;; @import convex/core input_read output_write
  ;; @import convex/db-read 1.0/get
  (memory (export "memory") 1)
  (func $start (drop (call $input_read (i32.const 0) (i32.const 0))))
  (start $start)
  (func (export "phase:run")))
