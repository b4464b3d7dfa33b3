;; A memory of somebody else.
(module
  ;; @function a:run query
  (import "env" "memory" (memory 1))
  (func (export "a:run")))
