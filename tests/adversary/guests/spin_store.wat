;; The host's time in place of the guest's: documents of a megabyte that are read, checked and
;; refused, so many times; scans begun and ended.
(module
  ;; @function spin_store:insert mutation
  ;; @function spin_store:scans query
  ;; @import convex/core input_read output_write reply_read
  ;; @import convex/db-read 1.0/queryStream 1.0/queryStreamNext
  ;; @import convex/db-write 1.0/insert
  ;; @include numbers
  (memory (export "memory") 32)
  (data (i32.const 8192) "{\"table\":7,\"value\":{\"n\":[0")
  (data (i32.const 0) "{\"query\":{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"nothing\",\"order\":\"asc\"},\"operators\":[]}}")
  (func (export "spin_store:insert") (local $left i64) (local $at i32)
    (local.set $left (call $input_number))
    (local.set $at (i32.const 8218))
    (loop $fill
      (i32.store16 (local.get $at) (i32.const 0x302c))
      (local.set $at (i32.add (local.get $at) (i32.const 2)))
      (br_if $fill (i32.lt_u (local.get $at) (i32.const 1048576))))
    (i32.store (local.get $at) (i32.const 0x207d7d5d))
    (loop $next
      (drop (call $1.0/insert (i32.const 8192) (i32.sub (i32.const 1048579) (i32.const 8192))))
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $next (i64.gt_s (local.get $left) (i64.const 0))))
    (call $output_number (i64.const 1)))
  (func (export "spin_store:scans") (local $left i64) (local $size i32)
    (local.set $left (call $input_number))
    (loop $next
      (local.set $size (i32.wrap_i64 (call $1.0/queryStream (i32.const 0) (i32.const 96))))
      (drop (call $reply_read (i32.const 512) (local.get $size)))
      (drop (call $1.0/queryStreamNext (i32.const 512) (local.get $size)))
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $next (i64.gt_s (local.get $left) (i64.const 0))))
    (call $output_number (i64.const 1))))
