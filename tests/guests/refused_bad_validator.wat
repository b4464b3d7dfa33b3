;; A validator that does not exist.
(module
  ;; @function a:run query {"args":{"type":"complex"}}
  (memory (export "memory") 1)
  (func (export "a:run")))
