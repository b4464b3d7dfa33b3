;; References of the host in a table; the twin's are to functions.
(module
  ;; @function feature_externref:run query
  ;; @attack (table 1 externref)
  ;; @twin (table 1 funcref)
  (memory (export "memory") 1)
  (func (export "feature_externref:run")))
