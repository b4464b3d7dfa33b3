;; Ids that are none, of a table that is another's, of a document that is gone. The value is the
;; refusal, or 0 where the call was good.
(module
  ;; @function forge_id:none query
  ;; @function forge_id:other_table mutation
  ;; @function forge_id:changed mutation
  ;; @function forge_id:removed mutation
  ;; @function forge_id:own mutation
  ;; @import convex/core output_write reply_read
  ;; @import convex/db-read 1.0/get
  ;; @import convex/db-write 1.0/insert 1.0/remove 1.0/replace
  ;; @include show
  (memory (export "memory") 1)
  (data (i32.const 0) "{\"table\":\"forge_a\",\"value\":{}}")
  (data (i32.const 64) "{\"id\":\"../../etc/passwd\"}")
  ;; {"id":"…","table":"…"}: the id stands at 135, 32 characters.
  (data (i32.const 128) "{\"id\":\"00000000000000000000000000000000\",\"table\":\"forge_a\",\"value\":{}}")
  (data (i32.const 256) "forge_b")
  (func $own_id
    (drop (call $1.0/insert (i32.const 0) (i32.const 30)))
    (drop (call $reply_read (i32.const 512) (i32.const 64)))
    (memory.copy (i32.const 135) (i32.const 520) (i32.const 32)))
  (func (export "forge_id:none") (call $show (call $1.0/get (i32.const 64) (i32.const 25))))
  (func (export "forge_id:other_table")
    (call $own_id)
    (memory.copy (i32.const 178) (i32.const 256) (i32.const 7))
    (call $show (call $1.0/replace (i32.const 128) (i32.const 70))))
  ;; One character of it is another.
  (func (export "forge_id:changed")
    (call $own_id)
    (i32.store8 (i32.const 140) (i32.xor (i32.load8_u (i32.const 140)) (i32.const 1)))
    (call $show (call $1.0/replace (i32.const 128) (i32.const 70))))
  (func (export "forge_id:removed")
    (call $own_id)
    (drop (call $1.0/remove (i32.const 128) (i32.const 70)))
    (call $show (call $1.0/replace (i32.const 128) (i32.const 70))))
  (func (export "forge_id:own")
    (call $own_id)
    (call $show (call $1.0/replace (i32.const 128) (i32.const 70)))))
