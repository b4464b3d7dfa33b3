;; The list of functions twice: who reads which?
(module
  (memory (export "memory") 1)
  ;; @attack ;; @section convex.functions {"abi":1,"functions":[{"path":"said_twice:run","export":"run","kind":"query","visibility":"public"}]}
  ;; @attack ;; @section convex.functions {"abi":1,"functions":[{"path":"said_twice:run","export":"run","kind":"mutation","visibility":"public"}]}
  ;; @twin ;; @section convex.functions {"abi":1,"functions":[{"path":"said_twice:run","export":"run","kind":"query","visibility":"public"}]}
  (func (export "run"))
  (func (export "other") (result i32) (i32.const 0)))
