;; One more local in a function than may be.
(module
  ;; @function bomb_locals:run query
  ;; @attack (func @<20001 (local i64) >@)
  ;; @twin (func @<20000 (local i64) >@)
  (memory (export "memory") 1)
  (func (export "bomb_locals:run")))
