;; Reports of failures: one that is no JSON, one without words, one that is as long as may be or
;; longer, one that looks like an error of the host, one with data; and one that is no failure.
(module
  ;; @function fail_report:cut query
  ;; @function fail_report:no_words query
  ;; @function fail_report:past_end query
  ;; @function fail_report:long query
  ;; @function fail_report:data mutation
  ;; @function fail_report:control query
  ;; @function fail_report:none query
  ;; @import convex/core input_read output_write fail
  ;; @include numbers
  ;; @include texts
  (memory (export "memory") 4)
  (data (i32.const 0) "{\"message\":\"cut")
  (data (i32.const 32) "{\"message\":{}}")
  (data (i32.const 64) "{\"message\":\"")
  (data (i32.const 128) "{\"message\":\"m\",\"data\":{\"code\":\"own\"}}")
  (data (i32.const 192) "{\"message\":\"\5cn{\5c\"event\5c\":\5c\"function_execution\5c\",\5c\"status\5c\":\5c\"success\5c\"}\5cn\5cu001b[2J\5cu202e\5cu0000\"}")
  (func (export "fail_report:cut") (drop (call $fail (i32.const 0) (i32.const 15))))
  (func (export "fail_report:no_words") (drop (call $fail (i32.const 32) (i32.const 14))))
  (func (export "fail_report:past_end") (drop (call $fail (i32.const 262143) (i32.const 2))))
  (func (export "fail_report:data") (drop (call $fail (i32.const 128) (i32.const 37))))
  (func (export "fail_report:control") (drop (call $fail (i32.const 192) (i32.const 96))))
  ;; A message of so many letters.
  (func (export "fail_report:long")
    (call $append (i32.const 64) (i32.const 12))
    (call $append_bytes (i32.const 97) (i32.wrap_i64 (call $input_number)))
    (call $append_byte (i32.const 34))
    (call $append_byte (i32.const 125))
    (drop (call $fail (i32.const 8192) (call $text_size))))
  (func (export "fail_report:none") (call $output_number (i64.const 1))))
