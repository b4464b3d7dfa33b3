;; `left` as a clock: what it tells a query has no time in it, and is the same in a repeat, whatever
;; was done before.
(module
  ;; @function seen_left:whole query
  ;; @function seen_left:later query
  ;; @import convex/core input_read output_write reply_read left random_fill
  ;; @include numbers
  (memory (export "memory") 2)
  (func $tell
    (drop (call $left (i32.const 0) (i32.const 0)))
    (drop (call $output_write (i32.const 8192)
      (i32.wrap_i64 (call $reply_read (i32.const 8192) (i32.const 8192))))))
  (func (export "seen_left:whole") (call $tell))
  (func (export "seen_left:later") (local $left i64)
    (local.set $left (call $input_number))
    (loop $next
      (drop (call $random_fill (i32.const 65536) (i32.const 65536)))
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $next (i64.gt_s (local.get $left) (i64.const 0))))
    (call $tell)))
