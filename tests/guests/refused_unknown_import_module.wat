;; An import module that does not exist.
(module
  ;; @function a:run query
  (import "convex/everything" "input_read" (func (param i32 i32) (result i64)))
  (memory (export "memory") 1)
  (func (export "a:run")))
