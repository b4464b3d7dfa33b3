;; The plainest loop, loops within loops, and as many rounds as the arguments say.
(module
  ;; @function spin_plain:forever query
  ;; @function spin_plain:nested mutation
  ;; @function spin_plain:action action {"export": "spin_plain:forever"}
  ;; @function spin_plain:rounds query
  ;; @import convex/core input_read output_write
  ;; @include numbers
  (memory (export "memory") 1)
  (func (export "spin_plain:forever") (loop $again (br $again)))
  (func (export "spin_plain:nested")
    (loop $outer (loop $middle (loop $inner (br_if $inner (i32.eqz (memory.size)))
      (br_if $middle (i32.eqz (memory.size)))) (br $outer))))
  (func (export "spin_plain:rounds") (local $left i64)
    (local.set $left (call $input_number))
    (loop $again
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $again (i64.gt_s (local.get $left) (i64.const 0))))
    (call $output_number (local.get $left))))
