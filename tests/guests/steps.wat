;; Actions that log between their waits. The argument object of a sleep is the function's own.
(module
  ;; @function steps:slow action
  ;; @function steps:busy action
  ;; @import convex/core input_read output_write log
  ;; @import convex/effect sleep
  (memory (export "memory") 1)
  (data (i32.const 0) "{\"level\":\"INFO\",\"messages\":[\"one\"]}")
  (data (i32.const 64) "{\"level\":\"INFO\",\"messages\":[\"two\"]}")
  (data (i32.const 128) "{\"level\":\"INFO\",\"messages\":[\"three\"]}")
  (data (i32.const 192) "null")

  (func $sleep_so_long (param $size i32)
    (drop (call $sleep (i32.const 1025) (i32.sub (local.get $size) (i32.const 2)))))

  ;; Sleeps for {"ms": n} after each line but the last.
  (func (export "steps:slow") (local $size i32)
    (local.set $size (i32.wrap_i64 (call $input_read (i32.const 1024) (i32.const 1024))))
    (drop (call $log (i32.const 0) (i32.const 35)))
    (call $sleep_so_long (local.get $size))
    (drop (call $log (i32.const 64) (i32.const 35)))
    (call $sleep_so_long (local.get $size))
    (drop (call $log (i32.const 128) (i32.const 37)))
    (drop (call $output_write (i32.const 192) (i32.const 4))))

  ;; Computes without end after a line.
  (func (export "steps:busy")
    (drop (call $log (i32.const 0) (i32.const 35)))
    (loop $forever (br $forever))))
