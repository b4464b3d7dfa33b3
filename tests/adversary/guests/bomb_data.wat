;; More data segments than may be.
(module
  ;; @function bomb_data:run query
  ;; @attack @<100001 (data (i32.const 0) "")>@
  ;; @twin @<100000 (data (i32.const 0) "")>@
  (memory (export "memory") 1)
  (func (export "bomb_data:run")))
