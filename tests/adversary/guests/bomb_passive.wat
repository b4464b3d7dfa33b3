;; A passive segment, whose items the engine computes anew whenever a run begins, by code that it
;; compiles for that.
(module
  ;; @function bomb_passive:run query
  ;; @attack (elem func @<10000 0 >@)
  ;; @twin (elem func @<9999 0 >@)
  (memory (export "memory") 1)
  (func (export "bomb_passive:run")))
