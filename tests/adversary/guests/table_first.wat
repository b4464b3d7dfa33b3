;; A larger table than there may be, from the beginning; the twin's is the largest.
(module
  ;; @function table_first:size query
  ;; @import convex/core input_read output_write
  ;; @include numbers
  (memory (export "memory") 1)
  ;; @attack (table $table 100001 funcref)
  ;; @twin (table $table 100000 funcref)
  (func (export "table_first:size") (call $output_number (i64.extend_i32_u (table.size $table)))))
