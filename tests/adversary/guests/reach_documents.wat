;; The same for calls of the database, whose text stands at the very end of memory or one byte past it.
(module
  ;; @function reach_documents:insert mutation
  ;; @function reach_documents:insert_end mutation
  ;; @function reach_documents:get query
  ;; @function reach_documents:get_end query
  ;; @function reach_documents:stream query
  ;; @function reach_documents:stream_end query
  ;; @function reach_documents:huge mutation
  ;; @function reach_documents:huge_end mutation
  ;; @import convex/core output_write reply_read
  ;; @import convex/db-read 1.0/get 1.0/queryStream
  ;; @import convex/db-write 1.0/insert
  ;; @include show
  (memory (export "memory") 256)
  (data (i32.const 0) "{\"table\":\"reach\",\"value\":{}}")
  (data (i32.const 64) "{\"id\":\"j57000820c20a1g7104gm2rc1m70ynr8\"}")
  (data (i32.const 128) "{\"query\":{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"reach\",\"order\":\"asc\"},\"operators\":[]}}")
  ;; Puts the text where memory ends, at 16,777,216, and gives its address.
  (func $to_end (param $from i32) (param $size i32) (result i32)
    (memory.copy (i32.sub (i32.const 16777216) (local.get $size)) (local.get $from) (local.get $size))
    (i32.sub (i32.const 16777216) (local.get $size)))
  (func (export "reach_documents:insert")
    (call $show (call $1.0/insert (call $to_end (i32.const 0) (i32.const 28)) (i32.const 29))))
  (func (export "reach_documents:insert_end")
    (call $show (call $1.0/insert (call $to_end (i32.const 0) (i32.const 28)) (i32.const 28))))
  (func (export "reach_documents:get")
    (call $show (call $1.0/get (call $to_end (i32.const 64) (i32.const 41)) (i32.const 42))))
  (func (export "reach_documents:get_end")
    (call $show (call $1.0/get (call $to_end (i32.const 64) (i32.const 41)) (i32.const 41))))
  (func (export "reach_documents:stream")
    (call $show (call $1.0/queryStream (call $to_end (i32.const 128) (i32.const 94)) (i32.const -1))))
  (func (export "reach_documents:stream_end")
    (call $show (call $1.0/queryStream (call $to_end (i32.const 128) (i32.const 94)) (i32.const 94))))
  ;; White space behind the document, one byte more than the call takes, or as much as it takes.
  (func $huge (param $size i32)
    (memory.fill (i32.const 28) (i32.const 32) (i32.const 9000000))
    (call $show (call $1.0/insert (i32.const 0) (local.get $size))))
  (func (export "reach_documents:huge") (call $huge (i32.const 8388609)))
  (func (export "reach_documents:huge_end") (call $huge (i32.const 8388608))))
