;; Memory that is shared between threads; the twin's is its own.
(module
  ;; @function feature_threads:run query
  ;; @flags --enable-threads
  ;; @attack (memory (export "memory") 1 1 shared)
  ;; @twin (memory (export "memory") 1 1)
  (func (export "feature_threads:run")))
