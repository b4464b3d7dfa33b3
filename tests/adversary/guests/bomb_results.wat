;; A function of more results than may be.
(module
  ;; @function bomb_results:run query
  ;; @attack (func (result @<256 i32 >@) @<256 (i32.const 1)>@)
  ;; @twin (func (result @<255 i32 >@) @<255 (i32.const 1)>@)
  (memory (export "memory") 1)
  (func (export "bomb_results:run")))
