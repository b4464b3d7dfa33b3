;; Bytes as the result, a string of hexadecimal digits. Memory from 4096 on is used.
(func $hex_digit (param $value i32) (result i32)
  (i32.add (local.get $value)
    (select (i32.const 48) (i32.const 87) (i32.lt_u (local.get $value) (i32.const 10)))))

(func $output_hex (param $from i32) (param $size i32) (local $at i32) (local $byte i32)
  (i32.store8 (i32.const 4096) (i32.const 34))
  (local.set $at (i32.const 4097))
  (block $done
    (loop $next
      (br_if $done (i32.eqz (local.get $size)))
      (local.set $byte (i32.load8_u (local.get $from)))
      (i32.store8 (local.get $at) (call $hex_digit (i32.shr_u (local.get $byte) (i32.const 4))))
      (i32.store8 offset=1 (local.get $at)
        (call $hex_digit (i32.and (local.get $byte) (i32.const 15))))
      (local.set $at (i32.add (local.get $at) (i32.const 2)))
      (local.set $from (i32.add (local.get $from) (i32.const 1)))
      (local.set $size (i32.sub (local.get $size) (i32.const 1)))
      (br $next)))
  (i32.store8 (local.get $at) (i32.const 34))
  (drop (call $output_write (i32.const 4096)
    (i32.add (i32.sub (local.get $at) (i32.const 4096)) (i32.const 1)))))
