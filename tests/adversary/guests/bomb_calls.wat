;; Calls that pass more values than may be, two hundred each and four for the call.
(module
  ;; @function bomb_calls:run query
  (memory (export "memory") 1)
  (func $f (param @<200 i32 >@))
  (func $g (param i32) (result @<200 i32 >@) @<200 (i32.const 1)>@)
  (func
    ;; @attack @<246 (i32.const 1) (call $g) (call $f) >@
    ;; @twin @<240 (i32.const 1) (call $g) (call $f) >@
  )
  (func (export "bomb_calls:run")))
