;; Calls within calls: without end, as deep as the arguments say, and with work for the host at every
;; depth, so that it is called with no stack left that is the guest's.
(module
  ;; @function stack:forever query
  ;; @function stack:deep query
  ;; @function stack:insert_at_every_depth mutation
  ;; @import convex/core input_read output_write
  ;; @import convex/db-write 1.0/insert
  (memory (export "memory") 1)
  ;; @include numbers
  (func $forever (param i64) (result i64)
    (i64.add (i64.const 1) (call $forever (i64.add (local.get 0) (i64.const 1)))))
  (func $deep (param i64) (result i64)
    (if (result i64) (i64.eqz (local.get 0))
      (then (i64.const 0))
      (else (i64.add (i64.const 1) (call $deep (i64.sub (local.get 0) (i64.const 1)))))))
  (data (i32.const 1024) "{\"table\":\"things\",\"value\":{\"v\":[[[[[[[[[[[[[[]]]]]]]]]]]]]]}}")
  (func $insert (param i64) (result i64)
    (drop (call $1.0/insert (i32.const 1024) (i32.const 61)))
    (i64.add (i64.const 1) (call $insert (i64.add (local.get 0) (i64.const 1)))))
  (func (export "stack:insert_at_every_depth") (drop (call $insert (i64.const 0))))
  (func (export "stack:forever") (drop (call $forever (i64.const 0))))
  (func (export "stack:deep") (call $output_number (call $deep (call $input_number)))))
