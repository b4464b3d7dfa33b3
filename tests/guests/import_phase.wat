;; What may be done before the function runs, and what the function sees of it.
(module
  ;; @function phase:seen query
  ;; @function phase:initialized query
  ;; @function phase:random query
  ;; @function phase:random_action action {"export": "phase:random"}
  ;; @function phase:random_again action
  ;; @function phase:now query
  ;; @import convex/core input_read output_write log now_ms random_fill
  (memory (export "memory") 2)
  ;; @include numbers
  ;; @include hex
  (data (i32.const 0) "{\"level\":\"INFO\",\"messages\":[\"import phase\"]}")
  (global $started (mut i64) (i64.const 0))
  (global $time (mut i64) (i64.const 0))
  (func $start
    (global.set $started (i64.const 1))
    (global.set $time (call $now_ms))
    (drop (call $random_fill (i32.const 512) (i32.const 32)))
    (drop (call $log (i32.const 0) (i32.const 44))))
  (start $start)
  ;; After the start section.
  (func (export "_initialize") (global.set $started (i64.mul (global.get $started) (i64.const 2))))
  (func (export "phase:seen"))
  (func (export "phase:initialized") (call $output_number (global.get $started)))
  (func (export "phase:random") (call $output_hex (i32.const 512) (i32.const 32)))
  ;; What was drawn then, less what is drawn now.
  (func (export "phase:random_again")
    (drop (call $random_fill (i32.const 600) (i32.const 8)))
    (call $output_number (i64.sub (i64.load (i32.const 512)) (i64.load (i32.const 600)))))
  (func (export "phase:now") (call $output_number (global.get $time))))
