;; No section convex.functions.
(module
  (memory (export "memory") 1)
  (func (export "a:run")))
