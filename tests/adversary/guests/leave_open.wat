;; Scans that are begun and never ended, so many; then the run returns, traps or spins.
(module
  ;; @function leave_open:traps query
  ;; @function leave_open:spins query
  ;; @function leave_open:returns query
  ;; @import convex/core input_read output_write
  ;; @import convex/db-read 1.0/queryStream
  ;; @include numbers
  (memory (export "memory") 1)
  (data (i32.const 0) "{\"query\":{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"open\",\"order\":\"asc\"},\"operators\":[]}}")
  (func $open (local $left i64)
    (local.set $left (call $input_number))
    (loop $next
      (drop (call $1.0/queryStream (i32.const 0) (i32.const 93)))
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $next (i64.gt_s (local.get $left) (i64.const 0)))))
  (func (export "leave_open:traps") (call $open) (unreachable))
  (func (export "leave_open:spins") (call $open) (loop $again (br $again)))
  (func (export "leave_open:returns") (call $open) (call $output_number (i64.const 1))))
