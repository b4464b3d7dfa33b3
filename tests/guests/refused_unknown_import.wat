;; An import that does not exist, one letter off.
(module
  ;; @function a:run query
  (import "convex/core" "input_reed" (func (param i32 i32) (result i64)))
  (memory (export "memory") 1)
  (func (export "a:run")))
