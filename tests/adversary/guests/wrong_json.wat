;; Arguments of calls that are no JSON, no object, no UTF-8, too deep, or of the wrong types; what is
;; well-formed and wrong is a refusal that the guest may handle, and the value here.
(module
  ;; @function wrong_json:cut query
  ;; @function wrong_json:array query
  ;; @function wrong_json:bytes query
  ;; @function wrong_json:nothing query
  ;; @function wrong_json:deep mutation
  ;; @function wrong_json:type mutation
  ;; @function wrong_json:system mutation
  ;; @function wrong_json:field mutation
  ;; @function wrong_json:good mutation
  ;; @function wrong_json:good_log query
  ;; @function wrong_json:integer mutation
  ;; @import convex/core input_read output_write reply_read log
  ;; @import convex/db-write 1.0/insert
  ;; @include numbers
  ;; @include texts
  ;; @include show
  (memory (export "memory") 4)
  (data (i32.const 0) "{\"level\":\"INFO\",\"messages\":[\"x\"")
  (data (i32.const 40) "[{\"level\":\"INFO\"}]")
  (data (i32.const 64) "{\"level\":\"INFO\",\"messages\":[\"\c3\28\"]}")
  (data (i32.const 128) "{\"level\":\"INFO\",\"messages\":[\"x\"]}")
  (data (i32.const 192) "{\"table\":7,\"value\":{}}")
  (data (i32.const 224) "{\"table\":\"_tables\",\"value\":{}}")
  (data (i32.const 256) "{\"table\":\"wrong\",\"value\":{\"$field\":1}}")
  (data (i32.const 320) "{\"table\":\"wrong\",\"value\":{\"n\":")
  (data (i32.const 384) "{\"table\":\"wrong\",\"value\":{\"n\":{\"$integer\":\"AAAA\"}}}")
  (func (export "wrong_json:cut") (call $show (call $log (i32.const 0) (i32.const 31))))
  (func (export "wrong_json:array") (call $show (call $log (i32.const 40) (i32.const 18))))
  (func (export "wrong_json:bytes") (call $show (call $log (i32.const 64) (i32.const 34))))
  (func (export "wrong_json:nothing") (call $show (call $log (i32.const 0) (i32.const 0))))
  (func (export "wrong_json:good_log") (call $show (call $log (i32.const 128) (i32.const 33))))
  (func (export "wrong_json:type") (call $show (call $1.0/insert (i32.const 192) (i32.const 22))))
  (func (export "wrong_json:system") (call $show (call $1.0/insert (i32.const 224) (i32.const 30))))
  (func (export "wrong_json:field") (call $show (call $1.0/insert (i32.const 256) (i32.const 38))))
  (func (export "wrong_json:integer") (call $show (call $1.0/insert (i32.const 384) (i32.const 51))))
  ;; Arrays in arrays, so many.
  (func $nested (param $depth i32)
    (call $append (i32.const 320) (i32.const 30))
    (call $append_bytes (i32.const 91) (local.get $depth))
    (call $append_bytes (i32.const 93) (local.get $depth))
    (call $append_bytes (i32.const 125) (i32.const 2))
    (call $show (call $1.0/insert (i32.const 8192) (call $text_size))))
  (func (export "wrong_json:deep") (call $nested (i32.wrap_i64 (call $input_number))))
  (func (export "wrong_json:good") (call $nested (i32.wrap_i64 (call $input_number)))))
