;; Calls within calls: without end, and as deep as the arguments say.
(module
  ;; @function stack:forever query
  ;; @function stack:deep query
  ;; @import convex/core input_read output_write
  (memory (export "memory") 1)
  ;; @include numbers
  (func $forever (param i64) (result i64)
    (i64.add (i64.const 1) (call $forever (i64.add (local.get 0) (i64.const 1)))))
  (func $deep (param i64) (result i64)
    (if (result i64) (i64.eqz (local.get 0))
      (then (i64.const 0))
      (else (i64.add (i64.const 1) (call $deep (i64.sub (local.get 0) (i64.const 1)))))))
  (func (export "stack:forever") (drop (call $forever (i64.const 0))))
  (func (export "stack:deep") (call $output_number (call $deep (call $input_number)))))
