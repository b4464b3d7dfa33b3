;; A socket; its twin is content with standard output.
(module
  ;; @function deny_wasi_socket:run query
  ;; @attack (import "wasi_snapshot_preview1" "sock_accept" (func (param i32 i32 i32) (result i32)))
  ;; @twin ;; @import wasi_snapshot_preview1 fd_write
  (memory (export "memory") 1)
  (func (export "deny_wasi_socket:run")))
