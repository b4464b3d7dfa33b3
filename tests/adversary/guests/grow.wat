;; Memory by one page at a time, in one piece, in a piece that wraps around, and then a trap, a
;; failure or an answer.
(module
  ;; @function grow:pages query
  ;; @function grow:piece query
  ;; @function grow:piece_action action {"export": "grow:piece"}
  ;; @function grow:then_fail mutation
  ;; @function grow:twice query
  ;; @function grow:touch query
  ;; @import convex/core input_read output_write fail
  ;; @include numbers
  (memory (export "memory") 1)
  (data (i32.const 0) "{\"message\":\"there is no memory left\"}")
  ;; Until there are so many pages, one by one.
  (func (export "grow:pages") (local $wanted i32)
    (local.set $wanted (i32.wrap_i64 (call $input_number)))
    (loop $next
      (if (i32.lt_s (memory.grow (i32.const 1)) (i32.const 0)) (then (unreachable)))
      (br_if $next (i32.lt_u (memory.size) (local.get $wanted))))
    (call $output_number (i64.extend_i32_u (memory.size))))
  (func (export "grow:piece")
    (if (i32.lt_s (memory.grow (i32.wrap_i64 (call $input_number))) (i32.const 0))
      (then (unreachable)))
    (call $output_number (i64.extend_i32_u (memory.size))))
  (func (export "grow:then_fail")
    (if (i32.lt_s (memory.grow (i32.wrap_i64 (call $input_number))) (i32.const 0))
      (then (drop (call $fail (i32.const 0) (i32.const 37)))))
    (call $output_number (i64.extend_i32_u (memory.size))))
  ;; After the grow that is refused, whatever else is to be had: the headroom, once.
  (func (export "grow:twice")
    (drop (memory.grow (i32.wrap_i64 (call $input_number))))
    (loop $next (br_if $next (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0))))
    (loop $next (br_if $next (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0))))
    (call $output_number (i64.extend_i32_u (memory.size))))
  ;; All of it is used.
  (func (export "grow:touch") (local $end i32)
    (if (i32.lt_s (memory.grow (i32.wrap_i64 (call $input_number))) (i32.const 0))
      (then (unreachable)))
    (local.set $end (i32.mul (memory.size) (i32.const 65536)))
    (loop $next
      (local.set $end (i32.sub (local.get $end) (i32.const 4096)))
      (i32.store (local.get $end) (i32.const 1))
      (br_if $next (i32.gt_u (local.get $end) (i32.const 8192))))
    (call $output_number (i64.extend_i32_u (memory.size)))))
