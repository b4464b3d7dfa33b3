;; Bits of NaNs of every origin, as a number in hexadecimal: a repeat sees the same ones.
(module
  ;; @function seen_nan:bits query
  ;; @function seen_nan:vectors query
  ;; @import convex/core input_read output_write
  ;; @include hex
  (memory (export "memory") 2)
  (func (export "seen_nan:bits")
    (f64.store (i32.const 0) (f64.div (f64.const 0) (f64.const 0)))
    (f64.store (i32.const 8) (f64.sqrt (f64.const -1)))
    (f64.store (i32.const 16) (f64.add (f64.const nan:0x123456789abcd) (f64.const 1)))
    (f64.store (i32.const 24) (f64.sub (f64.const inf) (f64.const inf)))
    (f64.store (i32.const 32) (f64.promote_f32 (f32.const nan:0x12345)))
    (f64.store (i32.const 40) (f64.min (f64.const nan:0x1) (f64.const nan:0x2)))
    (f32.store (i32.const 48) (f32.demote_f64 (f64.const nan:0xfedcba9876543)))
    (f32.store (i32.const 52) (f32.nearest (f32.const nan:0x1)))
    (call $output_hex (i32.const 0) (i32.const 56)))
  (func (export "seen_nan:vectors")
    (v128.store (i32.const 0) (f64x2.div (v128.const f64x2 0 inf) (v128.const f64x2 0 inf)))
    (v128.store (i32.const 16) (f32x4.pmin
      (v128.const f32x4 nan:0x1 1 nan:0x2 2) (v128.const f32x4 1 nan:0x3 nan:0x4 1)))
    (call $output_hex (i32.const 0) (i32.const 32))))
