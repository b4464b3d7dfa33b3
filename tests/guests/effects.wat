;; Effects, in actions and where they are denied. The argument object of a sleep is the function's own.
(module
  ;; @function effects:sleep action
  ;; @function effects:sleep_query query {"export": "effects:sleep"}
  ;; @function effects:sleep_mutation mutation {"export": "effects:sleep"}
  ;; @function effects:sleeps action
  ;; @function effects:naps action
  ;; @function effects:sleep_past_end action
  ;; @function effects:sleep_malformed action
  ;; @function effects:sleep_oversize action
  ;; @function effects:clocks action
  ;; @function effects:random action
  ;; @function effects:random_query query {"export": "effects:random"}
  ;; @function effects:random_mutation mutation {"export": "effects:random"}
  ;; @function effects:random_past_end action
  ;; @function effects:random_wasi action
  ;; @function effects:both action
  ;; @function effects:linked query
  ;; @function effects:linked_mutation mutation {"export": "effects:linked"}
  ;; @import convex/core input_read output_write reply_read now_ms
  ;; @import convex/effect crypto_random sleep
  ;; @import wasi_snapshot_preview1 clock_time_get random_get
  (memory (export "memory") 4)
  ;; @include numbers
  ;; @include hex
  (data (i32.const 512) "{\"ms\":1}")
  (data (i32.const 528) "{\"ms\":0.01}")
  (data (i32.const 544) "{\"ms\":")

  ;; Sleeps for what the caller says: {"ms": n}. The result is how long it took, or the refusal.
  (func (export "effects:sleep") (local $size i32) (local $answer i64) (local $began i64)
    (local.set $size (i32.wrap_i64 (call $input_read (i32.const 1024) (i32.const 1024))))
    (local.set $began (call $now_ms))
    (local.set $answer
      (call $sleep (i32.const 1025) (i32.sub (local.get $size) (i32.const 2))))
    (if (i64.eqz (i64.shr_u (local.get $answer) (i64.const 32)))
      (then
        ;; the reply is null
        (if (i64.ne (local.get $answer) (i64.const 4)) (then (unreachable)))
        (drop (call $reply_read (i32.const 1024) (i32.const 4)))
        (if (i32.ne (i32.load (i32.const 1024)) (i32.const 0x6c6c756e)) (then (unreachable)))
        (call $output_number (i64.sub (call $now_ms) (local.get $began)))
        (return)))
    (drop (call $reply_read (i32.const 8192) (i32.wrap_i64 (local.get $answer))))
    (drop (call $output_write (i32.const 8192) (i32.wrap_i64 (local.get $answer)))))

  ;; Sleeps n times for a millisecond.
  (func (export "effects:sleeps") (local $left i64)
    (local.set $left (call $input_number))
    (block $done
      (loop $next
        (br_if $done (i64.eqz (local.get $left)))
        (drop (call $sleep (i32.const 512) (i32.const 8)))
        (local.set $left (i64.sub (local.get $left) (i64.const 1)))
        (br $next)))
    (call $output_number (i64.const 1)))

  ;; Works for about a millisecond and naps for a hundredth, n times.
  (func (export "effects:naps") (local $left i64) (local $turns i32)
    (local.set $left (call $input_number))
    (block $done
      (loop $next
        (br_if $done (i64.eqz (local.get $left)))
        (local.set $turns (i32.const 1000000))
        (loop $spin
          (local.set $turns (i32.sub (local.get $turns) (i32.const 1)))
          (br_if $spin (local.get $turns)))
        (drop (call $sleep (i32.const 528) (i32.const 11)))
        (local.set $left (i64.sub (local.get $left) (i64.const 1)))
        (br $next)))
    (call $output_number (i64.const 1)))

  (func (export "effects:sleep_past_end")
    (drop (call $sleep (i32.const 262144) (i32.const 8))))
  (func (export "effects:sleep_malformed")
    (drop (call $sleep (i32.const 544) (i32.const 6))))
  (func (export "effects:sleep_oversize")
    (drop (call $sleep (i32.const 65536) (i32.const 1025))))

  ;; By how many ms each clock of WASI moves while it sleeps for n times a millisecond, the lesser.
  (func (export "effects:clocks") (local $left i64) (local $real i64) (local $steady i64)
    (drop (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 0)))
    (drop (call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 8)))
    (local.set $left (call $input_number))
    (loop $next
      (drop (call $sleep (i32.const 512) (i32.const 8)))
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $next (i64.ne (local.get $left) (i64.const 0))))
    (drop (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 16)))
    (drop (call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 24)))
    (local.set $real (i64.sub (i64.load (i32.const 16)) (i64.load (i32.const 0))))
    (local.set $steady (i64.sub (i64.load (i32.const 24)) (i64.load (i32.const 8))))
    (call $output_number (i64.div_u
      (select (local.get $real) (local.get $steady)
        (i64.lt_u (local.get $real) (local.get $steady)))
      (i64.const 1000000))))

  ;; Draws n bytes; the result is the last 32 of them.
  (func (export "effects:random") (local $size i32)
    (local.set $size (i32.wrap_i64 (call $input_number)))
    (if (i64.ne (call $crypto_random (i32.const 131072) (local.get $size)) (i64.const 0))
      (then (unreachable)))
    (call $output_hex
      (i32.add (i32.const 131072) (i32.sub (local.get $size) (i32.const 32))) (i32.const 32)))
  (func (export "effects:random_past_end")
    (drop (call $crypto_random (i32.const 262140) (i32.const 8))))
  (func (export "effects:random_wasi")
    (if (call $random_get (i32.const 0) (i32.const 32)) (then (unreachable)))
    (call $output_hex (i32.const 0) (i32.const 32)))

  ;; Randomness before a sleep and after it.
  (func (export "effects:both")
    (drop (call $crypto_random (i32.const 131072) (i32.const 16)))
    (drop (call $sleep (i32.const 512) (i32.const 8)))
    (drop (call $crypto_random (i32.const 131088) (i32.const 16)))
    (call $output_hex (i32.const 131072) (i32.const 32)))

  ;; Links what it may not call, and does not call it.
  (func (export "effects:linked") (call $output_number (i64.const 1))))
