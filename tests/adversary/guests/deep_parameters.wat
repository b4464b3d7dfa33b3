;; Functions of 250 parameters and 100 results, most of which are passed on the stack.
(module
  ;; @function deep_parameters:down query
  ;; @import convex/core input_read output_write
  ;; @include numbers
  (memory (export "memory") 1)
  (func $down (param $n i64) (param @<249 i64 >@) (result @<100 i64 >@)
    (if (i64.eqz (local.get 0)) (then (return @<100 (local.get %)>@)))
    (call $down (i64.sub (local.get 0) (i64.const 1)) @<249 (local.get %)>@))
  (func (export "deep_parameters:down")
    (call $down (call $input_number) @<249 (i64.const 1)>@)
    @<99 (drop)>@
    (call $output_number)))
