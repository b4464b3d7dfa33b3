;; Fuel in known places: of 100 rounds a call of hot:run spends 90 in $hot and 10 in $cold.
(module
  ;; @function hot:run query
  ;; @function hot:length query
  ;; @function hot:adapts query
  ;; @import convex/core input_read output_write left
  ;; @include numbers
  (memory (export "memory") 1)
  (func $rounds (param $left i64)
    (loop $again
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $again (i64.gt_s (local.get $left) (i64.const 0)))))
  (func $hot (param $n i64) (call $rounds (i64.mul (local.get $n) (i64.const 90))))
  (func $cold (param $n i64) (call $rounds (i64.mul (local.get $n) (i64.const 10))))
  (func (export "hot:run") (local $n i64)
    (local.set $n (call $input_number))
    (call $hot (local.get $n))
    (call $cold (local.get $n))
    (call $output_number (local.get $n)))
  ;; How long the reply of `left` is: shorter where less fuel is left, as that is a number in it.
  (func $length (result i64)
    (i64.and (call $left (i32.const 0) (i32.const 0)) (i64.const 0xffffffff)))
  (func (export "hot:length") (call $output_number (call $length)))
  ;; Given that length: spends all of its fuel in $hot, or in $cold if it sees less.
  (func (export "hot:adapts")
    (if (i64.lt_u (call $length) (call $input_number))
      (then (call $cold (i64.const 3000)))
      (else (call $hot (i64.const 3000))))))
