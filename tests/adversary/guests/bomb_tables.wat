;; Branch tables, each within the bound of one, with more targets together than a function may have.
(module
  ;; @function bomb_tables:run query
  (memory (export "memory") 1)
  ;; @attack (func (param i32) (block (br_table @<32502 0 >@ (local.get 0))) (block (br_table @<32501 0 >@ (local.get 0))))
  ;; @twin (func (param i32) (block (br_table @<32501 0 >@ (local.get 0))) (block (br_table @<32501 0 >@ (local.get 0))))
  (func (export "bomb_tables:run")))
