;; WASI's ways to files, sockets and signals; its twin imports those of its calls that there are.
(module
  ;; @function deny_wasi:run query
  ;; @attack (import "wasi_snapshot_preview1" "path_open" (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  ;; @twin ;; @import wasi_snapshot_preview1 fd_prestat_get
  (memory (export "memory") 1)
  (func (export "deny_wasi:run")))
