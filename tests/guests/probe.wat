;; What a server tries itself by: run/probe.c has the bytes that this becomes, and test_prober compares
;; them. The mutation makes its argument the only document of a table; the query reads that one.
(module
  ;; @function probe:read query {"visibility": "internal"}
  ;; @function probe:write mutation {"visibility": "internal"}
  ;; @names none
  ;; @import convex/core input_read output_write reply_read
  ;; @import convex/db-read 1.0/queryStream 1.0/queryStreamNext
  ;; @import convex/db-write 1.0/insert 1.0/replace
  (memory (export "memory") 1)
  (data (i32.const 0) "{\"query\":{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"probes\",\"order\":\"asc\"},\"operators\":[]}}")
  (data (i32.const 128) "{\"table\":\"probes\",\"value\":")
  (data (i32.const 192) "{\"id\":\"")
  (data (i32.const 256) "\",\"value\":")

  ;; The document is at 2048, as {"value": document, "done": false}; the size of all that, or 0: there
  ;; is none. The reply of queryStream is the argument of queryStreamNext.
  (func $find (result i32) (local $size i32)
    (drop (call $1.0/queryStream (i32.const 0) (i32.const 95)))
    (local.set $size (i32.wrap_i64 (call $reply_read (i32.const 1024) (i32.const 64))))
    (local.set $size (i32.wrap_i64 (call $1.0/queryStreamNext (i32.const 1024) (local.get $size))))
    (drop (call $reply_read (i32.const 2048) (local.get $size)))
    (select (local.get $size) (i32.const 0)
      (i32.ne (i32.load8_u offset=9 (i32.const 2048)) (i32.const 110)))) ;; the n of "null"

  ;; Where the id of that document is: behind its key, which is the first that begins with _i.
  (func $id (result i32) (local $at i32)
    (local.set $at (i32.const 2048))
    (loop $next
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.ne (i32.load16_u (local.get $at)) (i32.const 0x695f))))
    (i32.add (local.get $at) (i32.const 6)))

  ;; Puts so many bytes behind what is at 4096; where they end.
  (func $add (param $end i32) (param $from i32) (param $size i32) (result i32)
    (memory.copy (local.get $end) (local.get $from) (local.get $size))
    (i32.add (local.get $end) (local.get $size)))

  ;; Without the brackets around it the argument is an object.
  (func (export "probe:write") (local $size i32) (local $end i32)
    (local.set $size (i32.sub
      (i32.wrap_i64 (call $input_read (i32.const 512) (i32.const 256))) (i32.const 2)))
    (local.set $end (i32.const 4096))
    (if (call $find)
      (then
        (local.set $end (call $add (local.get $end) (i32.const 192) (i32.const 7)))
        (local.set $end (call $add (local.get $end) (call $id) (i32.const 32)))
        (local.set $end (call $add (local.get $end) (i32.const 256) (i32.const 10))))
      (else
        (local.set $end (call $add (local.get $end) (i32.const 128) (i32.const 26)))))
    (local.set $end (call $add (local.get $end) (i32.const 513) (local.get $size)))
    (i32.store8 (local.get $end) (i32.const 125))
    (local.set $end (i32.sub (local.get $end) (i32.const 4095)))
    (drop (if (result i64) (i32.eq (i32.load8_u offset=2 (i32.const 4096)) (i32.const 105)) ;; the i of "id"
      (then (call $1.0/replace (i32.const 4096) (local.get $end)))
      (else (call $1.0/insert (i32.const 4096) (local.get $end)))))
    (drop (call $output_write (i32.const 513) (local.get $size))))

  (func (export "probe:read") (local $size i32)
    (local.set $size (call $find))
    (if (local.get $size)
      (then (drop (call $output_write (i32.const 2057) (i32.sub (local.get $size) (i32.const 23))))))))
