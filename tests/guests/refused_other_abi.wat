;; Metadata of a later ABI.
(module
  ;; @section convex.functions {"abi":2,"functions":[{"path":"a:run","export":"a:run","kind":"query","visibility":"public"}]}
  (memory (export "memory") 1)
  (func (export "a:run")))
