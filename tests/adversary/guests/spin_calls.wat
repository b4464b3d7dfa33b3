;; Time spent in calls and not in loops: a tree of direct calls, two functions that call each other,
;; calls through the table. None is deep.
(module
  ;; @function spin_calls:tree query
  ;; @function spin_calls:mutual query
  ;; @function spin_calls:indirect query
  ;; @import convex/core input_read output_write
  ;; @include numbers
  (memory (export "memory") 1)
  (type $step (func (param i64) (result i64)))
  (table funcref (elem $tree $even $odd $through))
  (func $tree (param $n i64) (result i64)
    (if (result i64) (i64.lt_s (local.get $n) (i64.const 2))
      (then (local.get $n))
      (else (i64.add (call $tree (i64.sub (local.get $n) (i64.const 1)))
        (call $tree (i64.sub (local.get $n) (i64.const 2)))))))
  (func $even (param $n i64) (result i64)
    (if (result i64) (i64.lt_s (local.get $n) (i64.const 1))
      (then (i64.const 1))
      (else (i64.add (call $odd (i64.sub (local.get $n) (i64.const 1)))
        (call $odd (i64.sub (local.get $n) (i64.const 2)))))))
  (func $odd (param $n i64) (result i64)
    (if (result i64) (i64.lt_s (local.get $n) (i64.const 1))
      (then (i64.const 0))
      (else (i64.add (call $even (i64.sub (local.get $n) (i64.const 1)))
        (call $even (i64.sub (local.get $n) (i64.const 2)))))))
  (func $through (param $n i64) (result i64)
    (if (result i64) (i64.lt_s (local.get $n) (i64.const 2))
      (then (local.get $n))
      (else (i64.add
        (call_indirect (type $step) (i64.sub (local.get $n) (i64.const 1)) (i32.const 3))
        (call_indirect (type $step) (i64.sub (local.get $n) (i64.const 2)) (i32.const 3))))))
  (func (export "spin_calls:tree") (call $output_number (call $tree (call $input_number))))
  (func (export "spin_calls:mutual") (call $output_number (call $even (call $input_number))))
  (func (export "spin_calls:indirect") (call $output_number (call $through (call $input_number)))))
