;; Texts that are small in the guest and large in the host: each of so many numbers is two bytes here
;; and a node and a value there. A refusal becomes the value.
(module
  ;; @function host_bytes:insert mutation
  ;; @function host_bytes:insert_array mutation
  ;; @function host_bytes:insert_empties mutation
  ;; @function host_bytes:insert_size mutation
  ;; @function host_bytes:insert_cut mutation
  ;; @function host_bytes:insert_again mutation
  ;; @function host_bytes:log query
  ;; @function host_bytes:fail query
  ;; @function host_bytes:fail_empties query
  ;; @function host_bytes:output query
  ;; @function host_bytes:output_typed query {"export": "host_bytes:output", "returns": {"type": "array", "value": {"type": "array", "value": {"type": "number"}}}}
  ;; @function host_bytes:output_action action {"export": "host_bytes:output"}
  ;; @function host_bytes:output_cut query
  ;; @function host_bytes:output_minus query
  ;; @function host_bytes:system_time mutation
  ;; @function host_bytes:user_time mutation
  ;; @import convex/core input_read output_write reply_read fail log
  ;; @import convex/db-write 1.0/insert
  (memory (export "memory") 1)
  ;; @include numbers
  (data (i32.const 0) "{\"table\":\"things\",\"value\":{\"n\":")
  (data (i32.const 64) "{\"level\":\"INFO\",\"messages\":")
  (data (i32.const 128) "{\"message\":\"m\",\"data\":")
  (data (i32.const 192) "0,")
  (data (i32.const 200) "{\"$bytes\":\"\"},")
  (data (i32.const 216) "-0,")
  (data (i32.const 256) "{\"level\":7,\"value\":{\"n\":")

  ;; Texts are written from 8192 on. The end of the text so far:
  (global $end (mut i32) (i32.const 8192))

  (func $ensure (param $size i32) (local $pages i32)
    (local.set $pages (i32.shr_u (i32.add (local.get $size) (i32.const 65535)) (i32.const 16)))
    (if (i32.gt_u (local.get $pages) (memory.size))
      (then (if (i32.lt_s (memory.grow (i32.sub (local.get $pages) (memory.size))) (i32.const 0))
        (then (unreachable))))))

  (func $append (param $from i32) (param $size i32)
    (call $ensure (i32.add (global.get $end) (local.get $size)))
    (memory.copy (global.get $end) (local.get $from) (local.get $size))
    (global.set $end (i32.add (global.get $end) (local.get $size))))

  (func $append_byte (param $byte i32)
    (i32.store8 (i32.const 4096) (local.get $byte))
    (call $append (i32.const 4096) (i32.const 1)))

  ;; So many times the bytes at `from`, by copies of twice the length each.
  (func $append_times (param $from i32) (param $size i32) (param $count i32)
    (local $start i32) (local $left i32) (local $piece i32)
    (local.set $start (global.get $end))
    (local.set $left (i32.mul (local.get $size) (local.get $count)))
    (local.set $piece (local.get $size))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $left)))
        (if (i32.gt_u (local.get $piece) (local.get $left))
          (then (local.set $piece (local.get $left))))
        (call $append (local.get $from) (local.get $piece))
        (local.set $left (i32.sub (local.get $left) (local.get $piece)))
        (local.set $from (local.get $start))
        (local.set $piece (i32.sub (global.get $end) (local.get $start)))
        (br $next))))

  ;; An array of so many items; each item stands in memory with the comma behind it.
  (func $append_array (param $item i32) (param $size i32) (param $count i32)
    (call $append_byte (i32.const 91))
    (call $append_times (local.get $item) (local.get $size) (local.get $count))
    (if (local.get $count)
      (then (global.set $end (i32.sub (global.get $end) (i32.const 1)))))
    (call $append_byte (i32.const 93)))

  ;; The same in rows of at most 8,192 items, as values have them.
  (func $append_rows (param $item i32) (param $size i32) (param $count i32) (local $row i32)
    (call $append_byte (i32.const 91))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $row (select (local.get $count) (i32.const 8192)
          (i32.lt_u (local.get $count) (i32.const 8192))))
        (call $append_array (local.get $item) (local.get $size) (local.get $row))
        (local.set $count (i32.sub (local.get $count) (local.get $row)))
        (if (local.get $count) (then (call $append_byte (i32.const 44))))
        (br $next)))
    (call $append_byte (i32.const 93)))

  (func $zeros (call $append_rows
    (i32.const 192) (i32.const 2) (i32.wrap_i64 (call $input_number))))

  (func $text_size (result i32) (i32.sub (global.get $end) (i32.const 8192)))

  (func $close_braces
    (call $append_byte (i32.const 125))
    (call $append_byte (i32.const 125)))

  ;; The last reply becomes the value, if it is a refusal.
  (func $show (param $answer i64) (local $size i32)
    (if (i64.ne (i64.shr_u (local.get $answer) (i64.const 32)) (i64.const 0))
      (then
        (local.set $size (i32.wrap_i64 (call $reply_read (i32.const 4096) (i32.const 4096))))
        (drop (call $output_write (i32.const 4096) (local.get $size))))))

  (func $insert (result i64) (call $1.0/insert (i32.const 8192) (call $text_size)))

  (func (export "host_bytes:insert")
    (call $append (i32.const 0) (i32.const 31))
    (call $zeros)
    (call $close_braces)
    (call $show (call $insert)))

  ;; One array, longer than any value may be.
  (func (export "host_bytes:insert_array")
    (call $append (i32.const 0) (i32.const 31))
    (call $append_array (i32.const 192) (i32.const 2) (i32.wrap_i64 (call $input_number)))
    (call $close_braces)
    (call $show (call $insert)))

  ;; Empty bytes: 14 bytes of text for 2 of a document.
  (func (export "host_bytes:insert_empties")
    (call $append (i32.const 0) (i32.const 31))
    (call $append_rows (i32.const 200) (i32.const 14) (i32.wrap_i64 (call $input_number)))
    (call $close_braces)
    (call $show (call $insert)))

  ;; A small document and white space, so many bytes together.
  (func (export "host_bytes:insert_size") (local $size i32)
    (local.set $size (i32.wrap_i64 (call $input_number)))
    (call $append (i32.const 0) (i32.const 31))
    (call $append (i32.const 192) (i32.const 1))
    (call $close_braces)
    (call $ensure (i32.add (i32.const 8192) (local.get $size)))
    (memory.fill (global.get $end) (i32.const 32)
      (i32.sub (local.get $size) (call $text_size)))
    (call $show (call $1.0/insert (i32.const 8192) (local.get $size))))

  ;; Its end is missing.
  (func (export "host_bytes:insert_cut")
    (call $append (i32.const 0) (i32.const 31))
    (call $zeros)
    (call $show (call $insert)))

  ;; So many times the same, of 8,192 numbers.
  (func (export "host_bytes:insert_again") (local $left i32)
    (local.set $left (i32.wrap_i64 (call $input_number)))
    (call $append (i32.const 256) (i32.const 24))
    (call $append_array (i32.const 192) (i32.const 2) (i32.const 8192))
    (call $close_braces)
    (loop $next
      (drop (call $insert))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left))))

  (func (export "host_bytes:log")
    (call $append (i32.const 64) (i32.const 27))
    (call $zeros)
    (call $append_byte (i32.const 125))
    (call $show (call $log (i32.const 8192) (call $text_size))))

  (func (export "host_bytes:fail")
    (call $append (i32.const 128) (i32.const 22))
    (call $zeros)
    (call $append_byte (i32.const 125))
    (drop (call $fail (i32.const 8192) (call $text_size))))

  (func (export "host_bytes:fail_empties")
    (call $append (i32.const 128) (i32.const 22))
    (call $append_rows (i32.const 200) (i32.const 14) (i32.wrap_i64 (call $input_number)))
    (call $append_byte (i32.const 125))
    (drop (call $fail (i32.const 8192) (call $text_size))))

  (func (export "host_bytes:output")
    (call $zeros)
    (drop (call $output_write (i32.const 8192) (call $text_size))))

  (func (export "host_bytes:output_cut")
    (call $zeros)
    (drop (call $output_write (i32.const 8192) (i32.sub (call $text_size) (i32.const 1)))))

  ;; Minus zero: three bytes of JSON, and 26 as the host writes values.
  (func (export "host_bytes:output_minus")
    (call $append_rows (i32.const 216) (i32.const 3) (i32.wrap_i64 (call $input_number)))
    (drop (call $output_write (i32.const 8192) (call $text_size))))

  ;; So many calls with a megabyte that is refused once it is read: of a call that may touch the
  ;; store, and of one that may not.
  (func $large
    (call $append (i32.const 256) (i32.const 24))
    (call $append_array (i32.const 192) (i32.const 2) (i32.const 524288))
    (call $close_braces))

  (func (export "host_bytes:system_time") (local $left i32)
    (local.set $left (i32.wrap_i64 (call $input_number)))
    (call $large)
    (loop $next
      (drop (call $insert))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left))))

  (func (export "host_bytes:user_time") (local $left i32)
    (local.set $left (i32.wrap_i64 (call $input_number)))
    (call $large)
    (loop $next
      (drop (call $log (i32.const 8192) (call $text_size)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left)))))
