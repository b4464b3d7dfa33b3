;; Waiting for time to pass, by each clock: in a query it never does. An action that waits for a
;; moment that is `n` ms away passes if its limit is further.
(module
  ;; @function spin_clock:query query {"export": "spin_clock:wait"}
  ;; @function spin_clock:wasi query
  ;; @function spin_clock:action action {"export": "spin_clock:wait"}
  ;; @import convex/core input_read output_write now_ms
  ;; @import wasi_snapshot_preview1 clock_time_get
  ;; @include numbers
  (memory (export "memory") 1)
  (func (export "spin_clock:wait") (local $until i64)
    (local.set $until (i64.add (call $now_ms) (call $input_number)))
    (loop $again (br_if $again (i64.lt_u (call $now_ms) (local.get $until))))
    (call $output_number (i64.const 1)))
  (func $nanoseconds (result i64)
    (if (call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 0)) (then (unreachable)))
    (i64.load (i32.const 0)))
  (func (export "spin_clock:wasi") (local $until i64)
    (local.set $until (i64.add (call $nanoseconds) (call $input_number)))
    (loop $again (br_if $again (i64.lt_u (call $nanoseconds) (local.get $until))))
    (call $output_number (i64.const 1))))
