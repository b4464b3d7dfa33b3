;; Each trap of numbers and of memory, and beside it the operation that just does not trap.
(module
  ;; @function trap_memory:unreachable query
  ;; @function trap_memory:unreachable_not query
  ;; @function trap_memory:divide query
  ;; @function trap_memory:divide_not query
  ;; @function trap_memory:divide_most query
  ;; @function trap_memory:divide_most_not query
  ;; @function trap_memory:remainder query
  ;; @function trap_memory:remainder_not query
  ;; @function trap_memory:truncate query
  ;; @function trap_memory:truncate_not query
  ;; @function trap_memory:truncate_nan query
  ;; @function trap_memory:truncate_nan_not query
  ;; @function trap_memory:load query
  ;; @function trap_memory:load_not query
  ;; @function trap_memory:load_far query
  ;; @function trap_memory:load_far_not query
  ;; @function trap_memory:store query
  ;; @function trap_memory:store_not query
  ;; @function trap_memory:fill query
  ;; @function trap_memory:fill_not query
  ;; @function trap_memory:copy query
  ;; @function trap_memory:copy_not query
  ;; @function trap_memory:vector query
  ;; @function trap_memory:vector_not query
  ;; @function trap_memory:init query
  ;; @function trap_memory:init_not query
  (memory (export "memory") 1)
  (global $zero (mut i32) (i32.const 0))
  (data $data "data")
  (func (export "trap_memory:unreachable") (unreachable))
  (func (export "trap_memory:unreachable_not") (nop))
  (func (export "trap_memory:divide") (drop (i32.div_s (i32.const 1) (global.get $zero))))
  (func (export "trap_memory:divide_not") (drop (i32.div_s (i32.const 1) (i32.add (global.get $zero) (i32.const 1)))))
  (func (export "trap_memory:divide_most") (drop (i64.div_s (i64.const 0x8000000000000000) (i64.const -1))))
  (func (export "trap_memory:divide_most_not") (drop (i64.div_s (i64.const 0x8000000000000001) (i64.const -1))))
  (func (export "trap_memory:remainder") (drop (i64.rem_u (i64.const 1) (i64.extend_i32_u (global.get $zero)))))
  (func (export "trap_memory:remainder_not") (drop (i64.rem_s (i64.const 0x8000000000000000) (i64.const -1))))
  (func (export "trap_memory:truncate") (drop (i32.trunc_f64_s (f64.const 2147483648))))
  (func (export "trap_memory:truncate_not") (drop (i32.trunc_f64_s (f64.const 2147483647.9))))
  (func (export "trap_memory:truncate_nan") (drop (i64.trunc_f32_u (f32.const nan))))
  (func (export "trap_memory:truncate_nan_not") (drop (i64.trunc_sat_f32_u (f32.const nan))))
  (func (export "trap_memory:load") (drop (i32.load (i32.const 65533))))
  (func (export "trap_memory:load_not") (drop (i32.load (i32.const 65532))))
  (func (export "trap_memory:load_far") (drop (i64.load offset=4294967295 (i32.const -1))))
  (func (export "trap_memory:load_far_not") (drop (i64.load (i32.const 65528))))
  (func (export "trap_memory:store") (i32.store16 (i32.const 65535) (i32.const 1)))
  (func (export "trap_memory:store_not") (i32.store8 (i32.const 65535) (i32.const 1)))
  (func (export "trap_memory:fill") (memory.fill (i32.const 65535) (i32.const 1) (i32.const 2)))
  (func (export "trap_memory:fill_not") (memory.fill (i32.const 65535) (i32.const 1) (i32.const 1)))
  (func (export "trap_memory:copy") (memory.copy (i32.const 0) (i32.const 1) (i32.const 65536)))
  (func (export "trap_memory:copy_not") (memory.copy (i32.const 0) (i32.const 1) (i32.const 65535)))
  (func (export "trap_memory:vector") (drop (v128.load (i32.const 65521))))
  (func (export "trap_memory:vector_not") (drop (v128.load (i32.const 65520))))
  (func (export "trap_memory:init") (memory.init $data (i32.const 0) (i32.const 4) (i32.const 1)))
  (func (export "trap_memory:init_not") (memory.init $data (i32.const 0) (i32.const 3) (i32.const 1))))
