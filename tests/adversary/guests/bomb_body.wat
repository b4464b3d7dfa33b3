;; A function body that is longer than may be: 1 MiB of operators, or 1 MiB and a little.
(module
  ;; @function bomb_body:run query
  ;; @attack (func @<1048580 nop >@)
  ;; @twin (func @<1048560 nop >@)
  (memory (export "memory") 1)
  (func (export "bomb_body:run")))
