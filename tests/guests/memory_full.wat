;; As much memory from the start as the limit allows.
(module
  ;; @function memory:size query
  ;; @import convex/core input_read output_write
  (memory (export "memory") 4096)
  ;; @include numbers
  (func (export "memory:size") (call $output_number (i64.extend_i32_u (memory.size)))))
