;; Instructions that each do a lot, so many times: 64 MiB filled or copied, a table filled or copied.
(module
  ;; @function spin_bulk:fill query
  ;; @function spin_bulk:copy query
  ;; @function spin_bulk:overlap query
  ;; @function spin_bulk:table query
  ;; @function spin_bulk:table_copy query
  ;; @function spin_bulk:table_init query
  ;; @import convex/core input_read output_write
  ;; @include numbers
  (memory (export "memory") 2048)
  (table $table 100000 funcref)
  (elem $passive func @<1000 $begin >@)
  (global $left (mut i64) (i64.const 0))
  (func $begin (global.set $left (call $input_number)))
  (func $again (result i32)
    (global.set $left (i64.sub (global.get $left) (i64.const 1)))
    (i64.gt_s (global.get $left) (i64.const 0)))
  (func $end (call $output_number (i64.const 1)))
  (func (export "spin_bulk:fill")
    (call $begin)
    (loop $next
      (memory.fill (i32.const 65536) (i32.const 1) (i32.const 67108864))
      (br_if $next (call $again)))
    (call $end))
  (func (export "spin_bulk:copy")
    (call $begin)
    (loop $next
      (memory.copy (i32.const 67108864) (i32.const 8192) (i32.const 67100000))
      (br_if $next (call $again)))
    (call $end))
  (func (export "spin_bulk:overlap")
    (call $begin)
    (loop $next
      (memory.copy (i32.const 8193) (i32.const 8192) (i32.const 67100000))
      (br_if $next (call $again)))
    (call $end))
  (func (export "spin_bulk:table")
    (call $begin)
    (loop $next
      (table.fill $table (i32.const 0) (ref.func $end) (i32.const 100000))
      (br_if $next (call $again)))
    (call $end))
  (func (export "spin_bulk:table_copy")
    (call $begin)
    (loop $next
      (table.copy $table $table (i32.const 1) (i32.const 0) (i32.const 99999))
      (br_if $next (call $again)))
    (call $end))
  (func (export "spin_bulk:table_init")
    (call $begin)
    (loop $next
      (table.init $table $passive (i32.const 0) (i32.const 0) (i32.const 1000))
      (br_if $next (call $again)))
    (call $end))
  (elem declare func $end))
