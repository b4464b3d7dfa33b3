;; Environment variables, read by each kind of function.
(module
  ;; @function env:get query
  ;; @function env:get_mutation mutation {"export": "env:get"}
  ;; @function env:get_action action {"export": "env:get"}
  ;; @function env:across action
  ;; @function env:inner query
  ;; @import convex/core input_read output_write reply_read env_get
  ;; @import convex/effect sleep
  ;; @import convex/run 1.0/runUdf 1.0/actions/query
  (memory (export "memory") 4)
  (data (i32.const 0) "{\"name\":\"A\"}")
  (data (i32.const 64) "{\"ms\":1500}")
  (data (i32.const 128) "{\"udfType\":\"query\",\"name\":\"env:get\",\"args\":{\"name\":\"A\"}}")
  (data (i32.const 256) "{\"name\":\"env:get\",\"args\":{\"name\":\"A\"}}")

  (global $end (mut i32) (i32.const 131072))

  ;; A byte, then the last reply.
  (func $append (param $byte i32)
    (i32.store8 (global.get $end) (local.get $byte))
    (global.set $end (i32.add (global.get $end) (i32.const 1)))
    (global.set $end (i32.add (global.get $end)
      (i32.wrap_i64 (call $reply_read (global.get $end) (i32.const 65536))))))

  ;; What the host says to the object that the function is given, refusals too.
  (func (export "env:get") (local $size i32)
    (local.set $size (i32.wrap_i64 (call $input_read (i32.const 1024) (i32.const 65536))))
    (drop (call $env_get (i32.const 1025) (i32.sub (local.get $size) (i32.const 2))))
    (drop (call $output_write (i32.const 131072)
      (i32.wrap_i64 (call $reply_read (i32.const 131072) (i32.const 65536))))))

  ;; A, before and after a sleep, and as a query sees it then that is called: an array.
  (func (export "env:across")
    (drop (call $env_get (i32.const 0) (i32.const 12)))
    (call $append (i32.const 91))
    (drop (call $sleep (i32.const 64) (i32.const 11)))
    (drop (call $env_get (i32.const 0) (i32.const 12)))
    (call $append (i32.const 44))
    (drop (call $1.0/actions/query (i32.const 256) (i32.const 38)))
    (call $append (i32.const 44))
    (i32.store8 (global.get $end) (i32.const 93))
    (drop (call $output_write (i32.const 131072)
      (i32.sub (i32.add (global.get $end) (i32.const 1)) (i32.const 131072)))))

  ;; A, as a function inside the transaction sees it.
  (func (export "env:inner")
    (drop (call $1.0/runUdf (i32.const 128) (i32.const 56)))
    (drop (call $output_write (i32.const 131072)
      (i32.wrap_i64 (call $reply_read (i32.const 131072) (i32.const 65536)))))))
