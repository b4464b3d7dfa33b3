;; Metadata that ends too early.
(module
  ;; @section convex.functions {"abi":1,"functions":[
  (memory (export "memory") 1)
  (func (export "a:run")))
