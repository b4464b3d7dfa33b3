;; A program that ends itself: with a code, with the largest one, after a result, from deep inside.
(module
  ;; @function exit_code:badly query
  ;; @function exit_code:most query
  ;; @function exit_code:deep query
  ;; @function exit_code:well query
  ;; @import convex/core output_write
  ;; @import wasi_snapshot_preview1 proc_exit
  (memory (export "memory") 1)
  (data (i32.const 0) "1")
  (func $answer (drop (call $output_write (i32.const 0) (i32.const 1))))
  (func $down (param $n i32) (param $code i32)
    (if (local.get $n)
      (then (call $down (i32.sub (local.get $n) (i32.const 1)) (local.get $code)))
      (else (call $proc_exit (local.get $code))))
    (unreachable))
  (func (export "exit_code:badly") (call $answer) (call $proc_exit (i32.const 1)) (unreachable))
  (func (export "exit_code:most") (call $answer) (call $proc_exit (i32.const -1)) (unreachable))
  (func (export "exit_code:deep") (call $answer) (call $down (i32.const 1000) (i32.const 7)))
  (func (export "exit_code:well") (call $answer) (call $down (i32.const 1000) (i32.const 0))))
