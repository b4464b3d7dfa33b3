;; Memory shared between threads.
(module
  ;; @function a:run query
  ;; @flags --enable-threads
  (memory (export "memory") 1 2 shared)
  (func (export "a:run")))
