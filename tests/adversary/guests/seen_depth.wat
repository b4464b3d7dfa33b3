;; How deep the stack is, told by a log line for each thousand calls: as deep in a repeat. The twin
;; stops before its end.
(module
  ;; @function seen_depth:measure query
  ;; @import convex/core input_read output_write log
  ;; @include numbers
  (memory (export "memory") 1)
  (data (i32.const 0) "{\"level\":\"INFO\",\"messages\":[\"deeper\"]}")
  (func $deeper (param $n i64) (param $most i64) (result i64)
    (if (i64.eqz (i64.rem_u (local.get $n) (i64.const 1000)))
      (then (drop (call $log (i32.const 0) (i32.const 38)))))
    (if (result i64) (i64.ge_s (local.get $n) (local.get $most))
      (then (local.get $n))
      (else (i64.add (i64.const 0)
        (call $deeper (i64.add (local.get $n) (i64.const 1)) (local.get $most))))))
  (func (export "seen_depth:measure")
    (call $output_number (call $deeper (i64.const 1) (call $input_number)))))
