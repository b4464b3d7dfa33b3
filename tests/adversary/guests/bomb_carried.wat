;; Blocks that carry more values than may be, one each.
(module
  ;; @function bomb_carried:run query
  (memory (export "memory") 1)
  ;; @attack (func @<10001 (drop (block (result i32) (i32.const 1)))>@)
  ;; @twin (func @<9200 (drop (block (result i32) (i32.const 1)))>@)
  (func (export "bomb_carried:run")))
