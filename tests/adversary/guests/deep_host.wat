;; Host calls where the guest's stack ends: at each depth it logs, reads its arguments and draws random
;; bytes, so that one of these calls is the one for which there is no room.
(module
  ;; @function deep_host:down query
  ;; @import convex/core input_read output_write random_fill left log
  ;; @include numbers
  (memory (export "memory") 1)
  (data (i32.const 0) "{\"level\":\"LOUD\",\"messages\":[]}")
  (func $down (param $n i64) (result i64)
    (drop (call $log (i32.const 0) (i32.const 30)))
    (drop (call $random_fill (i32.const 8192) (i32.const 16)))
    (drop (call $left (i32.const 0) (i32.const 0)))
    (if (result i64) (i64.eqz (local.get $n)) (then (i64.const 0))
      (else (i64.add (i64.const 1) (call $down (i64.sub (local.get $n) (i64.const 1)))))))
  (func (export "deep_host:down") (call $output_number (call $down (call $input_number)))))
