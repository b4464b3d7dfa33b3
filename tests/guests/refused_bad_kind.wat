;; A kind that does not exist.
(module
  ;; @function a:run workflow
  (memory (export "memory") 1)
  (func (export "a:run")))
