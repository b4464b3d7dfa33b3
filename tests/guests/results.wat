;; Results and errors of any size, and results that are none.
(module
  ;; @function results:long query
  ;; @function results:error query
  ;; @function results:empty query
  ;; @function results:malformed query
  ;; @function results:not_utf8 query
  ;; @function results:deep query
  ;; @function results:reserved query
  ;; @import convex/core input_read output_write fail
  (memory (export "memory") 1)
  ;; @include numbers
  (data (i32.const 0) "{\"message\":\"")
  (data (i32.const 16) "\"}")
  (data (i32.const 32) "{\"open\":")
  (data (i32.const 48) "\"\ff\"")
  (data (i32.const 64) "{\"$other\":1}")

  ;; Memory from 8192 on: enough for `size` bytes more than a page.
  (func $room (param $size i32)
    (if (i32.lt_s
          (memory.grow (i32.add (i32.div_u (local.get $size) (i32.const 65536)) (i32.const 1)))
          (i32.const 0))
      (then (unreachable))))

  ;; A string of so many bytes, the quotes included.
  (func (export "results:long") (local $size i32)
    (local.set $size (i32.wrap_i64 (call $input_number)))
    (call $room (local.get $size))
    (memory.fill (i32.const 8192) (i32.const 97) (local.get $size))
    (i32.store8 (i32.const 8192) (i32.const 34))
    (i32.store8 (i32.add (i32.const 8191) (local.get $size)) (i32.const 34))
    (drop (call $output_write (i32.const 8192) (local.get $size))))

  ;; A failure whose message has so many bytes.
  (func (export "results:error") (local $size i32)
    (local.set $size (i32.wrap_i64 (call $input_number)))
    (call $room (local.get $size))
    (memory.copy (i32.const 8192) (i32.const 0) (i32.const 12))
    (memory.fill (i32.const 8204) (i32.const 98) (local.get $size))
    (memory.copy (i32.add (i32.const 8204) (local.get $size)) (i32.const 16) (i32.const 2))
    (drop (call $fail (i32.const 8192) (i32.add (local.get $size) (i32.const 14)))))

  (func (export "results:empty") (drop (call $output_write (i32.const 0) (i32.const 0))))
  (func (export "results:malformed") (drop (call $output_write (i32.const 32) (i32.const 8))))
  (func (export "results:not_utf8") (drop (call $output_write (i32.const 48) (i32.const 3))))
  (func (export "results:reserved") (drop (call $output_write (i32.const 64) (i32.const 12))))

  ;; Arrays within arrays, as deep as the arguments say.
  (func (export "results:deep") (local $depth i32)
    (local.set $depth (i32.wrap_i64 (call $input_number)))
    (call $room (i32.mul (local.get $depth) (i32.const 2)))
    (memory.fill (i32.const 8192) (i32.const 91) (local.get $depth))
    (memory.fill (i32.add (i32.const 8192) (local.get $depth)) (i32.const 93) (local.get $depth))
    (drop (call $output_write (i32.const 8192) (i32.mul (local.get $depth) (i32.const 2))))))
