;; More exports than may be; two of the twin's are its memory and its function.
(module
  ;; @function bomb_exports:run query
  ;; @attack @<20000 (export "e%" (func 0))>@
  ;; @twin @<19998 (export "e%" (func 0))>@
  (memory (export "memory") 1)
  (func (export "bomb_exports:run")))
