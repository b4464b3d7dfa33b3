;; Who has signed in, asked by each kind of function and by those that others call.
(module
  ;; @function identity:get query
  ;; @function identity:get_mutation mutation {"export": "identity:get"}
  ;; @function identity:get_action action {"export": "identity:get"}
  ;; @function identity:across action
  ;; @function identity:inner mutation
  ;; @function identity:secret query {"export": "identity:get", "visibility": "internal"}
  ;; @import convex/core output_write reply_read 1.0/getUserIdentity
  ;; @import convex/run 1.0/runUdf 1.0/actions/query
  (memory (export "memory") 4)
  (data (i32.const 0) "{}")
  (data (i32.const 128) "{\"udfType\":\"query\",\"name\":\"identity:get\",\"args\":{}}")
  (data (i32.const 256) "{\"name\":\"identity:get\",\"args\":{}}")

  (func $give
    (drop (call $output_write (i32.const 65536)
      (i32.wrap_i64 (call $reply_read (i32.const 65536) (i32.const 131072))))))

  (func (export "identity:get")
    (drop (call $1.0/getUserIdentity (i32.const 0) (i32.const 2)))
    (call $give))

  ;; As a query is told that it calls.
  (func (export "identity:across")
    (drop (call $1.0/actions/query (i32.const 256) (i32.const 33)))
    (call $give))

  ;; As a function inside the transaction is told.
  (func (export "identity:inner")
    (drop (call $1.0/runUdf (i32.const 128) (i32.const 51)))
    (call $give)))
