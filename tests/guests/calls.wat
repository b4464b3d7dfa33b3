;; Host calls that cannot be right, each beside its twin that just can.
(module
  ;; @function calls:empty_at_end query
  ;; @function calls:empty_past_end query
  ;; @function calls:whole_memory query
  ;; @function calls:past_end query
  ;; @function calls:wraps_around query
  ;; @function calls:output_past_end query
  ;; @function calls:log_past_end query
  ;; @function calls:log_malformed query
  ;; @function calls:log_no_object query
  ;; @function calls:log_not_utf8 query
  ;; @function calls:log_wrong_type query
  ;; @function calls:log_unknown_level query
  ;; @function calls:random_most query
  ;; @function calls:random_too_much query
  ;; @function calls:fail_past_end query
  ;; @function calls:alias_past_end query
  ;; @function calls:wasi_past_end query
  ;; @function calls:insert_malformed mutation
  ;; @function calls:insert_everything mutation
  ;; @function calls:insert_wrong_type mutation
  ;; @function calls:insert_bad_table mutation
  ;; @function calls:get_foreign_id query
  ;; @function calls:stream_unknown query
  ;; @import convex/core input_read output_write reply_read fail log random_fill
  ;; @import convex/db-read 1.0/get 1.0/queryStreamNext
  ;; @import convex/db-write 1.0/insert
  ;; @import env __convex_random_bytes_deterministic
  ;; @import wasi_snapshot_preview1 fd_write
  (memory (export "memory") 2)
  (data (i32.const 0) "{\"level\":\"INFO\",\"messages\":[")
  (data (i32.const 64) "[]")
  (data (i32.const 96) "{\"level\":\"INFO\",\"messages\":[\"\ff\"]}")
  (data (i32.const 160) "{\"level\":\"INFO\",\"messages\":\"x\"}")
  (data (i32.const 224) "{\"level\":\"LOUD\",\"messages\":[\"x\"]}")
  (data (i32.const 288) "{\"table\":\"things\"")
  (data (i32.const 320) "{\"table\":7,\"value\":{}}")
  (data (i32.const 352) "{\"table\":\"_system\",\"value\":{}}")
  (data (i32.const 400) "{\"id\":\"no id at all\"}")
  (data (i32.const 432) "{\"queryId\":77}")

  ;; The reply of a refusal as the value; an answer that is none leaves null.
  (func $show (param $answer i64) (local $size i32)
    (if (i64.ne (i64.shr_u (local.get $answer) (i64.const 32)) (i64.const 0))
      (then
        (local.set $size (i32.wrap_i64 (call $reply_read (i32.const 8192) (i32.const 4096))))
        (drop (call $output_write (i32.const 8192) (local.get $size))))))

  ;; Memory ends at 131072.
  (func (export "calls:empty_at_end") (drop (call $input_read (i32.const 131072) (i32.const 0))))
  (func (export "calls:empty_past_end") (drop (call $input_read (i32.const 131073) (i32.const 0))))
  (func (export "calls:whole_memory") (drop (call $input_read (i32.const 0) (i32.const 131072))))
  (func (export "calls:past_end") (drop (call $input_read (i32.const 1) (i32.const 131072))))
  (func (export "calls:wraps_around") (drop (call $input_read (i32.const -1) (i32.const 2))))
  (func (export "calls:output_past_end")
    (drop (call $output_write (i32.const 131071) (i32.const 2))))
  (func (export "calls:log_past_end") (drop (call $log (i32.const 131070) (i32.const 100))))
  (func (export "calls:log_malformed") (drop (call $log (i32.const 0) (i32.const 28))))
  (func (export "calls:log_no_object") (drop (call $log (i32.const 64) (i32.const 2))))
  (func (export "calls:log_not_utf8") (drop (call $log (i32.const 96) (i32.const 33))))
  (func (export "calls:log_wrong_type") (call $show (call $log (i32.const 160) (i32.const 31))))
  (func (export "calls:log_unknown_level") (call $show (call $log (i32.const 224) (i32.const 33))))
  (func (export "calls:random_most")
    (drop (call $random_fill (i32.const 65536) (i32.const 65536))))
  (func (export "calls:random_too_much")
    (drop (call $random_fill (i32.const 65535) (i32.const 65537))))
  (func (export "calls:fail_past_end") (drop (call $fail (i32.const 131072) (i32.const 1))))
  (func (export "calls:alias_past_end")
    (call $__convex_random_bytes_deterministic (i32.const 131072) (i32.const 1)))
  (func (export "calls:wasi_past_end")
    (drop (call $fd_write (i32.const 1) (i32.const 131068) (i32.const 1) (i32.const 0))))
  (func (export "calls:insert_malformed")
    (drop (call $1.0/insert (i32.const 288) (i32.const 17))))
  (func (export "calls:insert_everything")
    (drop (call $1.0/insert (i32.const 0) (i32.const -1))))
  (func (export "calls:insert_wrong_type")
    (call $show (call $1.0/insert (i32.const 320) (i32.const 22))))
  (func (export "calls:insert_bad_table")
    (call $show (call $1.0/insert (i32.const 352) (i32.const 30))))
  (func (export "calls:get_foreign_id") (call $show (call $1.0/get (i32.const 400) (i32.const 21))))
  (func (export "calls:stream_unknown")
    (call $show (call $1.0/queryStreamNext (i32.const 432) (i32.const 14)))))
