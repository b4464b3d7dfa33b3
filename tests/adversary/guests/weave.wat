;; A run that uses all there is: seed, time, arguments, documents, logs, memory that is refused, what is
;; left. It then ends as its function says, and its record must tell the same.
(module
  ;; @function weave:returns mutation
  ;; @function weave:traps mutation
  ;; @function weave:fails mutation
  ;; @function weave:spins mutation
  ;; @function weave:overflows mutation
  ;; @function weave:starves mutation
  ;; @function weave:breaks mutation
  ;; @import convex/core input_read output_write reply_read fail log random_fill now_ms left
  ;; @import convex/db-read 1.0/queryStream 1.0/queryStreamNext 1.0/get
  ;; @import convex/db-write 1.0/insert
  ;; @include numbers
  (memory (export "memory") 2)
  (data (i32.const 0) "{\"query\":{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"weave\",\"order\":\"asc\"},\"operators\":[]}}")
  (data (i32.const 128) "{\"table\":\"weave\",\"value\":{}}")
  (data (i32.const 192) "{\"level\":\"INFO\",\"messages\":[\"r\"]}")
  (data (i32.const 256) "{\"message\":\"woven\"}")
  (func $work (local $size i32) (local $rounds i64)
    (local.set $rounds (call $input_number))
    (loop $next
      (drop (call $random_fill (i32.const 8192) (i32.const 32)))
      (drop (call $1.0/insert (i32.const 128) (i32.const 28)))
      (local.set $size (i32.wrap_i64 (call $1.0/queryStream (i32.const 0) (i32.const 94))))
      (drop (call $reply_read (i32.const 512) (local.get $size)))
      (drop (call $1.0/queryStreamNext (i32.const 512) (local.get $size)))
      (drop (call $reply_read (i32.const 16384) (i32.const 1024)))
      (drop (call $log (i32.const 192) (i32.const 33)))
      (drop (call $left (i32.const 0) (i32.const 0)))
      (drop (memory.grow (i32.load8_u (i32.const 8192))))
      (local.set $rounds (i64.sub (local.get $rounds) (i64.const 1)))
      (br_if $next (i64.gt_s (local.get $rounds) (i64.const 0))))
    (call $output_number (i64.and (i64.xor (i64.load (i32.const 8192)) (call $now_ms)) (i64.const 0xffffffff))))
  (func $down (call $down) (call $down))
  (func (export "weave:returns") (call $work))
  (func (export "weave:traps") (call $work) (drop (i32.load (i32.const -1))))
  (func (export "weave:fails") (call $work) (drop (call $fail (i32.const 256) (i32.const 19))))
  (func (export "weave:spins") (call $work) (loop $again (br $again)))
  (func (export "weave:overflows") (call $work) (call $down))
  (func (export "weave:starves") (call $work) (drop (memory.grow (i32.const 65000))) (unreachable))
  (func (export "weave:breaks") (call $work) (drop (call $log (i32.const 0) (i32.const -1)))))
