;; Many ways out of one block, each with another value in one of many variables.
(module
  ;; @function bomb_edges:run query
  (memory (export "memory") 1)
  ;; @attack (func (param i32) (local @<500 i32 >@) (block @<1001 (local.set 1 (i32.add (local.get 1) (i32.const 1))) (br_if 0 (local.get 0))>@ @<500 (local.set % (i32.add (local.get %) (i32.const 1)))>@) @<500 (local.set % (i32.add (local.get %) (i32.const 1)))>@)
  ;; @twin (func (param i32) (local @<500 i32 >@) (block @<999 (local.set 1 (i32.add (local.get 1) (i32.const 1))) (br_if 0 (local.get 0))>@ @<500 (local.set % (i32.add (local.get %) (i32.const 1)))>@) @<500 (local.set % (i32.add (local.get %) (i32.const 1)))>@)
  (func (export "bomb_edges:run")))
