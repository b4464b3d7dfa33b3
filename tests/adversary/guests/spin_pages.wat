;; First touches of fresh pages, the slowest plain work there is, so many times over all of memory;
;; the twin touches a tenth of it once.
(module
  ;; @function spin_pages:touch query
  ;; @function spin_pages:back query
  ;; @import convex/core input_read output_write
  ;; @include numbers
  (memory (export "memory") 4096)
  (func (export "spin_pages:touch") (local $at i32) (local $left i64)
    (local.set $left (call $input_number))
    (loop $next
      (i32.store8 offset=8192 (local.get $at) (i32.const 1))
      (local.set $at (i32.and (i32.add (local.get $at) (i32.const 4096)) (i32.const 0xfff_e000)))
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $next (i64.gt_s (local.get $left) (i64.const 0))))
    (call $output_number (i64.const 1)))
  (func (export "spin_pages:back") (local $at i32) (local $left i64)
    (local.set $left (call $input_number))
    (local.set $at (i32.const 268435455))
    (loop $next
      (i32.store8 (local.get $at) (i32.const 1))
      (local.set $at (i32.sub (local.get $at) (i32.const 4097)))
      (if (i32.lt_s (local.get $at) (i32.const 8192)) (then (local.set $at (i32.const 268435455))))
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $next (i64.gt_s (local.get $left) (i64.const 0))))
    (call $output_number (i64.const 1))))
