;; A function that is exported under a type of its own.
(module
  (memory (export "memory") 1)
  ;; @attack ;; @section convex.functions {"abi":1,"functions":[{"path":"said_export:run","export":"other","kind":"query","visibility":"public"}]}
  ;; @twin ;; @section convex.functions {"abi":1,"functions":[{"path":"said_export:run","export":"run","kind":"query","visibility":"public"}]}
  (func (export "run"))
  (func (export "other") (result i32) (i32.const 0)))
