;; More imports than may be, all of them good.
(module
  ;; @function bomb_imports:run query
  ;; @attack @<1001 (import "convex/core" "now_ms" (func (result i64)))>@
  ;; @twin @<1000 (import "convex/core" "now_ms" (func (result i64)))>@
  (memory (export "memory") 1)
  (func (export "bomb_imports:run")))
