;; Documents, as many and as large as the arguments say. A refusal becomes the value, so that a test
;; sees what a guest can handle; the functions `..._or_trap` do not handle it.
(module
  ;; @function documents:insert mutation
  ;; @function documents:insert_or_trap mutation
  ;; @function documents:insert_large mutation
  ;; @function documents:insert_large_or_trap mutation
  ;; @function documents:insert_then_fail mutation
  ;; @function documents:read query
  ;; @function documents:read_or_trap query
  ;; @function documents:get query
  ;; @function documents:scans query
  ;; @function documents:scans_or_trap query
  ;; @function documents:insert_in_query query {"export": "documents:insert"}
  ;; @function documents:read_in_action action {"export": "documents:read"}
  ;; @function documents:insert_in_action action {"export": "documents:insert"}
  ;; @import convex/core input_read output_write reply_read fail
  ;; @import convex/db-read 1.0/get 1.0/queryStream 1.0/queryStreamNext
  ;; @import convex/db-write 1.0/insert
  (memory (export "memory") 1)
  ;; @include numbers
  (data (i32.const 0) "{\"table\":\"things\",\"value\":{\"n\":1}}")
  (data (i32.const 64) "{\"table\":\"things\",\"value\":{\"n\":\"")
  (data (i32.const 112) "\"}}")
  (data (i32.const 128) "{\"query\":{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"things\",\"order\":\"asc\"},\"operators\":[]}}")
  (data (i32.const 256) "{\"message\":\"after all\"}")

  (func $is_refusal (param $answer i64) (result i32)
    (i64.ne (i64.shr_u (local.get $answer) (i64.const 32)) (i64.const 0)))

  ;; The last reply becomes the value.
  (func $output_reply (param $answer i64) (local $size i32)
    (local.set $size (i32.wrap_i64 (local.get $answer)))
    (drop (memory.grow (i32.add (i32.div_u (local.get $size) (i32.const 65536)) (i32.const 1))))
    (drop (call $reply_read (i32.const 8192) (local.get $size)))
    (drop (call $output_write (i32.const 8192) (local.get $size))))

  ;; Inserts documents one after the other; the answer of the last insert.
  (func $insert (param $left i64) (result i64) (local $answer i64)
    (block $done
      (loop $next
        (br_if $done (i64.eqz (local.get $left)))
        (local.set $answer (call $1.0/insert (i32.const 0) (i32.const 34)))
        (br_if $done (call $is_refusal (local.get $answer)))
        (local.set $left (i64.sub (local.get $left) (i64.const 1)))
        (br $next)))
    (local.get $answer))

  (func (export "documents:insert") (call $output_reply (call $insert (call $input_number))))

  (func (export "documents:insert_or_trap") (local $answer i64)
    (local.set $answer (call $insert (call $input_number)))
    (if (call $is_refusal (local.get $answer)) (then (unreachable)))
    (call $output_reply (local.get $answer)))

  (func (export "documents:insert_then_fail")
    (drop (call $insert (call $input_number)))
    (drop (call $fail (i32.const 256) (i32.const 23))))

  ;; One document whose text has so many bytes.
  (func $insert_large (result i64) (local $size i32)
    (local.set $size (i32.wrap_i64 (call $input_number)))
    (drop (memory.grow (i32.add (i32.div_u (local.get $size) (i32.const 65536)) (i32.const 1))))
    (memory.copy (i32.const 8192) (i32.const 64) (i32.const 32))
    (memory.fill (i32.const 8224) (i32.const 99) (local.get $size))
    (memory.copy (i32.add (i32.const 8224) (local.get $size)) (i32.const 112) (i32.const 3))
    (call $1.0/insert (i32.const 8192) (i32.add (local.get $size) (i32.const 35))))

  (func (export "documents:insert_large") (call $output_reply (call $insert_large)))

  (func (export "documents:insert_large_or_trap") (local $answer i64)
    (local.set $answer (call $insert_large))
    (if (call $is_refusal (local.get $answer)) (then (unreachable)))
    (call $output_reply (local.get $answer)))

  ;; Begins a scan. Its id, a number below 10, is put into the argument of queryStreamNext.
  (func $scan (result i64) (call $1.0/queryStream (i32.const 128) (i32.const 95)))

  ;; Reads so many documents of a scan; the answer of the last step.
  (func $read (param $left i64) (result i64) (local $answer i64) (local $size i32)
    (local.set $answer (call $scan))
    (if (call $is_refusal (local.get $answer)) (then (return (local.get $answer))))
    (local.set $size (i32.wrap_i64 (call $reply_read (i32.const 512) (i32.const 256))))
    (block $done
      (loop $next
        (br_if $done (i64.eqz (local.get $left)))
        (local.set $answer (call $1.0/queryStreamNext (i32.const 512) (local.get $size)))
        (br_if $done (call $is_refusal (local.get $answer)))
        (local.set $left (i64.sub (local.get $left) (i64.const 1)))
        (br $next)))
    (local.get $answer))

  (func (export "documents:read") (call $output_reply (call $read (call $input_number))))

  (func (export "documents:read_or_trap") (local $answer i64)
    (local.set $answer (call $read (call $input_number)))
    (if (call $is_refusal (local.get $answer)) (then (unreachable)))
    (call $output_reply (local.get $answer)))

  ;; Begins so many scans and takes one step of each.
  (func $scans (param $left i64) (result i64) (local $answer i64)
    (block $done
      (loop $next
        (br_if $done (i64.eqz (local.get $left)))
        (local.set $answer (call $read (i64.const 1)))
        (br_if $done (call $is_refusal (local.get $answer)))
        (local.set $left (i64.sub (local.get $left) (i64.const 1)))
        (br $next)))
    (local.get $answer))

  (func (export "documents:scans") (call $output_reply (call $scans (call $input_number))))

  (func (export "documents:scans_or_trap") (local $answer i64)
    (local.set $answer (call $scans (call $input_number)))
    (if (call $is_refusal (local.get $answer)) (then (unreachable)))
    (call $output_reply (local.get $answer)))

  ;; The arguments, without the brackets around them, are those of 1.0/get: {"id": "..."}.
  (func (export "documents:get") (local $size i32)
    (local.set $size (i32.wrap_i64 (call $input_read (i32.const 1024) (i32.const 1024))))
    (call $output_reply
      (call $1.0/get (i32.const 1025) (i32.sub (local.get $size) (i32.const 2))))))
