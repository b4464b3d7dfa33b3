;; An effect with a type of its own.
(module
  ;; @function a:run action
  (import "convex/effect" "sleep" (func (param i64) (result i64)))
  (memory (export "memory") 1)
  (func (export "a:run")))
