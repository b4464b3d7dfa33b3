;; The first number in the arguments, and a number as the result. Memory from 1024 to 4095 is used.
(func $input_number (result i64) (local $at i32) (local $end i32) (local $digit i32) (local $number i64)
  (local.set $end (i32.add (i32.const 1024)
    (i32.wrap_i64 (call $input_read (i32.const 1024) (i32.const 1024)))))
  (local.set $at (i32.const 1024))
  (block $done
    (loop $next
      (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
      (local.set $digit (i32.sub (i32.load8_u (local.get $at)) (i32.const 48)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (if (i32.lt_u (local.get $digit) (i32.const 10))
        (then
          (local.set $number (i64.add
            (i64.mul (local.get $number) (i64.const 10))
            (i64.extend_i32_u (local.get $digit))))
          (br $next)))
      (br_if $next (i64.eqz (local.get $number)))))
  (local.get $number))

(func $output_number (param $number i64) (local $at i32) (local $rest i64)
  (local.set $at (i32.const 4096))
  (local.set $rest (select
    (i64.sub (i64.const 0) (local.get $number)) (local.get $number)
    (i64.lt_s (local.get $number) (i64.const 0))))
  (loop $next
    (local.set $at (i32.sub (local.get $at) (i32.const 1)))
    (i32.store8 (local.get $at) (i32.wrap_i64
      (i64.add (i64.const 48) (i64.rem_u (local.get $rest) (i64.const 10)))))
    (local.set $rest (i64.div_u (local.get $rest) (i64.const 10)))
    (br_if $next (i64.ne (local.get $rest) (i64.const 0))))
  (if (i64.lt_s (local.get $number) (i64.const 0))
    (then
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at) (i32.const 45))))
  (drop (call $output_write (local.get $at) (i32.sub (i32.const 4096) (local.get $at)))))
