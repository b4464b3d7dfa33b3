;; A union of sixty thousand, a megabyte of text; the twin's has a thousand.
(module
  (memory (export "memory") 1)
  ;; @attack ;; @section convex.functions {"abi":1,"functions":[{"path":"said_wide:run","export":"run","kind":"query","visibility":"public","args":{"type":"object","value":{"a":{"fieldType":{"type":"union","value":[@<60000 {"type":"null"},>@{"type":"any"}]},"optional":true}}}}]}
  ;; @twin ;; @section convex.functions {"abi":1,"functions":[{"path":"said_wide:run","export":"run","kind":"query","visibility":"public","args":{"type":"object","value":{"a":{"fieldType":{"type":"union","value":[@<1000 {"type":"null"},>@{"type":"any"}]},"optional":true}}}}]}
  (func (export "run")))
