;; Documents read one by one are paid for, found or not: so many looks for a document that does not exist.
(module
  ;; @function burn_scan:ranges query
  ;; @function burn_scan:streams query
  ;; @import convex/core input_read output_write reply_read
  ;; @import convex/db-read 1.0/get 1.0/queryStream
  ;; @include numbers
  (memory (export "memory") 1)
  (data (i32.const 0) "{\"query\":{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"nothing\",\"order\":\"asc\"},\"operators\":[]}}")
  (data (i32.const 256) "{\"id\":\"j57000820c20a1g7104gm2rc1m70ynr8\"}")
  (func $good (param $answer i64)
    (if (i64.ne (i64.shr_u (local.get $answer) (i64.const 32)) (i64.const 0))
      (then (unreachable))))
  (func (export "burn_scan:ranges") (local $left i64)
    (local.set $left (call $input_number))
    (loop $next
      (call $good (call $1.0/get (i32.const 256) (i32.const 41)))
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $next (i64.gt_s (local.get $left) (i64.const 0))))
    (call $output_number (i64.const 1)))
  ;; Scans begun and never ended.
  (func (export "burn_scan:streams") (local $left i64)
    (local.set $left (call $input_number))
    (loop $next
      (call $good (call $1.0/queryStream (i32.const 0) (i32.const 96)))
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $next (i64.gt_s (local.get $left) (i64.const 0))))
    (call $output_number (i64.const 1))))
