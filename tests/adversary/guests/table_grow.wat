;; A table that grows by one at a time, or in one piece.
(module
  ;; @function table_grow:steps query
  ;; @function table_grow:piece query
  ;; @import convex/core input_read output_write
  ;; @include numbers
  (memory (export "memory") 1)
  (table $table 1 funcref)
  (elem declare func $step)
  (func $step (if (i32.lt_s (table.grow $table (ref.func $step) (i32.const 1)) (i32.const 0))
    (then (unreachable))))
  (func (export "table_grow:steps") (local $wanted i32)
    (local.set $wanted (i32.wrap_i64 (call $input_number)))
    (loop $next (call $step) (br_if $next (i32.lt_u (table.size $table) (local.get $wanted))))
    (call $output_number (i64.extend_i32_u (table.size $table))))
  (func (export "table_grow:piece")
    (if (i32.lt_s
          (table.grow $table (ref.null func) (i32.wrap_i64 (call $input_number))) (i32.const 0))
      (then (unreachable)))
    (call $output_number (i64.extend_i32_u (table.size $table)))))
