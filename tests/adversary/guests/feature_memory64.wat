;; Memory with addresses of 64 bits.
(module
  ;; @function feature_memory64:run query
  ;; @flags --enable-memory64
  ;; @attack (memory (export "memory") i64 1)
  ;; @twin (memory (export "memory") 1)
  (func (export "feature_memory64:run")))
