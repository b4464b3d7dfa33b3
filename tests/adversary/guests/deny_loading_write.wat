;; A start section that writes a document, in a mutation, where its function may; its twin waits until
;; the function runs.
(module
  ;; @function deny_loading_write:run mutation
  ;; @import convex/db-write 1.0/insert
  (memory (export "memory") 1)
  (data (i32.const 0) "{\"table\":\"denied\",\"value\":{}}")
  (func $insert (drop (call $1.0/insert (i32.const 0) (i32.const 29))))
  ;; @attack (start $insert)
  (func (export "deny_loading_write:run")
    ;; @twin (call $insert)
  ))
