;; Loops within loops, in the innermost of which each of many variables changes: what flows around the
;; loops is their number times that of the variables, and a few KiB keep a compiler busy for minutes.
(module
  ;; @function bomb_phis:run query
  (memory (export "memory") 1)
  ;; @attack (func (param i32) (local @<600 i32 >@) @<67 (loop >@ @<600 (local.set % (i32.add (local.get %) (i32.const 1)))>@ @<67 (br_if 0 (local.get 0)))>@)
  ;; @twin (func (param i32) (local @<600 i32 >@) @<66 (loop >@ @<600 (local.set % (i32.add (local.get %) (i32.const 1)))>@ @<66 (br_if 0 (local.get 0)))>@)
  (func (export "bomb_phis:run")))
