;; As many table elements from the start as the limit allows, and one more.
(module
  ;; @function table:size query
  ;; @import convex/core input_read output_write
  (memory (export "memory") 1)
  (table $table 100001 funcref)
  ;; @include numbers
  (func (export "table:size") (call $output_number (i64.extend_i32_u (table.size $table)))))
