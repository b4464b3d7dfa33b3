;; Time and randomness by each way there is to them.
(module
  ;; @function clock:now query
  ;; @function clock:now_alias query
  ;; @function clock:now_wasi query
  ;; @function clock:now_twice query
  ;; @function clock:now_action action {"export": "clock:now"}
  ;; @function clock:random query
  ;; @function clock:random_mutation mutation {"export": "clock:random"}
  ;; @function clock:random_action action {"export": "clock:random"}
  ;; @function clock:random_alias query
  ;; @function clock:random_wasi query
  ;; @function clock:random_in_parts query
  ;; @import convex/core input_read output_write now_ms random_fill
  ;; @import env __convex_now_ms __convex_random_bytes_deterministic
  ;; @import wasi_snapshot_preview1 clock_time_get random_get
  (memory (export "memory") 2)
  ;; @include numbers
  ;; @include hex
  (func (export "clock:now") (call $output_number (call $now_ms)))
  (func (export "clock:now_alias") (call $output_number (call $__convex_now_ms)))
  (func (export "clock:now_wasi")
    (if (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 0)) (then (unreachable)))
    (call $output_number (i64.div_u (i64.load (i32.const 0)) (i64.const 1000000))))
  ;; How far the clock moves while a lot is done: not at all.
  (func (export "clock:now_twice") (local $before i64) (local $left i32)
    (local.set $before (call $now_ms))
    (local.set $left (i32.const 100000000))
    (loop $again
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $again (local.get $left)))
    (call $output_number (i64.sub (call $now_ms) (local.get $before))))
  (func (export "clock:random")
    (drop (call $random_fill (i32.const 0) (i32.const 32)))
    (call $output_hex (i32.const 0) (i32.const 32)))
  (func (export "clock:random_alias")
    (call $__convex_random_bytes_deterministic (i32.const 0) (i32.const 32))
    (call $output_hex (i32.const 0) (i32.const 32)))
  (func (export "clock:random_wasi")
    (if (call $random_get (i32.const 0) (i32.const 32)) (then (unreachable)))
    (call $output_hex (i32.const 0) (i32.const 32)))
  ;; One stream, however it is drawn from.
  (func (export "clock:random_in_parts")
    (drop (call $random_fill (i32.const 0) (i32.const 1)))
    (call $__convex_random_bytes_deterministic (i32.const 1) (i32.const 30))
    (if (call $random_get (i32.const 31) (i32.const 1)) (then (unreachable)))
    (call $output_hex (i32.const 0) (i32.const 32))))
