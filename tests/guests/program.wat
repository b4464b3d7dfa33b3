;; Calls a function of the program that has the library in it, `price` of `shop`.
(module
  ;; @function program:ask action
  ;; @function program:ask_query query {"export": "program:ask"}
  ;; @function program:ask_mutation mutation {"export": "program:ask"}
  ;; @function program:twice action
  ;; @function program:inner query
  ;; @function program:malformed action
  ;; @function program:past_end action
  ;; @function program:oversize action
  ;; @import convex/core input_read output_write reply_read
  ;; @import convex/run 1.0/runUdf
  ;; @import shop price
  (memory (export "memory") 4)
  (data (i32.const 0) "{} {\"udfType\":\"query\",\"name\":\"program:ask_query\",\"args\":{\"item\":\"tea\"}}")

  ;; What the program says to the object that the function is given, refusals too.
  (func $ask
    (drop (call $price (i32.const 1025)
      (i32.sub (i32.wrap_i64 (call $input_read (i32.const 1024) (i32.const 65536))) (i32.const 2)))))
  (func $tell
    (drop (call $output_write (i32.const 131072)
      (i32.wrap_i64 (call $reply_read (i32.const 131072) (i32.const 65536))))))
  (func (export "program:ask") (call $ask) (call $tell))
  (func (export "program:twice") (call $ask) (call $ask) (call $tell))
  (func (export "program:inner")
    (drop (call $1.0/runUdf (i32.const 3) (i32.const 68)))
    (call $tell))
  (func (export "program:malformed") (drop (call $price (i32.const 1) (i32.const 2))))
  (func (export "program:past_end") (drop (call $price (i32.const 262143) (i32.const 2))))
  (func (export "program:oversize") (drop (call $price (i32.const 0) (i32.const 131072)))))
