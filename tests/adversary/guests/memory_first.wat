;; More memory than there may be, from the beginning; the twin has all there may be.
(module
  ;; @function memory_first:size query
  ;; @import convex/core input_read output_write
  ;; @include numbers
  ;; @attack (memory (export "memory") 4097)
  ;; @twin (memory (export "memory") 4096)
  (func (export "memory_first:size") (call $output_number (i64.extend_i32_u (memory.size)))))
