;; A path twice.
(module
  ;; @function a:run query
  ;; @function a:run query
  (memory (export "memory") 1)
  (func (export "a:run")))
