;; A counter in the store, without JSON: it is the number of documents in a table.
(module
  ;; @function counter:add mutation
  ;; @function counter:add_slowly mutation
  ;; @function counter:add_then_fail mutation
  ;; @function counter:get query
  ;; @function counter:get_slowly query
  ;; @import convex/core output_write reply_read fail
  ;; @import convex/db-read 1.0/queryStream 1.0/queryStreamNext
  ;; @import convex/db-write 1.0/insert
  (memory (export "memory") 2)
  (data (i32.const 0) "{\"table\":\"counts\",\"value\":{}}")
  (data (i32.const 64) "{\"query\":{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"counts\",\"order\":\"asc\"},\"operators\":[]}}")
  (data (i32.const 256) "{\"message\":\"after all\"}")

  (func $output_number (param $number i32) (local $at i32)
    (local.set $at (i32.const 1024))
    (loop $next
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at)
        (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10))))
      (local.set $number (i32.div_u (local.get $number) (i32.const 10)))
      (br_if $next (local.get $number)))
    (drop (call $output_write (local.get $at) (i32.sub (i32.const 1024) (local.get $at)))))

  ;; The reply of queryStream is the argument of queryStreamNext; a reply that ends in "true}" is
  ;; the last.
  (func $count (result i32) (local $size i32) (local $reply i32) (local $count i32)
    (drop (call $1.0/queryStream (i32.const 64) (i32.const 95)))
    (local.set $size (i32.wrap_i64 (call $reply_read (i32.const 512) (i32.const 64))))
    (loop $next
      (drop (call $1.0/queryStreamNext (i32.const 512) (local.get $size)))
      (local.set $reply (i32.wrap_i64 (call $reply_read (i32.const 2048) (i32.const 4096))))
      (if (i32.ne
            (i32.load8_u (i32.add (i32.const 2045) (local.get $reply)))
            (i32.const 117)) ;; the u of "true}" stands where "false}" has its s
        (then
          (local.set $count (i32.add (local.get $count) (i32.const 1)))
          (br $next))))
    (local.get $count))

  (func $insert (drop (call $1.0/insert (i32.const 0) (i32.const 29))))

  (func (export "counter:get") (call $output_number (call $count)))
  (func (export "counter:add")
    (call $insert)
    (call $output_number (call $count)))
  (func $spin (local $left i32)
    (local.set $left (i32.const 200000))
    (loop $again
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $again (local.get $left))))
  (func (export "counter:get_slowly")
    (drop (call $count))
    (call $spin)
    (call $output_number (call $count)))
  (func (export "counter:add_slowly") (local $count i32)
    (local.set $count (call $count))
    (call $spin)
    (call $insert)
    (call $output_number (i32.add (local.get $count) (i32.const 1))))
  (func (export "counter:add_then_fail")
    (call $insert)
    (drop (call $fail (i32.const 256) (i32.const 23)))))
