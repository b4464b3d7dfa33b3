;; An exception that is thrown past the host.
(module
  ;; @function feature_exceptions:run query
  ;; @flags --enable-exceptions
  ;; @attack (tag $t) (func (throw $t))
  ;; @twin (func (unreachable))
  (memory (export "memory") 1)
  (func (export "feature_exceptions:run")))
