;; Documents that wait for the commit: so many small ones, so many bytes of them, one of so many bytes.
(module
  ;; @function hoard_writes:many mutation
  ;; @function hoard_writes:bytes mutation
  ;; @function hoard_writes:large mutation
  ;; @import convex/core input_read output_write
  ;; @import convex/db-write 1.0/insert
  ;; @include numbers
  ;; @include texts
  (memory (export "memory") 64)
  (data (i32.const 0) "{\"table\":\"hoard\",\"value\":{\"n\":\"")
  (func $document (param $size i32)
    (call $append (i32.const 0) (i32.const 31))
    (call $append_bytes (i32.const 97) (local.get $size))
    (i32.store (global.get $end) (i32.const 0x207d7d22))
    (global.set $end (i32.add (global.get $end) (i32.const 3))))
  (func $insert
    (if (i64.ne (i64.shr_u (call $1.0/insert (i32.const 8192) (call $text_size)) (i64.const 32))
          (i64.const 0))
      (then (unreachable))))
  (func $insert_times (param $left i64)
    (loop $next
      (call $insert)
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $next (i64.gt_s (local.get $left) (i64.const 0))))
    (call $output_number (i64.const 1)))
  (func (export "hoard_writes:many")
    (call $document (i32.const 1))
    (call $insert_times (call $input_number)))
  ;; So many of 100,000 bytes.
  (func (export "hoard_writes:bytes")
    (call $document (i32.const 100000))
    (call $insert_times (call $input_number)))
  (func (export "hoard_writes:large")
    (call $document (i32.wrap_i64 (call $input_number)))
    (call $insert_times (i64.const 1))))
