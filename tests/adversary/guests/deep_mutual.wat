;; Three functions that call each other in a circle, `n` calls deep.
(module
  ;; @function deep_mutual:down query
  ;; @import convex/core input_read output_write
  ;; @include numbers
  (memory (export "memory") 1)
  (func $one (param $n i64) (result i64)
    (if (result i64) (i64.eqz (local.get $n)) (then (i64.const 0))
      (else (i64.add (i64.const 1) (call $two (i64.sub (local.get $n) (i64.const 1)))))))
  (func $two (param $n i64) (result i64)
    (if (result i64) (i64.eqz (local.get $n)) (then (i64.const 0))
      (else (i64.add (i64.const 1) (call $three (i64.sub (local.get $n) (i64.const 1)))))))
  (func $three (param $n i64) (result i64)
    (if (result i64) (i64.eqz (local.get $n)) (then (i64.const 0))
      (else (i64.add (i64.const 1) (call $one (i64.sub (local.get $n) (i64.const 1)))))))
  (func (export "deep_mutual:down") (call $output_number (call $one (call $input_number)))))
