;; A function that calls itself through the table, `n` deep.
(module
  ;; @function deep_indirect:down query
  ;; @import convex/core input_read output_write
  ;; @include numbers
  (memory (export "memory") 1)
  (type $step (func (param i64) (result i64)))
  (table 1 1 funcref)
  (elem (i32.const 0) $down)
  (func $down (type $step)
    (if (result i64) (i64.eqz (local.get 0)) (then (i64.const 0))
      (else (i64.add (i64.const 1)
        (call_indirect (type $step) (i64.sub (local.get 0) (i64.const 1)) (i32.const 0))))))
  (func (export "deep_indirect:down") (call $output_number (call $down (call $input_number)))))
