;; More data segments than may be.
(module
  ;; @function bomb_data:run query
  ;; @attack @<50001 (data "")>@
  ;; @twin @<50000 (data "")>@
  (memory (export "memory") 1)
  (func (export "bomb_data:run")))
