;; A path that would be another line in a log, and a colour on a terminal.
(module
  (memory (export "memory") 1)
  ;; @attack ;; @section convex.functions {"abi":1,"functions":[{"path":"said_path:run\n{\"level\":\"info\"}\u001b[31m","export":"run","kind":"query","visibility":"public"}]}
  ;; @twin ;; @section convex.functions {"abi":1,"functions":[{"path":"said_path:run","export":"run","kind":"query","visibility":"public"}]}
  (func (export "run"))
  (func (export "other") (result i32) (i32.const 0)))
