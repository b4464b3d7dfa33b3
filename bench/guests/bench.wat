;; Host calls in a loop: the count is the first number in the arguments.
(module
  ;; @function bench:empty query
  ;; @function bench:loop query
  ;; @function bench:input_read query
  ;; @function bench:now query
  ;; @function bench:get query
  ;; @function bench:log query
  ;; @function bench:insert mutation
  ;; @function bench:insert_one mutation
  ;; @import convex/core input_read output_write reply_read now_ms log
  ;; @import convex/db-read 1.0/get
  ;; @import convex/db-write 1.0/insert
  (memory (export "memory") 1)
  (data (i32.const 0) "{\"table\":\"things\",\"value\":{\"body\":\"0123456789012345678901234567890123456789\"}}")
  (data (i32.const 256) "{\"level\":\"LOG\",\"messages\":[\"0123456789\"]}")

  ;; The number behind `"n":` in {"id":"...","n":123}; memory from 1024 on holds the arguments.
  (func $count (result i32) (local $at i32) (local $digit i32) (local $number i32)
    (drop (call $input_read (i32.const 1024) (i32.const 1024)))
    (local.set $at (i32.const 1024))
    (loop $seek
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $seek (i32.ne (i32.load (local.get $at)) (i32.const 0x3a226e22))))
    (local.set $at (i32.add (local.get $at) (i32.const 4)))
    (loop $next
      (local.set $digit (i32.sub (i32.load8_u (local.get $at)) (i32.const 48)))
      (if (i32.le_u (local.get $digit) (i32.const 9))
        (then
          (local.set $number
            (i32.add (i32.mul (local.get $number) (i32.const 10)) (local.get $digit)))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $next))))
    (local.get $number))

  (func (export "bench:empty"))
  (func (export "bench:loop") (local $left i32)
    (local.set $left (call $count))
    (loop $next
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left))))
  (func (export "bench:input_read") (local $left i32)
    (local.set $left (call $count))
    (loop $next
      (drop (call $input_read (i32.const 2048) (i32.const 64)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left))))
  (func (export "bench:now") (local $left i32)
    (local.set $left (call $count))
    (loop $next
      (drop (call $now_ms))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left))))
  ;; The arguments are [{"id":"<32 characters>","n":123}]: {"id":"..."} is made from them.
  (func (export "bench:get") (local $left i32)
    (local.set $left (call $count))
    (i32.store8 (i32.const 1065) (i32.const 125))
    (loop $next
      (drop (call $1.0/get (i32.const 1025) (i32.const 41)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left))))
  (func (export "bench:log") (local $left i32)
    (local.set $left (call $count))
    (loop $next
      (drop (call $log (i32.const 256) (i32.const 41)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left))))
  (func (export "bench:insert") (local $left i32)
    (local.set $left (call $count))
    (loop $next
      (drop (call $1.0/insert (i32.const 0) (i32.const 78)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left))))
  (func (export "bench:insert_one") (local $size i32)
    (local.set $size (i32.wrap_i64 (call $1.0/insert (i32.const 0) (i32.const 78))))
    (drop (call $reply_read (i32.const 2048) (i32.const 256)))
    (drop (call $output_write (i32.const 2055) (i32.const 34)))))
