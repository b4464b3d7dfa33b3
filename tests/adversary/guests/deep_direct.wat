;; A function that calls itself `n` deep and adds on the way back, so that no call is the last.
(module
  ;; @function deep_direct:down query
  ;; @function deep_direct:forever query
  ;; @function deep_direct:action action {"export": "deep_direct:forever"}
  ;; @import convex/core input_read output_write
  ;; @include numbers
  (memory (export "memory") 1)
  (func $down (param $n i64) (result i64)
    (if (result i64) (i64.eqz (local.get $n))
      (then (i64.const 0))
      (else (i64.add (i64.const 1) (call $down (i64.sub (local.get $n) (i64.const 1)))))))
  (func (export "deep_direct:forever") (call $output_number (call $down (i64.const -1))))
  (func (export "deep_direct:down") (call $output_number (call $down (call $input_number)))))
