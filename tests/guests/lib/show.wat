;; The reply as the value if the host has refused a call; else its status, 0. Memory from 4096 to 8191
;; is used.
(func $show (param $answer i64) (local $size i32)
  (if (i64.ne (i64.shr_u (local.get $answer) (i64.const 32)) (i64.const 0))
    (then
      (local.set $size (i32.wrap_i64 (call $reply_read (i32.const 4096) (i32.const 4096))))
      (drop (call $output_write (i32.const 4096) (local.get $size))))
    (else
      (i32.store8 (i32.const 4096) (i32.const 48))
      (drop (call $output_write (i32.const 4096) (i32.const 1))))))
