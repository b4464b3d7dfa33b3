;; For another ABI.
(module
  (memory (export "memory") 1)
  ;; @attack ;; @section convex.functions {"abi":2,"functions":[{"path":"said_abi:run","export":"run","kind":"query","visibility":"public"}]}
  ;; @twin ;; @section convex.functions {"abi":1,"functions":[{"path":"said_abi:run","export":"run","kind":"query","visibility":"public"}]}
  (func (export "run"))
  (func (export "other") (result i32) (i32.const 0)))
