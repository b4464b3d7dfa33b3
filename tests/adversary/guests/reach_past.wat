;; Ranges that end behind memory, begin behind it, or wrap around, for each call that takes one; each
;; twin's range ends where memory ends, at 131,072.
(module
  ;; @import convex/core input_read reply_read output_write fail log random_fill left
  ;; @import convex/db-read 1.0/get 1.0/queryStream 1.0/queryStreamNext 1.0/queryCleanup
  ;; @import convex/db-write 1.0/insert 1.0/shallowMerge 1.0/replace 1.0/remove
  ;; @import env __convex_random_bytes_deterministic
  ;; @import wasi_snapshot_preview1 random_get
  (memory (export "memory") 2)
  ;; @function reach_past:input_read query
  ;; @function reach_past:input_read_end query
  (func (export "reach_past:input_read") (drop (call $input_read (i32.const 131071) (i32.const 2))))
  (func (export "reach_past:input_read_end") (drop (call $input_read (i32.const 131070) (i32.const 2))))
  ;; @function reach_past:input_read_wraps query
  ;; @function reach_past:input_read_wraps_end query
  (func (export "reach_past:input_read_wraps") (drop (call $input_read (i32.const -1) (i32.const 2))))
  (func (export "reach_past:input_read_wraps_end") (drop (call $input_read (i32.const 0) (i32.const 131072))))
  ;; @function reach_past:input_read_half query
  ;; @function reach_past:input_read_half_end query
  (func (export "reach_past:input_read_half") (drop (call $input_read (i32.const -2147483648) (i32.const -2147483648))))
  (func (export "reach_past:input_read_half_end") (drop (call $input_read (i32.const 131072) (i32.const 0))))
  ;; @function reach_past:reply_read query
  ;; @function reach_past:reply_read_end query
  (func (export "reach_past:reply_read") (drop (call $reply_read (i32.const 131073) (i32.const 0))))
  (func (export "reach_past:reply_read_end") (drop (call $reply_read (i32.const 131072) (i32.const 0))))
  ;; @function reach_past:output_write query
  ;; @function reach_past:output_write_end query
  (func (export "reach_past:output_write") (drop (call $output_write (i32.const 0) (i32.const -1))))
  (func (export "reach_past:output_write_end") (drop (call $output_write (i32.const 131034) (i32.const 38))))
  ;; @function reach_past:log query
  ;; @function reach_past:log_end query
  (func (export "reach_past:log") (drop (call $log (i32.const 131072) (i32.const 1))))
  (func (export "reach_past:log_end") (drop (call $log (i32.const 131034) (i32.const 38))))
  ;; @function reach_past:random_fill query
  ;; @function reach_past:random_fill_end query
  (func (export "reach_past:random_fill") (drop (call $random_fill (i32.const 65537) (i32.const 65536))))
  (func (export "reach_past:random_fill_end") (drop (call $random_fill (i32.const 65536) (i32.const 65536))))
  ;; @function reach_past:random_alias query
  ;; @function reach_past:random_alias_end query
  (func (export "reach_past:random_alias") (call $__convex_random_bytes_deterministic (i32.const 131072) (i32.const 1)))
  (func (export "reach_past:random_alias_end") (call $__convex_random_bytes_deterministic (i32.const 131071) (i32.const 1)))
  ;; @function reach_past:random_wasi query
  ;; @function reach_past:random_wasi_end query
  (func (export "reach_past:random_wasi") (drop (call $random_get (i32.const -4) (i32.const 8))))
  (func (export "reach_past:random_wasi_end") (drop (call $random_get (i32.const 131064) (i32.const 8))))
  ;; @function reach_past:left query
  ;; @function reach_past:left_end query
  (func (export "reach_past:left") (drop (call $left (i32.const 131073) (i32.const 0))))
  (func (export "reach_past:left_end") (drop (call $left (i32.const 131072) (i32.const 0))))
  (data (i32.const 131034) "{\"level\":\"INFO\",\"messages\":[\"at end\"]}"))
