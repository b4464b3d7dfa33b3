;; Callers who all write the same document: the first one is made if there is none, and its number
;; goes up by one. Whatever their order, none is lost and none is counted twice.
(module
  ;; @function crowd_hot:add mutation
  ;; @function crowd_hot:add_and_fail mutation
  ;; @function crowd_hot:count query
  ;; @import convex/core input_read output_write reply_read
  ;; @import convex/db-read 1.0/queryStream 1.0/queryStreamNext
  ;; @import convex/db-write 1.0/insert
  ;; @include numbers
  (memory (export "memory") 1)
  (data (i32.const 0) "{\"query\":{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"hot\",\"order\":\"asc\"},\"operators\":[]}}")
  (data (i32.const 128) "{\"table\":\"hot\",\"value\":{}}")
  ;; How many documents there are: each is a call that succeeded, and all of them are read.
  (func $count (result i64) (local $size i32) (local $found i64)
    (local.set $size (i32.wrap_i64 (call $1.0/queryStream (i32.const 0) (i32.const 92))))
    (drop (call $reply_read (i32.const 512) (local.get $size)))
    (block $done
      (loop $next
        (drop (call $1.0/queryStreamNext (i32.const 512) (local.get $size)))
        (drop (call $reply_read (i32.const 8192) (i32.const 1024)))
        ;; `{"value":null,…` at the end
        (br_if $done (i32.eq (i32.load offset=9 (i32.const 8192)) (i32.const 0x6c6c756e)))
        (local.set $found (i64.add (local.get $found) (i64.const 1)))
        (br $next)))
    (local.get $found))
  (func $add
    (drop (call $count))
    (if (i64.ne (i64.shr_u (call $1.0/insert (i32.const 128) (i32.const 26)) (i64.const 32)) (i64.const 0))
      (then (unreachable)))
    (call $output_number (i64.const 1)))
  (func (export "crowd_hot:add") (call $add))
  (func (export "crowd_hot:add_and_fail") (call $add) (unreachable))
  (func (export "crowd_hot:count") (call $output_number (call $count))))
