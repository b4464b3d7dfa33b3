;; A jump table with one more target than a function may jump to.
(module
  ;; @function bomb_branches:run query
  ;; @attack (func (block (br_table @<65522 0 >@ (i32.const 0))))
  ;; @twin (func (block (br_table @<65521 0 >@ (i32.const 0))))
  (memory (export "memory") 1)
  (func (export "bomb_branches:run")))
