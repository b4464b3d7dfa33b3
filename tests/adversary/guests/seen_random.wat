;; Randomness is the run's: a repeat draws the same, in one piece or in many, and by each of the three
;; ways to it.
(module
  ;; @function seen_random:bytes query
  ;; @function seen_random:mutation mutation {"export": "seen_random:bytes"}
  ;; @function seen_random:ways query
  ;; @function seen_random:start query
  ;; @import convex/core input_read output_write random_fill
  ;; @import env __convex_random_bytes_deterministic
  ;; @import wasi_snapshot_preview1 random_get
  ;; @include numbers
  ;; @include hex
  (memory (export "memory") 2)
  (func (export "_initialize") (drop (call $random_fill (i32.const 512) (i32.const 32))))
  (func (export "seen_random:bytes")
    (drop (call $random_fill (i32.const 0) (i32.const 32)))
    (call $output_hex (i32.const 0) (i32.const 32)))
  (func (export "seen_random:ways")
    (drop (call $random_fill (i32.const 0) (i32.const 5)))
    (call $__convex_random_bytes_deterministic (i32.const 5) (i32.const 20))
    (if (call $random_get (i32.const 25) (i32.const 7)) (then (unreachable)))
    (call $output_hex (i32.const 0) (i32.const 32)))
  ;; What was drawn while the module was loaded is the deployment's, and the same in every run.
  (func (export "seen_random:start") (call $output_hex (i32.const 512) (i32.const 32))))
