;; A function whose export takes a parameter.
(module
  ;; @function a:run query
  (memory (export "memory") 1)
  (func (export "a:run") (param i32)))
