;; What `left` says before and after something was spent: the value is the two replies.
(module
  ;; @function left:nothing query
  ;; @function left:nothing_mutation mutation {"export": "left:nothing"}
  ;; @function left:nothing_action action {"export": "left:nothing"}
  ;; @function left:fuel query
  ;; @function left:fuel_action action {"export": "left:fuel"}
  ;; @function left:looks query
  ;; @function left:memory query
  ;; @function left:table query
  ;; @function left:logs query
  ;; @function left:output query
  ;; @function left:refused_log query
  ;; @function left:insert mutation
  ;; @function left:read query
  ;; @function left:get query
  ;; @import convex/core input_read output_write reply_read log random_fill left
  ;; @import convex/db-read 1.0/get 1.0/queryStream 1.0/queryStreamNext
  ;; @import convex/db-write 1.0/insert
  (memory (export "memory") 4)
  (table $table 5 funcref)
  ;; @include numbers
  (data (i32.const 0) "{\"level\":\"INFO\",\"messages\":[\"x\"]}")
  (data (i32.const 64) "{\"table\":\"things\",\"value\":{\"n\":1}}")
  (data (i32.const 128) "{\"query\":{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"things\",\"order\":\"asc\"},\"operators\":[]}}")
  (data (i32.const 256) "{\"id\":\"j57000820c20a1g7104gm2rc1m70ynr8\"}")
  (data (i32.const 320) "{\"level\":7,\"messages\":\"")

  (global $end (mut i32) (i32.const 8193))

  ;; Appends a reply of `left`. It begins with `{`, before which a mark is put.
  (func $tell (param $mark i32) (local $size i32)
    (i32.store8 (i32.sub (global.get $end) (i32.const 1)) (local.get $mark))
    (local.set $size (i32.wrap_i64 (call $left (i32.const 0) (i32.const 0))))
    (drop (call $reply_read (global.get $end) (local.get $size)))
    (global.set $end (i32.add (i32.add (global.get $end) (local.get $size)) (i32.const 1))))

  (func $before (call $tell (i32.const 91)))

  (func $after
    (call $tell (i32.const 44))
    (i32.store8 (i32.sub (global.get $end) (i32.const 1)) (i32.const 93))
    (drop (call $output_write (i32.const 8192) (i32.sub (global.get $end) (i32.const 8192)))))

  (func (export "left:nothing") (call $before) (call $after))

  (func (export "left:fuel") (local $left i32)
    (call $before)
    (local.set $left (i32.const 100000))
    (loop $spin
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $spin (local.get $left)))
    (call $after))

  ;; Work of the host, each call so much that the clock is looked at.
  (func (export "left:looks") (local $left i32)
    (call $before)
    (local.set $left (i32.const 20))
    (loop $next
      (drop (call $random_fill (i32.const 65536) (i32.const 65536)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left)))
    (call $after))

  (func (export "left:memory")
    (call $before)
    (drop (memory.grow (i32.const 3)))
    (call $after))

  (func (export "left:table")
    (call $before)
    (drop (table.grow $table (ref.null func) (i32.const 7)))
    (call $after))

  (func (export "left:logs") (local $left i32)
    (call $before)
    (local.set $left (i32.const 3))
    (loop $next
      (drop (call $log (i32.const 0) (i32.const 33)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left)))
    (call $after))

  ;; A result of 100,000 bytes, which is held until the run ends.
  (func (export "left:output")
    (call $before)
    (drop (call $output_write (i32.const 65536) (i32.const 100000)))
    (call $after))

  ;; A text that the host reads, refuses and lets go of.
  (func (export "left:refused_log")
    (call $before)
    (memory.copy (i32.const 65536) (i32.const 320) (i32.const 23))
    (memory.fill (i32.const 65559) (i32.const 97) (i32.const 100000))
    (i32.store16 (i32.const 165559) (i32.const 0x7d22))
    (drop (call $log (i32.const 65536) (i32.const 100025)))
    (call $after))

  (func (export "left:insert")
    (call $before)
    (drop (call $1.0/insert (i32.const 64) (i32.const 34)))
    (drop (call $1.0/insert (i32.const 64) (i32.const 34)))
    (call $after))

  ;; One range and two documents of it.
  (func (export "left:read") (local $size i32)
    (call $before)
    (drop (call $1.0/queryStream (i32.const 128) (i32.const 95)))
    (local.set $size (i32.wrap_i64 (call $reply_read (i32.const 512) (i32.const 256))))
    (drop (call $1.0/queryStreamNext (i32.const 512) (local.get $size)))
    (drop (call $1.0/queryStreamNext (i32.const 512) (local.get $size)))
    (call $after))

  ;; Two ranges in which there is nothing.
  (func (export "left:get")
    (call $before)
    (drop (call $1.0/get (i32.const 256) (i32.const 41)))
    (drop (call $1.0/get (i32.const 256) (i32.const 41)))
    (call $after)))
