;; JSON that is small here and large in the host: an array of so many zeros, in rows, as a result, as
;; log messages, as data of an error, as a document.
(module
  ;; @function hoard_nodes:output query
  ;; @function hoard_nodes:log query
  ;; @function hoard_nodes:fail query
  ;; @function hoard_nodes:insert mutation
  ;; @import convex/core input_read output_write reply_read fail log
  ;; @import convex/db-write 1.0/insert
  ;; @include numbers
  ;; @include texts
  ;; @include show
  (memory (export "memory") 512)
  (data (i32.const 0) "{\"level\":\"INFO\",\"messages\":")
  (data (i32.const 64) "{\"message\":\"m\",\"data\":")
  (data (i32.const 128) "{\"table\":7,\"value\":{\"n\":")
  (data (i32.const 256) "[@<100 0,>@0],")
  ;; So many rows of 101 zeros.
  (func $rows
    (call $append_byte (i32.const 91))
    (call $append_times (i32.const 256) (i32.const 204) (i32.wrap_i64 (call $input_number)))
    (i32.store8 (i32.sub (global.get $end) (i32.const 1)) (i32.const 93)))
  (func (export "hoard_nodes:output")
    (call $rows)
    (drop (call $output_write (i32.const 8192) (call $text_size))))
  (func (export "hoard_nodes:log")
    (call $append (i32.const 0) (i32.const 27))
    (call $rows)
    (call $append_byte (i32.const 125))
    (call $show (call $log (i32.const 8192) (call $text_size))))
  (func (export "hoard_nodes:fail")
    (call $append (i32.const 64) (i32.const 22))
    (call $rows)
    (call $append_byte (i32.const 125))
    (drop (call $fail (i32.const 8192) (call $text_size))))
  (func (export "hoard_nodes:insert")
    (call $append (i32.const 128) (i32.const 24))
    (call $rows)
    (call $append_byte (i32.const 125))
    (call $append_byte (i32.const 125))
    (call $show (call $1.0/insert (i32.const 8192) (call $text_size)))))
