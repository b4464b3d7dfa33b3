;; A document is written, and then the run ends in one of the ways there are; what the table holds
;; afterwards is asked by another run. The digit of the arguments is the last of the table's name.
(module
  ;; @function leave_writes:trap mutation
  ;; @function leave_writes:fuel mutation
  ;; @function leave_writes:overflow mutation
  ;; @function leave_writes:memory mutation
  ;; @function leave_writes:range mutation
  ;; @function leave_writes:json mutation
  ;; @function leave_writes:fail mutation
  ;; @function leave_writes:exit mutation
  ;; @function leave_writes:writes mutation
  ;; @function leave_writes:returns mutation
  ;; @function leave_writes:exits mutation
  ;; @function leave_writes:count query
  ;; @import convex/core input_read output_write reply_read fail
  ;; @import convex/db-read 1.0/queryStream 1.0/queryStreamNext
  ;; @import convex/db-write 1.0/insert
  ;; @import wasi_snapshot_preview1 proc_exit
  ;; @include numbers
  (memory (export "memory") 1)
  (data (i32.const 0) "{\"query\":{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"left_00\",\"order\":\"asc\"},\"operators\":[]}}")
  (data (i32.const 256) "{\"table\":\"left_00\",\"value\":{}}")
  (data (i32.const 512) "{\"message\":\"m\"}")
  (func $digits (param $at i32) (param $n i32)
    (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.div_u (local.get $n) (i32.const 10))))
    (i32.store8 offset=1 (local.get $at)
      (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10)))))
  (func $name_table (local $n i32)
    (local.set $n (i32.wrap_i64 (call $input_number)))
    (call $digits (i32.const 61) (local.get $n))
    (call $digits (i32.const 271) (local.get $n)))
  (func $insert
    (if (i64.ne (i64.shr_u (call $1.0/insert (i32.const 256) (i32.const 30)) (i64.const 32)) (i64.const 0))
      (then (unreachable))))
  (func $begin (call $name_table) (call $insert))
  (func $down (call $down) (call $down))
  (func (export "leave_writes:trap") (call $begin) (unreachable))
  (func (export "leave_writes:fuel") (call $begin) (loop $again (br $again)))
  (func (export "leave_writes:overflow") (call $begin) (call $down))
  (func (export "leave_writes:memory") (call $begin) (drop (memory.grow (i32.const 65535))) (unreachable))
  (func (export "leave_writes:range") (call $begin) (drop (call $output_write (i32.const -1) (i32.const 1))))
  (func (export "leave_writes:json") (call $begin) (drop (call $output_write (i32.const 0) (i32.const 1))))
  (func (export "leave_writes:fail") (call $begin) (drop (call $fail (i32.const 512) (i32.const 15))))
  (func (export "leave_writes:exit") (call $begin) (call $proc_exit (i32.const 3)))
  (func (export "leave_writes:writes") (call $begin) (loop $again (call $insert) (br $again)))
  (func (export "leave_writes:returns") (call $begin) (call $output_number (i64.const 1)))
  (func (export "leave_writes:exits")
    (call $begin) (call $output_number (i64.const 1)) (call $proc_exit (i32.const 0)) (unreachable))
  (func (export "leave_writes:count") (local $size i32) (local $found i64)
    (call $name_table)
    (local.set $size (i32.wrap_i64 (call $1.0/queryStream (i32.const 0) (i32.const 96))))
    (drop (call $reply_read (i32.const 768) (local.get $size)))
    (block $done
      (loop $next
        (drop (call $1.0/queryStreamNext (i32.const 768) (local.get $size)))
        (drop (call $reply_read (i32.const 8192) (i32.const 1024)))
        (br_if $done (i32.eq (i32.load offset=9 (i32.const 8192)) (i32.const 0x6c6c756e)))
        (local.set $found (i64.add (local.get $found) (i64.const 1)))
        (br $next)))
    (call $output_number (local.get $found))))
