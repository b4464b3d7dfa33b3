;; A result, and an error, of so many bytes; results over and over.
(module
  ;; @function hoard_result:string query
  ;; @function hoard_result:again query
  ;; @function hoard_result:nothing query
  ;; @import convex/core input_read output_write
  ;; @include numbers
  ;; @include texts
  (memory (export "memory") 512)
  (func $string (param $size i32)
    (call $append_byte (i32.const 34))
    (call $append_bytes (i32.const 97) (i32.sub (local.get $size) (i32.const 2)))
    (call $append_byte (i32.const 34)))
  (func (export "hoard_result:string")
    (call $string (i32.wrap_i64 (call $input_number)))
    (drop (call $output_write (i32.const 8192) (call $text_size))))
  ;; So many results of 16 MB; the last is small.
  (func (export "hoard_result:again") (local $left i64)
    (local.set $left (call $input_number))
    (call $string (i32.const 16000000))
    (loop $next
      (drop (call $output_write (i32.const 8192) (call $text_size)))
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $next (i64.gt_s (local.get $left) (i64.const 0))))
    (call $output_number (i64.const 1)))
  (func (export "hoard_result:nothing")))
