;; Two sections convex.functions.
(module
  ;; @function a:run query
  ;; @section convex.functions {"abi":1,"functions":[{"path":"a:run","export":"a:run","kind":"query","visibility":"public"}]}
  (memory (export "memory") 1)
  (func (export "a:run")))
