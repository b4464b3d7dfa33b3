;; Each trap of tables and of calls through them, and beside it what just does not trap.
(module
  ;; @function trap_table:null query
  ;; @function trap_table:null_not query
  ;; @function trap_table:outside query
  ;; @function trap_table:outside_not query
  ;; @function trap_table:outside_far query
  ;; @function trap_table:outside_far_not query
  ;; @function trap_table:other_type query
  ;; @function trap_table:other_type_not query
  ;; @function trap_table:get query
  ;; @function trap_table:get_not query
  ;; @function trap_table:set query
  ;; @function trap_table:set_not query
  ;; @function trap_table:fill query
  ;; @function trap_table:fill_not query
  ;; @function trap_table:copy query
  ;; @function trap_table:copy_not query
  ;; @function trap_table:host query
  ;; @function trap_table:host_not query
  ;; @import convex/core now_ms
  (memory (export "memory") 1)
  (type $plain (func))
  (type $gives (func (result i32)))
  (type $time (func (result i64)))
  (table $t 8 8 funcref)
  (elem (i32.const 0) $plain)
  (elem (i32.const 2) $gives)
  (elem (i32.const 3) $now_ms)
  (elem (i32.const 7) $plain)
  (func $plain)
  (func $gives (result i32) (i32.const 1))
  (func (export "trap_table:null") (call_indirect (type $plain) (i32.const 1)))
  (func (export "trap_table:null_not") (call_indirect (type $plain) (i32.const 0)))
  (func (export "trap_table:outside") (call_indirect (type $plain) (i32.const 8)))
  (func (export "trap_table:outside_not") (call_indirect (type $plain) (i32.const 7)))
  (func (export "trap_table:outside_far") (call_indirect (type $plain) (i32.const -1)))
  (func (export "trap_table:outside_far_not") (call_indirect (type $plain) (i32.const 7)))
  (func (export "trap_table:other_type") (call_indirect (type $plain) (i32.const 2)))
  (func (export "trap_table:other_type_not") (drop (call_indirect (type $gives) (i32.const 2))))
  (func (export "trap_table:get") (drop (table.get $t (i32.const 8))))
  (func (export "trap_table:get_not") (drop (table.get $t (i32.const 7))))
  (func (export "trap_table:set") (table.set $t (i32.const 8) (ref.null func)))
  (func (export "trap_table:set_not") (table.set $t (i32.const 7) (ref.null func)))
  (func (export "trap_table:fill") (table.fill $t (i32.const 1) (ref.null func) (i32.const 8)))
  (func (export "trap_table:fill_not") (table.fill $t (i32.const 1) (ref.null func) (i32.const 7)))
  (func (export "trap_table:copy") (table.copy $t $t (i32.const 0) (i32.const 7) (i32.const 2)))
  (func (export "trap_table:copy_not") (table.copy $t $t (i32.const 0) (i32.const 7) (i32.const 1)))
  (func (export "trap_table:host") (call_indirect (type $plain) (i32.const 3)))
  (func (export "trap_table:host_not") (drop (call_indirect (type $time) (i32.const 3)))))
