;; A global of somebody else.
(module
  ;; @function a:run query
  (import "env" "base" (global i32))
  (memory (export "memory") 1)
  (func (export "a:run")))
