;; What C and Rust programs ask of WASI preview 1.
(module
  ;; @function wasi:write query
  ;; @function wasi:write_parts query
  ;; @function wasi:write_elsewhere query
  ;; @function wasi:exit_well query
  ;; @function wasi:exit_badly query
  ;; @function wasi:numbers query
  ;; @import convex/core input_read output_write
  ;; @import wasi_snapshot_preview1 args_sizes_get args_get environ_sizes_get environ_get
  ;; @import wasi_snapshot_preview1 clock_res_get fd_write fd_read fd_close fd_seek fd_fdstat_get
  ;; @import wasi_snapshot_preview1 fd_prestat_get fd_prestat_dir_name proc_exit sched_yield
  (memory (export "memory") 1)
  ;; @include numbers
  ;; Two vectors, "hello " and "world\n", and one with the start of a line.
  (data (i32.const 0) "\40\00\00\00\06\00\00\00\50\00\00\00\06\00\00\00\60\00\00\00\04\00\00\00")
  (data (i32.const 0x40) "hello ")
  (data (i32.const 0x50) "world\n")
  (data (i32.const 0x60) "open")

  (func (export "wasi:write")
    (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 2) (i32.const 256))
      (then (unreachable)))
    (if (call $fd_write (i32.const 2) (i32.const 16) (i32.const 1) (i32.const 260))
      (then (unreachable)))
    (call $output_number (i64.extend_i32_u
      (i32.add (i32.load (i32.const 256)) (i32.load (i32.const 260))))))

  ;; A line is one line however many writes it takes; the last one may lack its end.
  (func (export "wasi:write_parts")
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 256)))
    (drop (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 256)))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 256))))

  (func (export "wasi:write_elsewhere")
    (call $output_number (i64.extend_i32_u
      (call $fd_write (i32.const 3) (i32.const 0) (i32.const 2) (i32.const 256)))))

  (func (export "wasi:exit_well")
    (call $output_number (i64.const 5))
    (call $proc_exit (i32.const 0))
    (unreachable))
  (func (export "wasi:exit_badly") (call $proc_exit (i32.const 3)) (unreachable))

  ;; The error numbers of the calls that need no file system, as the digits of one number.
  (func $digits (param $number i64) (param $digits i32) (result i64)
    (i64.add (i64.mul (local.get $number) (i64.const 100)) (i64.extend_i32_u (local.get $digits))))
  (func (export "wasi:numbers") (local $all i64)
    (local.set $all (call $digits (i64.const 1)
      (call $args_sizes_get (i32.const 512) (i32.const 516))))
    (local.set $all (call $digits (local.get $all)
      (call $environ_sizes_get (i32.const 520) (i32.const 524))))
    (local.set $all (call $digits (local.get $all)
      (i32.add (i32.load (i32.const 512)) (i32.load (i32.const 520)))))
    (local.set $all (call $digits (local.get $all)
      (call $fd_prestat_get (i32.const 3) (i32.const 528))))
    (local.set $all (call $digits (local.get $all)
      (call $fd_seek (i32.const 1) (i64.const 0) (i32.const 0) (i32.const 536))))
    (local.set $all (call $digits (local.get $all)
      (call $fd_fdstat_get (i32.const 1) (i32.const 544))))
    (local.set $all (call $digits (local.get $all)
      (call $fd_fdstat_get (i32.const 9) (i32.const 544))))
    (local.set $all (call $digits (local.get $all)
      (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 576))))
    (call $output_number (local.get $all))))
