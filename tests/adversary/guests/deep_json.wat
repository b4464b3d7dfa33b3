;; The host's stack in place of the guest's: texts that are nested `n` deep, as a result, as error
;; data, as log messages.
(module
  ;; @function deep_json:result query
  ;; @function deep_json:fail query
  ;; @function deep_json:log query
  ;; @import convex/core input_read output_write reply_read fail log
  ;; @include numbers
  ;; @include texts
  ;; @include show
  (memory (export "memory") 64)
  (data (i32.const 0) "{\"message\":\"m\",\"data\":")
  (data (i32.const 64) "{\"level\":\"INFO\",\"messages\":")
  (func $nested (local $depth i32)
    (local.set $depth (i32.wrap_i64 (call $input_number)))
    (call $append_bytes (i32.const 91) (local.get $depth))
    (call $append_bytes (i32.const 93) (local.get $depth)))
  (func (export "deep_json:result")
    (call $nested)
    (drop (call $output_write (i32.const 8192) (call $text_size))))
  (func (export "deep_json:fail")
    (call $append (i32.const 0) (i32.const 22))
    (call $nested)
    (call $append_byte (i32.const 125))
    (drop (call $fail (i32.const 8192) (call $text_size))))
  (func (export "deep_json:log")
    (call $append (i32.const 64) (i32.const 27))
    (call $nested)
    (call $append_byte (i32.const 125))
    (call $show (call $log (i32.const 8192) (call $text_size)))))
