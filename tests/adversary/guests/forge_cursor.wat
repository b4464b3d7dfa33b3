;; Scans that were never begun, that have ended, of other numbers; the twin's is its own.
(module
  ;; @function forge_cursor:number query
  ;; @function forge_cursor:text query
  ;; @function forge_cursor:closed query
  ;; @function forge_cursor:own query
  ;; @import convex/core input_read output_write reply_read
  ;; @import convex/db-read 1.0/queryStream 1.0/queryStreamNext 1.0/queryCleanup
  ;; @include numbers
  ;; @include show
  (memory (export "memory") 1)
  (data (i32.const 0) "{\"query\":{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"forge\",\"order\":\"asc\"},\"operators\":[]}}")
  (data (i32.const 128) "{\"queryId\":")
  (data (i32.const 192) "{\"queryId\":\"0\"}")
  ;; The number that the arguments hold, as it stands there: `[{"n":…}]`.
  (func (export "forge_cursor:number") (local $size i32)
    (local.set $size (i32.wrap_i64 (call $input_read (i32.const 1024) (i32.const 256))))
    (memory.copy (i32.const 512) (i32.const 128) (i32.const 11))
    (memory.copy (i32.const 523) (i32.const 1030) (i32.sub (local.get $size) (i32.const 7)))
    (call $show (call $1.0/queryStreamNext (i32.const 512) (i32.add (local.get $size) (i32.const 4)))))
  (func (export "forge_cursor:text")
    (call $show (call $1.0/queryStreamNext (i32.const 192) (i32.const 15))))
  (func $begin (result i32) (local $size i32)
    (local.set $size (i32.wrap_i64 (call $1.0/queryStream (i32.const 0) (i32.const 94))))
    (drop (call $reply_read (i32.const 512) (local.get $size)))
    (local.get $size))
  (func (export "forge_cursor:closed") (local $size i32)
    (local.set $size (call $begin))
    (drop (call $1.0/queryCleanup (i32.const 512) (local.get $size)))
    (call $show (call $1.0/queryStreamNext (i32.const 512) (local.get $size))))
  (func (export "forge_cursor:own") (local $size i32)
    (local.set $size (call $begin))
    (call $show (call $1.0/queryStreamNext (i32.const 512) (local.get $size)))))
