;; 64-bit memory.
(module
  ;; @function a:run query
  ;; @flags --enable-memory64
  (memory (export "memory") i64 1)
  (func (export "a:run")))
