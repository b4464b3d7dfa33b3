;; Two memories.
(module
  ;; @function a:run query
  ;; @flags --enable-multi-memory
  (memory (export "memory") 1)
  (memory 1)
  (func (export "a:run")))
