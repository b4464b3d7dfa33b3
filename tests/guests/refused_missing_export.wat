;; A function whose export does not exist.
(module
  ;; @function a:run query {"export":"a:walk"}
  (memory (export "memory") 1)
  (func (export "a:run")))
