;; Each class of work that has a price, over and over. The arguments are {"f":F,"l":L,"n":N,"t":TEXT}:
;; N times what stands at F in the table below, called with where TEXT is, and L. Memory has 64 MiB
;; beside, so that there is something to touch and to miss.
(module
  ;; @function prices:query query
  ;; @function prices:mutation mutation
  ;; @function prices:action action
  ;; @import convex/core input_read output_write reply_read now_ms log random_fill left env_get
  ;; @import convex/db-read 1.0/get 1.0/queryStream 1.0/queryStreamNext 1.0/db/normalizeId 1.0/queryCleanup
  ;; @import convex/db-write 1.0/insert 1.0/shallowMerge 1.0/replace 1.0/remove
  ;; @import convex/run 1.0/actions/query 1.0/runUdf
  ;; @import convex/effect crypto_random sleep
  ;; @import wasi_snapshot_preview1 args_sizes_get args_get environ_sizes_get environ_get clock_time_get clock_res_get
  ;; @import wasi_snapshot_preview1 random_get fd_write fd_read fd_close fd_seek fd_fdstat_get
  ;; @import wasi_snapshot_preview1 fd_prestat_get fd_prestat_dir_name sched_yield
  (memory (export "memory") 1056)
  (table 64 100000 funcref)
  (type $work (func (param i32 i32) (result i64)))
  (global $at (mut i32) (i32.const 0))
  (global $ready (mut i32) (i32.const 0))

  ;; bench_prices.c has these in the same order.
  (elem (i32.const 0) $nothing $division $root $miss $touch $touch_far $fill $copy $grow $grow_touch
    $table_grow $table_fill $now $input_read $output_write $log $random_fill $left $1.0/get
    $1.0/queryStream $step $1.0/db/normalizeId $1.0/insert $1.0/shallowMerge
    $1.0/replace $1.0/remove $1.0/actions/query $1.0/runUdf $crypto_random $sleep
    $reply $open_close $insert_remove
    $w_args_sizes $w_args $w_environ_sizes $w_environ $w_clock $w_resolution $w_random $w_write
    $w_read $w_close $w_seek $w_stat $w_prestat $w_prestat_name $w_yield $env_get)

  (func $nothing (param i32 i32) (result i64) (i64.const 0))

  ;; 256 divisions that need each other.
  (func $division (param i32 i32) (result i64) (local $left i32) (local $number i64)
    (local.set $number (i64.const -1))
    (local.set $left (i32.const 256))
    (loop $next
      (local.set $number (i64.or
        (i64.div_u (i64.const -1) (local.get $number)) (i64.const 0x4000000000000000)))
      (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (local.get $number))
  (func $root (param i32 i32) (result i64) (local $left i32) (local $number f64)
    (local.set $number (f64.const 1e300))
    (local.set $left (i32.const 256))
    (loop $next
      (local.set $number (f64.sqrt (f64.add (local.get $number) (f64.const 2))))
      (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (i64.trunc_f64_u (local.get $number)))

  ;; 256 loads from 64 MiB that need each other and follow no order. All of it is touched at first.
  (func $miss (param i32 i32) (result i64) (local $left i32)
    (if (i32.eqz (global.get $ready))
      (then (memory.fill (i32.const 0x200000) (i32.const 0) (i32.const 0x4000000))
        (global.set $ready (i32.const 1))))
    (local.set $left (i32.const 256))
    (loop $next
      (global.set $at (i32.add (i32.mul (global.get $at) (i32.const 1664525)) (i32.add
        (i32.const 1013904223)
        (i32.load (i32.add (i32.const 0x200000) (i32.and (global.get $at) (i32.const 0x3ffffc0)))))))
      (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (i64.const 0))

  ;; The first store to a page of 4 KiB of what memory the module begins with: the next, one far off.
  (func $touch (param i32 i32) (result i64)
    (global.set $at (i32.add (global.get $at) (i32.const 4096)))
    (i32.store (i32.add (i32.const 0x200000) (global.get $at)) (i32.const 1))
    (i64.const 0))
  (func $touch_far (param i32 i32) (result i64)
    (global.set $at (i32.add (global.get $at) (i32.const 65536)))
    (i32.store (i32.add (i32.const 0x200000) (global.get $at)) (i32.const 1))
    (i64.const 0))

  (func $fill (param i32 i32) (result i64)
    (memory.fill (i32.const 0x110000) (i32.const 1) (i32.const 65536)) (i64.const 0))
  (func $copy (param i32 i32) (result i64)
    (memory.copy (i32.const 0x110000) (i32.const 0x130000) (i32.const 65536)) (i64.const 0))
  (func $grow (param i32 i32) (result i64) (i64.extend_i32_s (memory.grow (i32.const 1))))
  ;; A page of 64 KiB, and the first store to each of its sixteenths.
  (func $grow_touch (param i32 i32) (result i64) (local $at i32) (local $left i32)
    (local.set $at (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))
    (local.set $left (i32.const 16))
    (loop $next
      (i32.store (local.get $at) (i32.const 1))
      (local.set $at (i32.add (local.get $at) (i32.const 4096)))
      (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (i64.const 0))
  (func $table_grow (param i32 i32) (result i64)
    (i64.extend_i32_s (table.grow 0 (ref.null func) (i32.const 100))))
  (func $table_fill (param i32 i32) (result i64)
    (if (i32.eqz (global.get $ready))
      (then (drop (table.grow 0 (ref.null func) (i32.const 10000))) (global.set $ready (i32.const 1))))
    (table.fill 0 (i32.const 64) (ref.null func) (i32.const 10000)) (i64.const 0))

  (func $now (param i32 i32) (result i64) (call $now_ms))
  ;; One document of a scan; TEXT is the scan, which is begun by the first call.
  (func $step (param $text i32) (param $size i32) (result i64)
    (if (i32.eqz (global.get $ready))
      (then
        (drop (call $1.0/queryStream (local.get $text) (local.get $size)))
        (global.set $ready (i32.wrap_i64 (call $reply_read (i32.const 0x1000) (i32.const 256))))))
    (call $1.0/queryStreamNext (i32.const 0x1000) (global.get $ready)))

  ;; The last reply again: that of `left`, which the first call makes.
  (func $reply (param i32 i32) (result i64)
    (if (i32.eqz (global.get $ready))
      (then (drop (call $left (i32.const 0) (i32.const 0))) (global.set $ready (i32.const 1))))
    (call $reply_read (i32.const 0x1000) (i32.const 16)))
  ;; TEXT is a scan, which is closed again.
  (func $open_close (param $text i32) (param $size i32) (result i64)
    (drop (call $1.0/queryStream (local.get $text) (local.get $size)))
    (call $1.0/queryCleanup (i32.const 0x1000)
      (i32.wrap_i64 (call $reply_read (i32.const 0x1000) (i32.const 256)))))
  ;; TEXT is a document, which is removed again: what is answered is `{"_id":...`, what is asked has `id`.
  (func $insert_remove (param $text i32) (param $size i32) (result i64) (local $length i32)
    (drop (call $1.0/insert (local.get $text) (local.get $size)))
    (local.set $length (i32.wrap_i64 (call $reply_read (i32.const 0x1000) (i32.const 256))))
    (i32.store16 (i32.const 0x1001) (i32.const 0x2220))
    (call $1.0/remove (i32.const 0x1000) (local.get $length)))

  (func $w_args_sizes (param i32 i32) (result i64)
    (i64.extend_i32_u (call $args_sizes_get (i32.const 0x1000) (i32.const 0x1008))))
  (func $w_args (param i32 i32) (result i64)
    (i64.extend_i32_u (call $args_get (i32.const 0x1000) (i32.const 0x1100))))
  (func $w_environ_sizes (param i32 i32) (result i64)
    (i64.extend_i32_u (call $environ_sizes_get (i32.const 0x1000) (i32.const 0x1008))))
  (func $w_environ (param i32 i32) (result i64)
    (i64.extend_i32_u (call $environ_get (i32.const 0x1000) (i32.const 0x1100))))
  (func $w_clock (param i32 i32) (result i64)
    (i64.extend_i32_u (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 0x1000))))
  (func $w_resolution (param i32 i32) (result i64)
    (i64.extend_i32_u (call $clock_res_get (i32.const 0) (i32.const 0x1000))))
  (func $w_random (param i32 i32) (result i64)
    (i64.extend_i32_u (call $random_get (i32.const 0x1000) (i32.const 16))))
  ;; Ten letters and the end of their line.
  (func $w_write (param i32 i32) (result i64)
    (i32.store (i32.const 0x1200) (i32.const 0x1300))
    (i32.store (i32.const 0x1204) (i32.const 11))
    (i64.store (i32.const 0x1300) (i64.const 0x6161616161616161))
    (i32.store (i32.const 0x1308) (i32.const 0x000a6161))
    (i64.extend_i32_u (call $fd_write (i32.const 1) (i32.const 0x1200) (i32.const 1) (i32.const 0x1000))))
  (func $w_read (param i32 i32) (result i64)
    (i64.extend_i32_u (call $fd_read (i32.const 0) (i32.const 0x1200) (i32.const 1) (i32.const 0x1000))))
  (func $w_close (param i32 i32) (result i64)
    (i64.extend_i32_u (call $fd_close (i32.const 1))))
  (func $w_seek (param i32 i32) (result i64)
    (i64.extend_i32_u (call $fd_seek (i32.const 1) (i64.const 0) (i32.const 0) (i32.const 0x1000))))
  (func $w_stat (param i32 i32) (result i64)
    (i64.extend_i32_u (call $fd_fdstat_get (i32.const 1) (i32.const 0x1000))))
  (func $w_prestat (param i32 i32) (result i64)
    (i64.extend_i32_u (call $fd_prestat_get (i32.const 3) (i32.const 0x1000))))
  (func $w_prestat_name (param i32 i32) (result i64)
    (i64.extend_i32_u (call $fd_prestat_dir_name (i32.const 3) (i32.const 0x1000) (i32.const 16))))
  (func $w_yield (param i32 i32) (result i64)
    (i64.extend_i32_u (call $sched_yield)))

  ;; The number behind `"x":`, whose four bytes are $key; where it ends.
  (func $number (param $key i32) (result i32 i32) (local $at i32) (local $digit i32) (local $number i32)
    (local.set $at (i32.const 0x8000))
    (loop $seek
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $seek (i32.ne (i32.load (local.get $at)) (local.get $key))))
    (local.set $at (i32.add (local.get $at) (i32.const 4)))
    (loop $next
      (local.set $digit (i32.sub (i32.load8_u (local.get $at)) (i32.const 48)))
      (if (i32.le_u (local.get $digit) (i32.const 9))
        (then
          (local.set $number
            (i32.add (i32.mul (local.get $number) (i32.const 10)) (local.get $digit)))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $next))))
    (local.get $number) (local.get $at))

  (func $run (export "prices:query") (export "prices:mutation") (export "prices:action")
    (local $work i32) (local $size i32) (local $left i32) (local $text i32)
    (drop (call $input_read (i32.const 0x8000) (i32.const 0x30000)))
    (call $number (i32.const 0x3a226622)) (drop) (local.set $work)
    (call $number (i32.const 0x3a226c22)) (drop) (local.set $size)
    (call $number (i32.const 0x3a226e22)) (local.set $text) (local.set $left)
    (memory.copy (i32.const 0x100000) (i32.add (local.get $text) (i32.const 5)) (i32.const 0x10000))
    (loop $next
      (if (i64.ge_u
          (call_indirect (type $work) (i32.const 0x100000) (local.get $size) (local.get $work))
          (i64.const 0x100000000))
        (then (if (i32.ge_u (local.get $work) (i32.const 13)) (then (unreachable)))))
      (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))))
