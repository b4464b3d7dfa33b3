;; A function that sets a limit which is none of a run.
(module
  (memory (export "memory") 1)
  ;; @attack ;; @section convex.functions {"abi":1,"functions":[{"path":"said_limits:run","export":"run","kind":"query","visibility":"public","limits":{"stack_bytes":1073741824}}]}
  ;; @twin ;; @section convex.functions {"abi":1,"functions":[{"path":"said_limits:run","export":"run","kind":"query","visibility":"public","limits":{"fuel":1099511627776}}]}
  (func (export "run"))
  (func (export "other") (result i32) (i32.const 0)))
