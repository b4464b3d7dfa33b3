;; A second table.
(module
  ;; @function feature_tables:run query
  ;; @attack (table 1 funcref) (table 1 funcref)
  ;; @twin (table 1 funcref)
  (memory (export "memory") 1)
  (func (export "feature_tables:run")))
