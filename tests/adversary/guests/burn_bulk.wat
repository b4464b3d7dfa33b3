;; Bulk instructions are paid for by what they do and not by the instruction: so many of a megabyte.
(module
  ;; @function burn_bulk:fill query
  ;; @function burn_bulk:copy query
  ;; @function burn_bulk:init query
  ;; @function burn_bulk:table query
  ;; @function burn_bulk:grow query
  ;; @import convex/core input_read output_write
  ;; @include numbers
  (memory (export "memory") 64)
  (table $table 50000 funcref)
  (data $passive "@<10000 0123456789abcdef>@")
  (global $left (mut i64) (i64.const 0))
  (func $begin (global.set $left (call $input_number)))
  (func $again (result i32)
    (global.set $left (i64.sub (global.get $left) (i64.const 1)))
    (i64.gt_s (global.get $left) (i64.const 0)))
  (func $end (call $output_number (i64.const 1)))
  (func (export "burn_bulk:fill")
    (call $begin)
    (loop $next
      (memory.fill (i32.const 65536) (i32.const 1) (i32.const 1048576))
      (br_if $next (call $again)))
    (call $end))
  (func (export "burn_bulk:copy")
    (call $begin)
    (loop $next
      (memory.copy (i32.const 1310720) (i32.const 65536) (i32.const 1048576))
      (br_if $next (call $again)))
    (call $end))
  (func (export "burn_bulk:init")
    (call $begin)
    (loop $next
      (memory.init $passive (i32.const 65536) (i32.const 0) (i32.const 160000))
      (br_if $next (call $again)))
    (call $end))
  (func (export "burn_bulk:table")
    (call $begin)
    (loop $next
      (table.fill $table (i32.const 0) (ref.null func) (i32.const 50000))
      (br_if $next (call $again)))
    (call $end))
  (func (export "burn_bulk:grow")
    (call $begin)
    (loop $next
      (drop (memory.grow (i32.const 1)))
      (br_if $next (call $again)))
    (call $end)))
