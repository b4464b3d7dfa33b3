;; What a query can see of time: the same moment by every clock, before and after a lot of work. An
;; action sees it pass.
(module
  ;; @function seen_clock:passes query
  ;; @function seen_clock:passes_action action {"export": "seen_clock:passes"}
  ;; @function seen_clock:clocks query
  ;; @function seen_clock:resolution query
  ;; @import convex/core input_read output_write now_ms
  ;; @import env __convex_now_ms
  ;; @import wasi_snapshot_preview1 clock_time_get clock_res_get
  ;; @include numbers
  (memory (export "memory") 1)
  (func $nanoseconds (param $clock i32) (result i64)
    (if (call $clock_time_get (local.get $clock) (i64.const 1) (i32.const 0)) (then (unreachable)))
    (i64.load (i32.const 0)))
  ;; 1 if time has passed in so many rounds.
  (func (export "seen_clock:passes") (local $before i64) (local $left i64)
    (local.set $left (call $input_number))
    (local.set $before (call $nanoseconds (i32.const 1)))
    (loop $again
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $again (i64.gt_s (local.get $left) (i64.const 0))))
    (call $output_number (i64.extend_i32_u
      (i64.ne (local.get $before) (call $nanoseconds (i32.const 1))))))
  ;; How many pairs of clocks differ.
  (func (export "seen_clock:clocks")
    (call $output_number (i64.extend_i32_u (i32.add
      (i64.ne (call $now_ms) (call $__convex_now_ms))
      (i32.add
        (i64.ne (call $now_ms) (i64.div_u (call $nanoseconds (i32.const 0)) (i64.const 1000000)))
        (i64.ne (call $nanoseconds (i32.const 0)) (call $nanoseconds (i32.const 1))))))))
  ;; Clocks of processes and threads would tell how long it took: there are none (EINVAL, twice).
  (func (export "seen_clock:resolution")
    (call $output_number (i64.extend_i32_u (i32.add
      (call $clock_time_get (i32.const 2) (i64.const 1) (i32.const 0))
      (call $clock_res_get (i32.const 3) (i32.const 0)))))))
