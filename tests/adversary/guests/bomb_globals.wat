;; More globals than may be.
(module
  ;; @function bomb_globals:run query
  ;; @attack @<10001 (global i64 (i64.const 1))>@
  ;; @twin @<10000 (global i64 (i64.const 1))>@
  (memory (export "memory") 1)
  (func (export "bomb_globals:run")))
