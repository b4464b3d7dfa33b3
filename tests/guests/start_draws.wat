;; Draws real randomness before its function runs, where no kind may.
(module
  ;; @function phase:run action
  ;; @function phase:run_mutation mutation {"export": "phase:run"}
  ;; @import convex/effect crypto_random
  (memory (export "memory") 1)
  (func $start (drop (call $crypto_random (i32.const 0) (i32.const 16))))
  (start $start)
  (func (export "phase:run")))
