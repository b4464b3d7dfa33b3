;; Growing memory up to the limit, over it, and what is told about it.
(module
  ;; @function memory:grow query
  ;; @function memory:grow_or_trap query
  ;; @function memory:grow_or_fail query
  ;; @function memory:grow_then_report query
  ;; @function memory:touch query
  ;; @import convex/core input_read output_write fail
  (memory (export "memory") 1)
  (data (i32.const 0) "{\"message\":\"no memory for me\"}")
  ;; @include numbers

  (func $grow (result i32) (memory.grow (i32.wrap_i64 (call $input_number))))

  ;; The result of memory.grow as the value: a success stays one after a refused grow.
  (func (export "memory:grow") (call $output_number (i64.extend_i32_s (call $grow))))

  (func (export "memory:grow_or_trap") (local $before i32)
    (local.set $before (call $grow))
    (if (i32.lt_s (local.get $before) (i32.const 0)) (then (unreachable)))
    (call $output_number (i64.extend_i32_s (local.get $before))))

  (func (export "memory:grow_or_fail") (local $before i32)
    (local.set $before (call $grow))
    (if (i32.lt_s (local.get $before) (i32.const 0))
      (then (drop (call $fail (i32.const 0) (i32.const 30)))))
    (call $output_number (i64.extend_i32_s (local.get $before))))

  ;; After a refused grow a little more is to be had for reporting: its result is the value.
  (func (export "memory:grow_then_report")
    (if (i32.ge_s (call $grow) (i32.const 0)) (then (unreachable)))
    (call $output_number (i64.extend_i32_s (memory.grow (i32.const 1)))))

  ;; Grows, writes into every page, and gives the number of pages.
  (func (export "memory:touch") (local $at i32)
    (if (i32.lt_s (call $grow) (i32.const 0)) (then (unreachable)))
    (loop $next
      (i32.store (i32.add (local.get $at) (i32.const 32768)) (i32.const 1))
      (local.set $at (i32.add (local.get $at) (i32.const 65536)))
      (br_if $next (i32.lt_u (local.get $at) (i32.mul (memory.size) (i32.const 65536)))))
    (call $output_number (i64.extend_i32_u (memory.size)))))
