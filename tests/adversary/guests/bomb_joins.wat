;; The same by conditions within conditions: at the end of each, all variables are one of two values.
(module
  ;; @function bomb_joins:run query
  (memory (export "memory") 1)
  ;; @attack (func (param i32) (local @<399 i32 >@) @<101 (if (local.get 0) (then >@ @<400 (local.set % (i32.add (local.get %) (i32.const 1)))>@ @<101 ))>@ @<400 (local.set % (i32.add (local.get %) (i32.const 1)))>@)
  ;; @twin (func (param i32) (local @<399 i32 >@) @<99 (if (local.get 0) (then >@ @<400 (local.set % (i32.add (local.get %) (i32.const 1)))>@ @<99 ))>@ @<400 (local.set % (i32.add (local.get %) (i32.const 1)))>@)
  (func (export "bomb_joins:run")))
