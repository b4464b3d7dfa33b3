;; Work that needs no operator: ten thousand items to compute before the run has begun.
(module
  ;; @function burn_loading:run query
  (elem func @<9999 0 >@)
  (memory (export "memory") 1)
  (func (export "burn_loading:run")))
