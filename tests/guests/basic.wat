;; What a guest is for: arguments in, value or error out.
(module
  ;; @function basic:nothing query
  ;; @function basic:echo query
  ;; @function basic:echo_mutation mutation {"export": "basic:echo"}
  ;; @function basic:echo_action action {"export": "basic:echo"}
  ;; @function basic:hidden query {"export": "basic:echo", "visibility": "internal"}
  ;; @function basic:default query {"export": "basic:echo"}
  ;; @function nested/folder/basic:echo query {"export": "basic:echo"}
  ;; @function basic:typed query {"export": "basic:echo", "args": {"type": "object", "value": {"name": {"fieldType": {"type": "string"}, "optional": false}}}}
  ;; @function basic:unions query {"export": "basic:echo", "args": {"type": "object", "value": {"list": {"fieldType": {"type": "array", "value": {"type": "union", "value": [{"type": "string"},{"type": "string"},{"type": "string"},{"type": "string"},{"type": "string"},{"type": "string"},{"type": "string"},{"type": "string"},{"type": "string"},{"type": "number"}]}}, "optional": false}}}}
  ;; @function basic:returns_object query {"export": "basic:echo", "returns": {"type": "object", "value": {"name": {"fieldType": {"type": "string"}, "optional": false}}}}
  ;; @function basic:twice query
  ;; @function basic:fail query
  ;; @function basic:fail_plain query
  ;; @function basic:fail_malformed query
  ;; @function basic:unreachable query
  ;; @function basic:divide query
  ;; @function basic:outside query
  ;; @function basic:indirect query
  ;; @import convex/core input_read output_write fail
  (memory (export "memory") 1)
  (table 1 funcref)
  (data (i32.const 0) "{\"message\":\"refused by the guest\",\"data\":{\"code\":7,\"why\":[\"x\",null]}}")
  (data (i32.const 128) "{\"message\":\"without data\"}")
  (data (i32.const 192) "{\"message\":")
  (data (i32.const 256) "1 2")

  (func (export "basic:nothing"))

  ;; The arguments are an array of one object: what stands between its brackets is the result.
  (func (export "basic:echo") (local $size i32)
    (local.set $size (i32.wrap_i64 (call $input_read (i32.const 0) (i32.const 0))))
    (drop (memory.grow (i32.div_u (local.get $size) (i32.const 65536))))
    (drop (call $input_read (i32.const 0) (local.get $size)))
    (drop (call $output_write (i32.const 1) (i32.sub (local.get $size) (i32.const 2)))))

  (func (export "basic:twice")
    (drop (call $output_write (i32.const 256) (i32.const 1)))
    (drop (call $output_write (i32.const 258) (i32.const 1))))

  (func (export "basic:fail") (drop (call $fail (i32.const 0) (i32.const 69))))
  (func (export "basic:fail_plain") (drop (call $fail (i32.const 128) (i32.const 26))))
  (func (export "basic:fail_malformed") (drop (call $fail (i32.const 192) (i32.const 11))))

  (func (export "basic:unreachable") (call $outer))
  (func $outer (call $inner))
  (func $inner (unreachable))
  (func (export "basic:divide") (drop (i32.div_u (i32.const 1) (i32.load (i32.const 1024)))))
  (func (export "basic:outside") (drop (i32.load (i32.const 65535))))
  (func (export "basic:indirect") (call_indirect (i32.const 0))))
