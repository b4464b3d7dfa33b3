;; Work without a loop: calls in a tree, `n` deep.
(module
  ;; @function burn_deep:tree query
  ;; @import convex/core input_read output_write
  ;; @include numbers
  (memory (export "memory") 1)
  (func $tree (param $n i32)
    (if (local.get $n)
      (then
        (call $tree (i32.sub (local.get $n) (i32.const 1)))
        (call $tree (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "burn_deep:tree")
    (call $tree (i32.wrap_i64 (call $input_number)))
    (call $output_number (i64.const 1))))
