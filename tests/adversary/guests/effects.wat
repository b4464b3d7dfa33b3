;; What only actions may do: bytes from the operating system, and waiting. In a query and a mutation
;; both are denied; an action that sleeps past its time ends by it, and holds nothing while it sleeps.
(module
  ;; @function effects:random_query query {"export": "effects:random"}
  ;; @function effects:random_mutation mutation {"export": "effects:random"}
  ;; @function effects:random action
  ;; @function effects:sleep_query query {"export": "effects:sleep"}
  ;; @function effects:sleep_mutation mutation {"export": "effects:sleep"}
  ;; @function effects:sleep action
  ;; @function effects:naps action
  ;; @function effects:too_much action
  ;; @function effects:most action
  ;; @function effects:past_end action
  ;; @import convex/core input_read output_write
  ;; @import convex/effect crypto_random sleep
  ;; @include numbers
  (memory (export "memory") 2)
  (data (i32.const 0) "{\"ms\":")
  (func (export "effects:random")
    (drop (call $crypto_random (i32.const 8192) (i32.const 32)))
    (call $output_number (i64.extend_i32_u (i64.ne (i64.load (i32.const 8192)) (i64.const 0)))))
  (func (export "effects:too_much") (drop (call $crypto_random (i32.const 8192) (i32.const 65537))))
  (func (export "effects:most")
    (drop (call $crypto_random (i32.const 65536) (i32.const 65536)))
    (call $output_number (i64.const 1)))
  (func (export "effects:past_end") (drop (call $crypto_random (i32.const 131071) (i32.const 2))))
  ;; For as long as the arguments say: `[{"n":…}]`.
  (func (export "effects:sleep") (local $size i32)
    (local.set $size (i32.wrap_i64 (call $input_read (i32.const 1024) (i32.const 256))))
    (memory.copy (i32.const 512) (i32.const 0) (i32.const 6))
    (memory.copy (i32.const 518) (i32.const 1030) (i32.sub (local.get $size) (i32.const 7)))
    (drop (call $sleep (i32.const 512) (i32.sub (local.get $size) (i32.const 1))))
    (call $output_number (i64.const 1)))
  ;; So many sleeps of no time at all.
  (func (export "effects:naps") (local $left i64)
    (local.set $left (call $input_number))
    (i64.store (i32.const 6) (i64.const 0x7d30))
    (loop $next
      (drop (call $sleep (i32.const 0) (i32.const 8)))
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $next (i64.gt_s (local.get $left) (i64.const 0))))
    (call $output_number (i64.const 1))))
