;; A reference to a host object.
(module
  ;; @function a:run query
  (memory (export "memory") 1)
  (func (param externref))
  (func (export "a:run")))
