;; Callers who each take as much memory as they may, and hold it while they compute: their own, and the
;; host's for them.
(module
  ;; @function crowd_memory:grow query
  ;; @function crowd_memory:result query
  ;; @import convex/core input_read output_write
  ;; @include numbers
  (memory (export "memory") 1)
  (func $compute (local $left i32)
    (local.set $left (i32.const 20000000))
    (loop $again
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $again (local.get $left))))
  (func (export "crowd_memory:grow")
    (if (i32.lt_s (memory.grow (i32.wrap_i64 (call $input_number))) (i32.const 0)) (then (unreachable)))
    (call $compute)
    (call $output_number (i64.const 1)))
  ;; A result of so many pages that is replaced in the end.
  (func (export "crowd_memory:result") (local $pages i32)
    (local.set $pages (i32.wrap_i64 (call $input_number)))
    (drop (memory.grow (local.get $pages)))
    (drop (call $output_write (i32.const 65536) (i32.mul (local.get $pages) (i32.const 65536))))
    (call $compute)
    (call $output_number (i64.const 1))))
