;; Results that are no value: no JSON, no UTF-8, too deep, not what the validator says; and arguments
;; that are not what it says. A function that gives `{"error": …}` gives just that.
(module
  ;; @function wrong_result:cut query
  ;; @function wrong_result:bytes query
  ;; @function wrong_result:deep query
  ;; @function wrong_result:two query
  ;; @function wrong_result:special query
  ;; @function wrong_result:number query {"returns": {"type": "string"}}
  ;; @function wrong_result:number_good query {"export": "wrong_result:number", "returns": {"type": "number"}}
  ;; @function wrong_result:error query
  ;; @function wrong_result:fails query
  ;; @function wrong_result:args query {"args": {"type": "object", "value": {"n": {"fieldType": {"type": "number"}, "optional": false}}}}
  ;; @function wrong_result:good query
  ;; @import convex/core input_read output_write fail
  ;; @include numbers
  ;; @include texts
  (memory (export "memory") 8)
  (data (i32.const 0) "{\"a\":")
  (data (i32.const 16) "\"\ed\a0\80\"")
  (data (i32.const 32) "1 2")
  (data (i32.const 48) "{\"$float\":\"AAAA\"}")
  (data (i32.const 96) "{\"error\":\"Server Error\"}")
  (data (i32.const 128) "{\"message\":\"the server is on fire\"}")
  (data (i32.const 192) "\"good\"")
  (func (export "wrong_result:cut") (drop (call $output_write (i32.const 0) (i32.const 5))))
  (func (export "wrong_result:bytes") (drop (call $output_write (i32.const 16) (i32.const 5))))
  (func (export "wrong_result:two") (drop (call $output_write (i32.const 32) (i32.const 3))))
  (func (export "wrong_result:special") (drop (call $output_write (i32.const 48) (i32.const 17))))
  (func (export "wrong_result:number") (call $output_number (i64.const 7)))
  (func (export "wrong_result:error") (drop (call $output_write (i32.const 96) (i32.const 24))))
  (func (export "wrong_result:fails") (drop (call $fail (i32.const 128) (i32.const 35))))
  (func (export "wrong_result:args") (call $output_number (call $input_number)))
  (func (export "wrong_result:good") (drop (call $output_write (i32.const 192) (i32.const 6))))
  (func (export "wrong_result:deep") (local $depth i32)
    (local.set $depth (i32.wrap_i64 (call $input_number)))
    (call $append_bytes (i32.const 91) (local.get $depth))
    (call $append_bytes (i32.const 93) (local.get $depth))
    (drop (call $output_write (i32.const 8192) (call $text_size)))))
