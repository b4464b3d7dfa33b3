;; Reads one after the other, so that a store that lets each wait shows what the clock does.
(module
  ;; @function waits:reads query
  ;; @function waits:reads_mutation mutation {"export": "waits:reads"}
  ;; @function waits:spins query
  ;; @import convex/core input_read output_write
  ;; @import convex/db-read 1.0/get
  (memory (export "memory") 1)
  ;; @include numbers
  (data (i32.const 0) "{\"id\":\"j57000820c20a1g7104gm2rc1m70ynr8\"}")

  (func $read (drop (call $1.0/get (i32.const 0) (i32.const 41))))

  (func (export "waits:reads") (local $left i64)
    (local.set $left (call $input_number))
    (block $done
      (loop $next
        (br_if $done (i64.eqz (local.get $left)))
        (call $read)
        (local.set $left (i64.sub (local.get $left) (i64.const 1)))
        (br $next)))
    (call $output_number (i64.const 1)))

  ;; The same, with a few ten milliseconds of work of its own after each read.
  (func (export "waits:spins") (local $left i64) (local $turns i32)
    (local.set $left (call $input_number))
    (block $done
      (loop $next
        (br_if $done (i64.eqz (local.get $left)))
        (call $read)
        (local.set $turns (i32.const 100000000))
        (loop $spin
          (local.set $turns (i32.sub (local.get $turns) (i32.const 1)))
          (br_if $spin (local.get $turns)))
        (local.set $left (i64.sub (local.get $left) (i64.const 1)))
        (br $next)))
    (call $output_number (i64.const 1))))
