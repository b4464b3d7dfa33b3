;; What a program could learn of the machine: environment, arguments, folders, standard input. All of
;; it is empty, or refused; the value is the sum of what was found (EBADF counts as nothing).
(module
  ;; @function seen_ambient:strings query
  ;; @function seen_ambient:files query
  ;; @function seen_ambient:input query
  ;; @import convex/core input_read output_write
  ;; @import wasi_snapshot_preview1 args_sizes_get environ_sizes_get args_get environ_get
  ;; @import wasi_snapshot_preview1 fd_prestat_get fd_prestat_dir_name fd_read fd_write fd_seek fd_close
  ;; @include numbers
  (memory (export "memory") 1)
  (func (export "seen_ambient:strings")
    (memory.fill (i32.const 0) (i32.const 255) (i32.const 64))
    (drop (call $args_sizes_get (i32.const 0) (i32.const 4)))
    (drop (call $environ_sizes_get (i32.const 8) (i32.const 12)))
    (drop (call $args_get (i32.const 16) (i32.const 32)))
    (drop (call $environ_get (i32.const 16) (i32.const 32)))
    (call $output_number (i64.add (i64.load (i32.const 0)) (i64.load (i32.const 8)))))
  ;; How many of the descriptors from 3 to 102 can be asked, read, written, sought or closed.
  (func (export "seen_ambient:files") (local $fd i32) (local $found i32)
    (local.set $fd (i32.const 3))
    (loop $next
      (local.set $found (i32.add (local.get $found) (i32.add
        (i32.add
          (i32.ne (call $fd_prestat_get (local.get $fd) (i32.const 0)) (i32.const 8))
          (i32.ne (call $fd_prestat_dir_name (local.get $fd) (i32.const 0) (i32.const 8)) (i32.const 8)))
        (i32.add
          (i32.ne (call $fd_read (local.get $fd) (i32.const 0) (i32.const 0) (i32.const 16)) (i32.const 8))
          (i32.add
            (i32.ne (call $fd_write (local.get $fd) (i32.const 0) (i32.const 0) (i32.const 16)) (i32.const 8))
            (i32.add
              (i32.ne (call $fd_seek (local.get $fd) (i64.const 0) (i32.const 0) (i32.const 16)) (i32.const 8))
              (i32.ne (call $fd_close (local.get $fd)) (i32.const 8))))))))
      (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $fd) (i32.const 103))))
    (call $output_number (i64.extend_i32_u (local.get $found))))
  ;; Standard input is at its end.
  (func (export "seen_ambient:input")
    (i32.store (i32.const 0) (i32.const 512))
    (i32.store (i32.const 4) (i32.const 256))
    (i32.store (i32.const 16) (i32.const 77))
    (if (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)) (then (unreachable)))
    (call $output_number (i64.extend_i32_u (i32.load (i32.const 16))))))
