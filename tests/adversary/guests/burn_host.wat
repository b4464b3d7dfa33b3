;; Work that the host does for the guest is paid for: by the call, by the byte, whether it is refused
;; or not. So many calls of each.
(module
  ;; @function burn_host:random query
  ;; @function burn_host:log query
  ;; @function burn_host:output query
  ;; @function burn_host:left query
  ;; @function burn_host:refused query
  ;; @function burn_host:write query
  ;; @import convex/core input_read output_write reply_read random_fill log left
  ;; @import convex/db-read 1.0/get
  ;; @import wasi_snapshot_preview1 fd_write
  ;; @include numbers
  (memory (export "memory") 32)
  (global $left (mut i64) (i64.const 0))
  (data (i32.const 0) "{\"level\":\"LOUD\",\"messages\":[\"")
  (data (i32.const 64) "{\"id\":\"no id at all\"}")
  ;; 1,024 vectors of 1 KiB each.
  (data (i32.const 8192) "@<1024 \00\00\01\00\00\04\00\00>@")
  (func $begin (global.set $left (call $input_number)))
  (func $again (result i32)
    (global.set $left (i64.sub (global.get $left) (i64.const 1)))
    (i64.gt_s (global.get $left) (i64.const 0)))
  (func $end (call $output_number (i64.const 1)))
  (func (export "burn_host:random")
    (call $begin)
    (loop $next
      (drop (call $random_fill (i32.const 65536) (i32.const 65536)))
      (br_if $next (call $again)))
    (call $end))
  ;; A megabyte of JSON that is read before its level is refused.
  (func (export "burn_host:log")
    (call $begin)
    (memory.copy (i32.const 65536) (i32.const 0) (i32.const 29))
    (memory.fill (i32.const 65565) (i32.const 97) (i32.const 1000000))
    (i32.store (i32.const 1065565) (i32.const 0x207d5d22))
    (loop $next
      (drop (call $log (i32.const 65536) (i32.const 1000032)))
      (br_if $next (call $again)))
    (call $end))
  (func (export "burn_host:output")
    (call $begin)
    (loop $next
      (drop (call $output_write (i32.const 65536) (i32.const 1000000)))
      (br_if $next (call $again)))
    (call $end))
  (func (export "burn_host:left")
    (call $begin)
    (loop $next (drop (call $left (i32.const 0) (i32.const 0))) (br_if $next (call $again)))
    (call $end))
  (func (export "burn_host:refused")
    (call $begin)
    (loop $next (drop (call $1.0/get (i32.const 64) (i32.const 21))) (br_if $next (call $again)))
    (call $end))
  (func (export "burn_host:write")
    (call $begin)
    (loop $next
      (drop (call $fd_write (i32.const 1) (i32.const 8192) (i32.const 1024) (i32.const 512)))
      (br_if $next (call $again)))
    (call $end)))
