;; A text that is written from 8192 on, piece by piece. Memory has to be large enough for it.
  (global $end (mut i32) (i32.const 8192))
  (func $append (param $from i32) (param $size i32)
    (memory.copy (global.get $end) (local.get $from) (local.get $size))
    (global.set $end (i32.add (global.get $end) (local.get $size))))
  (func $append_byte (param $byte i32)
    (i32.store8 (global.get $end) (local.get $byte))
    (global.set $end (i32.add (global.get $end) (i32.const 1))))
  ;; So many bytes of one kind.
  (func $append_bytes (param $byte i32) (param $count i32)
    (memory.fill (global.get $end) (local.get $byte) (local.get $count))
    (global.set $end (i32.add (global.get $end) (local.get $count))))
  ;; So many times the bytes at `from`.
  (func $append_times (param $from i32) (param $size i32) (param $count i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (call $append (local.get $from) (local.get $size))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next))))
  (func $text_size (result i32) (i32.sub (global.get $end) (i32.const 8192)))
