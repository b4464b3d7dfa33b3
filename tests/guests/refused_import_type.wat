;; An import with another type than the host call has.
(module
  ;; @function a:run query
  (import "convex/core" "input_read" (func (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "a:run")))
