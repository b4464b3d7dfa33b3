;; More function types than may be.
(module
  ;; @function bomb_types:run query
  ;; @attack @<10000 (type (func (param i32)))>@
  ;; @twin @<9998 (type (func (param i32)))>@
  (memory (export "memory") 1)
  (func (export "bomb_types:run")))
