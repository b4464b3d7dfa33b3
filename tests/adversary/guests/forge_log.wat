;; Log lines that mean harm: a line within a line, colours and cursors, another direction of writing,
;; a level of their own, a cut within a character, too many of them, and half a line of standard
;; output.
(module
  ;; @function forge_log:lines query
  ;; @function forge_log:control query
  ;; @function forge_log:level query
  ;; @function forge_log:many query
  ;; @function forge_log:long query
  ;; @function forge_log:stdout query
  ;; @function forge_log:stderr query
  ;; @function forge_log:plain query
  ;; @import convex/core input_read output_write reply_read log
  ;; @import wasi_snapshot_preview1 fd_write
  ;; @include numbers
  ;; @include texts
  ;; @include show
  (memory (export "memory") 8)
  (data (i32.const 0) "{\"level\":\"INFO\",\"messages\":[\"a\5cn{\5c\"event\5c\":\5c\"function_execution\5c\"}\5cr\5cn[ERROR] forged\"]}")
  (data (i32.const 128) "{\"level\":\"WARN\",\"messages\":[\"\5cu001b[2J\5cu001b]0;owned\5cu0007\5cu0000\5cu009b\5cu202e\5cu2066\"]}")
  (data (i32.const 256) "{\"level\":\"INFO] [ERROR\",\"messages\":[\"x\"]}")
  (data (i32.const 320) "{\"level\":\"INFO\",\"messages\":[\"x\"]}")
  (data (i32.const 384) "{\"level\":\"INFO\",\"messages\":[\"")
  (data (i32.const 448) "\c3\a9")
  (data (i32.const 512) "\10\02\00\00\22\00\00\00")
  (data (i32.const 528) "half\1b[31m\00\0b\ff\c0line\0a{\22event\22:1}\0arest")
  (data (i32.const 640) "\"]}")
  (func (export "forge_log:lines") (call $show (call $log (i32.const 0) (i32.const 87))))
  (func (export "forge_log:control") (call $show (call $log (i32.const 128) (i32.const 85))))
  (func (export "forge_log:level") (call $show (call $log (i32.const 256) (i32.const 41))))
  (func (export "forge_log:plain") (call $show (call $log (i32.const 320) (i32.const 33))))
  (func (export "forge_log:many") (local $left i64)
    (local.set $left (call $input_number))
    (loop $next
      (drop (call $log (i32.const 320) (i32.const 33)))
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $next (i64.gt_s (local.get $left) (i64.const 0))))
    (call $output_number (i64.const 1)))
  ;; An `x`, then so many characters of two bytes each.
  (func (export "forge_log:long")
    (call $append (i32.const 384) (i32.const 29))
    (call $append_byte (i32.const 120))
    (call $append_times (i32.const 448) (i32.const 2) (i32.wrap_i64 (call $input_number)))
    (call $append (i32.const 640) (i32.const 3))
    (call $show (call $log (i32.const 8192) (call $text_size))))
  (func $write (param $fd i32)
    (if (call $fd_write (local.get $fd) (i32.const 512) (i32.const 1) (i32.const 768)) (then (unreachable)))
    (call $output_number (i64.const 1)))
  (func (export "forge_log:stdout") (call $write (i32.const 1)))
  (func (export "forge_log:stderr") (call $write (i32.const 2)) (unreachable)))
