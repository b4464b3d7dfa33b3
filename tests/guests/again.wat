;; What a run draws, whether it has to begin again or not: 32 random bytes, the time and the id of a
;; document. It reads the table that `counter` writes to, so that it is in conflict with that.
(module
  ;; @function again:draw mutation
  ;; @import convex/core output_write reply_read now_ms random_fill
  ;; @import convex/db-read 1.0/queryStream 1.0/queryStreamNext
  ;; @import convex/db-write 1.0/insert
  (memory (export "memory") 2)
  ;; @include hex
  (data (i32.const 1024) "{\"table\":\"draws\",\"value\":{}}")
  (data (i32.const 1088) "{\"query\":{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"counts\",\"order\":\"asc\"},\"operators\":[]}}")

  (func $read (local $size i32)
    (drop (call $1.0/queryStream (i32.const 1088) (i32.const 95)))
    (local.set $size (i32.wrap_i64 (call $reply_read (i32.const 2048) (i32.const 64))))
    (drop (call $1.0/queryStreamNext (i32.const 2048) (local.get $size))))
  (func $spin (local $left i32)
    (local.set $left (i32.const 200000))
    (loop $again
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $again (local.get $left))))

  ;; `{"_id":"..."}` is at most 47 bytes.
  (func (export "again:draw")
    (call $read)
    (call $spin)
    (drop (call $random_fill (i32.const 0) (i32.const 32)))
    (i64.store (i32.const 32) (call $now_ms))
    (drop (call $1.0/insert (i32.const 1024) (i32.const 28)))
    (drop (call $reply_read (i32.const 40) (i32.const 47)))
    (call $output_hex (i32.const 0) (i32.const 87))))
