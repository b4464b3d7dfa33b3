;; The operators that take longest for what they cost: divisions, roots, loads that miss every cache,
;; numbers next to zero; so many of them.
(module
  ;; @function spin_slow:divide query
  ;; @function spin_slow:root query
  ;; @function spin_slow:miss query
  ;; @function spin_slow:tiny query
  ;; @import convex/core input_read output_write
  ;; @include numbers
  (memory (export "memory") 1024)
  (global $left (mut i64) (i64.const 0))
  (func $begin (global.set $left (call $input_number)))
  (func $again (result i32)
    (global.set $left (i64.sub (global.get $left) (i64.const 1)))
    (i64.gt_s (global.get $left) (i64.const 0)))
  (func $end (call $output_number (i64.const 1)))
  (func (export "spin_slow:divide") (local $x i64)
    (call $begin)
    (loop $next
      (local.set $x (i64.div_u (i64.const -1) (i64.or (local.get $x) (i64.const 3))))
      (br_if $next (call $again)))
    (call $end))
  (func (export "spin_slow:root") (local $x f64)
    (call $begin)
    (loop $next
      (local.set $x (f64.sqrt (f64.add (local.get $x) (f64.const 2))))
      (br_if $next (call $again)))
    (call $end))
  (func (export "spin_slow:miss") (local $at i32)
    (call $begin)
    (loop $next
      (local.set $at (i32.and (i32.const 0x3ffffff) (i32.add
        (i32.mul (local.get $at) (i32.const 1664525))
        (i32.add (i32.const 1013904223) (i32.load8_u (local.get $at))))))
      (br_if $next (call $again)))
    (call $end))
  (func (export "spin_slow:tiny") (local $x f64)
    (call $begin)
    (loop $next
      (local.set $x (f64.mul (f64.const 0x1p-1060) (f64.add (local.get $x) (f64.const 0.5))))
      (br_if $next (call $again)))
    (call $end)))
