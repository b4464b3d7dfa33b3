;; A module with a schema: its mutation inserts what it is given into `notes`, its query gives the
;; notes of an author in the order of the index, both as the host call says.
(module
  ;; @function notes:add mutation
  ;; @function notes:by_author query
  ;; @import convex/core input_read output_write reply_read
  ;; @import convex/db-read 1.0/queryPage
  ;; @import convex/db-write 1.0/insert
  ;; @section convex.schema {"tables":[{"tableName":"notes","indexes":[{"indexDescriptor":"by_author","fields":["author"]}],"stagedDbIndexes":[{"indexDescriptor":"by_text","fields":["text"]}],"searchIndexes":[],"vectorIndexes":[],"documentType":{"type":"object","value":{"author":{"fieldType":{"type":"string"},"optional":false},"text":{"fieldType":{"type":"string"},"optional":true}}}}],"schemaValidation":true}
  (memory (export "memory") 64)
  (data (i32.const 0) "{\"table\":\"notes\",\"value\":")
  (data (i32.const 1024) "{\"cursor\":null,\"pageSize\":100,\"query\":{\"source\":{\"type\":\"IndexRange\",\"indexName\":\"notes.by_author\",\"order\":\"asc\",\"range\":[{\"type\":\"Eq\",\"fieldPath\":\"author\",\"value\":\"Ada\"}]},\"operators\":[]}}")

  (func $output (param $answer i64) (local $size i32)
    (local.set $size (i32.wrap_i64 (call $reply_read (i32.const 2097152) (i32.const 1048576))))
    (drop (call $output_write (i32.const 2097152) (local.get $size))))

  ;; The arguments are `[{...}]`: a blank takes the place of one bracket, a brace that
  ;; of the other.
  (func (export "notes:add") (local $size i32)
    (local.set $size (i32.wrap_i64 (call $input_read (i32.const 25) (i32.const 900))))
    (i32.store8 (i32.const 25) (i32.const 32))
    (i32.store8 (i32.add (i32.const 24) (local.get $size)) (i32.const 125))
    (call $output (call $1.0/insert (i32.const 0) (i32.add (i32.const 25) (local.get $size)))))
  (func (export "notes:by_author")
    (call $output (call $1.0/queryPage (i32.const 1024) (i32.const 189)))))
