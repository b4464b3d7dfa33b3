;; Blocks within blocks, one more than may be.
(module
  ;; @function bomb_nesting:run query
  (memory (export "memory") 1)
  ;; @attack (func @<10001 (block >@ @<10001 )>@)
  ;; @twin (func @<10000 (block >@ @<10000 )>@)
  (func (export "bomb_nesting:run")))
