;; Ids and times of creation come from the run's seed and time: a repeat makes the same document.
(module
  ;; @function seen_ids:insert mutation
  ;; @import convex/core output_write reply_read
  ;; @import convex/db-write 1.0/insert
  (memory (export "memory") 1)
  (data (i32.const 0) "{\"table\":\"seen\",\"value\":{}}")
  (func (export "seen_ids:insert")
    (drop (call $1.0/insert (i32.const 0) (i32.const 27)))
    (drop (call $output_write (i32.const 4096)
      (i32.wrap_i64 (call $reply_read (i32.const 4096) (i32.const 4096)))))))
