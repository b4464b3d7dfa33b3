;; Callers who each compute for as long as they may; and one that computes a little.
(module
  ;; @function crowd_spin:compute query
  ;; @function crowd_spin:compute_mutation mutation {"export": "crowd_spin:compute"}
  ;; @function crowd_spin:compute_action action {"export": "crowd_spin:compute"}
  ;; @function crowd_spin:host query
  ;; @import convex/core input_read output_write now_ms random_fill
  ;; @include numbers
  (memory (export "memory") 2)
  (func (export "crowd_spin:compute") (local $left i64)
    (local.set $left (call $input_number))
    (loop $again
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $again (i64.gt_s (local.get $left) (i64.const 0))))
    (call $output_number (i64.const 1)))
  (func (export "crowd_spin:host") (local $left i64)
    (local.set $left (call $input_number))
    (loop $again
      (drop (call $random_fill (i32.const 65536) (i32.const 4096)))
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $again (i64.gt_s (local.get $left) (i64.const 0))))
    (call $output_number (i64.const 1))))
