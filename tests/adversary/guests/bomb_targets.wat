;; A branch table with more targets than may be; the default is one of them.
(module
  ;; @function bomb_targets:run query
  (memory (export "memory") 1)
  ;; @attack (func (block (br_table @<65002 0 >@ (i32.const 0))))
  ;; @twin (func (block (br_table @<65001 0 >@ (i32.const 0))))
  (func (export "bomb_targets:run")))
