;; Work without end, and as many rounds of it as the arguments say.
(module
  ;; @function spin:query query {"export": "spin:forever"}
  ;; @function spin:mutation mutation {"export": "spin:forever"}
  ;; @function spin:action action {"export": "spin:forever"}
  ;; @function spin:rounds query
  ;; @function spin:rounds_lowered query {"export": "spin:rounds", "limits": {"fuel": 100000}}
  ;; @function spin:rounds_raised query {"export": "spin:rounds", "limits": {"fuel": 100000000000}}
  ;; @function spin:rounds_action action {"export": "spin:rounds"}
  ;; @import convex/core input_read output_write now_ms
  ;; @function spin:host query
  ;; @include numbers
  (memory (export "memory") 1)
  (func $spin (loop $again (br $again)))
  (func (export "spin:forever") (call $spin))
  (func (export "spin:rounds") (local $left i64)
    (local.set $left (call $input_number))
    (loop $again
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $again (i64.gt_s (local.get $left) (i64.const 0))))
    (call $output_number (local.get $left)))
  ;; A loop of host calls: the clock must be looked at there too.
  (func (export "spin:host") (loop $again (drop (call $now_ms)) (br $again))))
