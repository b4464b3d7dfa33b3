;; A function of more parameters than may be.
(module
  ;; @function bomb_parameters:run query
  ;; @attack (func (param @<256 i32 >@))
  ;; @twin (func (param @<255 i32 >@))
  (memory (export "memory") 1)
  (func (export "bomb_parameters:run")))
