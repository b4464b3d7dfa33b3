;; A function with more branches than may be.
(module
  ;; @function bomb_branches:run query
  (memory (export "memory") 1)
  ;; @attack (func (block @<10001 (br_if 0 (i32.const 0))>@))
  ;; @twin (func (block @<9200 (br_if 0 (i32.const 0))>@))
  (func (export "bomb_branches:run")))
