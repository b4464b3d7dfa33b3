;; Nothing but host calls, so many: cheap ones, dear ones, refused ones.
(module
  ;; @function spin_host:now query
  ;; @function spin_host:yield query
  ;; @function spin_host:random query
  ;; @function spin_host:read query
  ;; @function spin_host:refused query
  ;; @import convex/core input_read output_write now_ms random_fill reply_read
  ;; @import convex/db-read 1.0/queryStreamNext
  ;; @import wasi_snapshot_preview1 sched_yield
  ;; @include numbers
  (memory (export "memory") 2)
  (global $left (mut i64) (i64.const 0))
  (data (i32.const 0) "{\"queryId\":7}")
  (func $begin (global.set $left (call $input_number)))
  (func $again (result i32)
    (global.set $left (i64.sub (global.get $left) (i64.const 1)))
    (i64.gt_s (global.get $left) (i64.const 0)))
  (func $end (call $output_number (i64.const 1)))
  (func (export "spin_host:now")
    (call $begin) (loop $next (drop (call $now_ms)) (br_if $next (call $again))) (call $end))
  (func (export "spin_host:yield")
    (call $begin) (loop $next (drop (call $sched_yield)) (br_if $next (call $again))) (call $end))
  (func (export "spin_host:random")
    (call $begin)
    (loop $next
      (drop (call $random_fill (i32.const 65536) (i32.const 65536)))
      (br_if $next (call $again)))
    (call $end))
  (func (export "spin_host:read")
    (call $begin)
    (loop $next
      (drop (call $input_read (i32.const 65536) (i32.const 64)))
      (br_if $next (call $again)))
    (call $end))
  (func (export "spin_host:refused")
    (call $begin)
    (loop $next
      (drop (call $1.0/queryStreamNext (i32.const 0) (i32.const 13)))
      (br_if $next (call $again)))
    (call $end)))
