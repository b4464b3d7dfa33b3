;; What takes the compiler longest within the bounds, five times: in loops within loops, all variables
;; change places. Only the limit on its time is left to end it. The twin has a tenth of both.
(module
  ;; @function bomb_slow:run query
  (memory (export "memory") 1)
  ;; @attack (func (param i32) (local @<600 i32 >@) @<65 (loop >@ @<600 (local.get %) (local.get 600) (local.set %) (local.set 600) >@ @<65 (br_if 0 (local.get 0)))>@)
  ;; @attack (func (param i32) (local @<600 i32 >@) @<65 (loop >@ @<600 (local.get %) (local.get 600) (local.set %) (local.set 600) >@ @<65 (br_if 0 (local.get 0)))>@)
  ;; @attack (func (param i32) (local @<600 i32 >@) @<65 (loop >@ @<600 (local.get %) (local.get 600) (local.set %) (local.set 600) >@ @<65 (br_if 0 (local.get 0)))>@)
  ;; @attack (func (param i32) (local @<600 i32 >@) @<65 (loop >@ @<600 (local.get %) (local.get 600) (local.set %) (local.set 600) >@ @<65 (br_if 0 (local.get 0)))>@)
  ;; @attack (func (param i32) (local @<600 i32 >@) @<65 (loop >@ @<600 (local.get %) (local.get 600) (local.set %) (local.set 600) >@ @<65 (br_if 0 (local.get 0)))>@)
  ;; @twin (func (param i32) (local @<60 i32 >@) @<6 (loop >@ @<60 (local.get %) (local.get 60) (local.set %) (local.set 60) >@ @<6 (br_if 0 (local.get 0)))>@)
  (func (export "bomb_slow:run")))
