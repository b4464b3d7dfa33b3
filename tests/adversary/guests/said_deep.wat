;; A validator of arrays in arrays, deeper than anything is; the twin's is as deep as values go.
(module
  (memory (export "memory") 1)
  ;; @attack ;; @section convex.functions {"abi":1,"functions":[{"path":"said_deep:run","export":"run","kind":"query","visibility":"public","args":{"type":"object","value":{"a":{"fieldType":@<30000 {"type":"array","value":>@{"type":"any"}@<30000 }>@,"optional":true}}}}]}
  ;; @twin ;; @section convex.functions {"abi":1,"functions":[{"path":"said_deep:run","export":"run","kind":"query","visibility":"public","args":{"type":"object","value":{"a":{"fieldType":@<20 {"type":"array","value":>@{"type":"any"}@<20 }>@,"optional":true}}}}]}
  (func (export "run")))
