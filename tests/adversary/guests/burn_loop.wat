;; Rounds of plain operators, counted to the unit.
(module
  ;; @function burn_loop:rounds query
  ;; @function burn_loop:rounds_mutation mutation {"export": "burn_loop:rounds"}
  ;; @function burn_loop:rounds_action action {"export": "burn_loop:rounds"}
  ;; @function burn_loop:raised query {"export": "burn_loop:rounds", "limits": {"fuel": 9007199254740991, "user_time_ms": 4000000000, "memory_bytes": 4294967296}}
  ;; @import convex/core input_read output_write
  ;; @include numbers
  (memory (export "memory") 1)
  (func (export "burn_loop:rounds") (local $left i64)
    (local.set $left (call $input_number))
    (loop $again
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $again (i64.gt_s (local.get $left) (i64.const 0))))
    (call $output_number (i64.const 1))))
