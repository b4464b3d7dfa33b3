;; Pointers within structures that WASI's calls follow: vectors that lie behind memory, that point
;; behind it, answers that would be written there.
(module
  ;; @function reach_wasi:vectors query
  ;; @function reach_wasi:vectors_end query
  ;; @function reach_wasi:bytes query
  ;; @function reach_wasi:bytes_end query
  ;; @function reach_wasi:written query
  ;; @function reach_wasi:written_end query
  ;; @function reach_wasi:clock query
  ;; @function reach_wasi:clock_end query
  ;; @function reach_wasi:status query
  ;; @function reach_wasi:status_end query
  ;; @function reach_wasi:sizes query
  ;; @function reach_wasi:sizes_end query
  ;; @function reach_wasi:read query
  ;; @function reach_wasi:read_end query
  ;; @import wasi_snapshot_preview1 fd_write fd_read fd_seek fd_fdstat_get clock_time_get
  ;; @import wasi_snapshot_preview1 environ_sizes_get
  (memory (export "memory") 1)
  ;; One vector of the last 16 bytes, one that ends a byte later, one of a length that wraps around.
  (data (i32.const 0) "\f0\ff\00\00\10\00\00\00\f0\ff\00\00\11\00\00\00\01\00\00\00\ff\ff\ff\ff")
  (func $write (param $vectors i32) (param $count i32) (param $written i32)
    (drop (call $fd_write (i32.const 1) (local.get $vectors) (local.get $count) (local.get $written))))
  (func (export "reach_wasi:vectors") (call $write (i32.const 65532) (i32.const 1) (i32.const 256)))
  (func (export "reach_wasi:vectors_end") (call $write (i32.const 65528) (i32.const 1) (i32.const 256)))
  (func (export "reach_wasi:bytes") (call $write (i32.const 8) (i32.const 2) (i32.const 256)))
  (func (export "reach_wasi:bytes_end") (call $write (i32.const 0) (i32.const 1) (i32.const 256)))
  (func (export "reach_wasi:written") (call $write (i32.const 0) (i32.const 1) (i32.const 65533)))
  (func (export "reach_wasi:written_end") (call $write (i32.const 0) (i32.const 1) (i32.const 65532)))
  (func (export "reach_wasi:clock")
    (drop (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 65529))))
  (func (export "reach_wasi:clock_end")
    (drop (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 65528))))
  (func (export "reach_wasi:status") (drop (call $fd_fdstat_get (i32.const 1) (i32.const 65513))))
  (func (export "reach_wasi:status_end") (drop (call $fd_fdstat_get (i32.const 1) (i32.const 65512))))
  (func (export "reach_wasi:sizes") (drop (call $environ_sizes_get (i32.const 0) (i32.const -1))))
  (func (export "reach_wasi:sizes_end") (drop (call $environ_sizes_get (i32.const 0) (i32.const 65532))))
  (func (export "reach_wasi:read")
    (drop (call $fd_read (i32.const 0) (i32.const 8) (i32.const 536870912) (i32.const 256))))
  (func (export "reach_wasi:read_end")
    (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 8192) (i32.const 256)))))
