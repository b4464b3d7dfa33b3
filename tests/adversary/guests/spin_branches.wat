;; A machine of 512 states that goes from one to the next by br_table, in a circle or for so many
;; steps: no loop of it is short.
(module
  ;; @function spin_branches:circle query
  ;; @function spin_branches:steps query
  ;; @import convex/core input_read output_write
  ;; @include numbers
  (memory (export "memory") 1)
  (func $walk (param $left i64) (local $state i32)
    (loop $next
      (if (i64.eqz (local.get $left)) (then (return)))
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      @<512 (block >@
        (br_table @<512 % >@ (local.get $state))
      @<512 ) (local.set $state (i32.and (i32.add (local.get $state) (i32.const 7)) (i32.const 511))) (br $next) >@))
  (func (export "spin_branches:circle") (call $walk (i64.const -1)))
  (func (export "spin_branches:steps")
    (call $walk (call $input_number))
    (call $output_number (i64.const 1))))
