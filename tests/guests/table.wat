;; Growing a table up to the limit and over it.
(module
  ;; @function table:grow query
  ;; @function table:grow_or_trap query
  ;; @import convex/core input_read output_write
  (memory (export "memory") 1)
  (table $table 1 funcref)
  ;; @include numbers
  (func $grow (result i32)
    (table.grow $table (ref.null func) (i32.wrap_i64 (call $input_number))))
  (func (export "table:grow") (call $output_number (i64.extend_i32_s (call $grow))))
  (func (export "table:grow_or_trap") (local $before i32)
    (local.set $before (call $grow))
    (if (i32.lt_s (local.get $before) (i32.const 0)) (then (unreachable)))
    (call $output_number (i64.extend_i32_s (local.get $before)))))
