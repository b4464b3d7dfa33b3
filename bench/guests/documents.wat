;; Documents as functions meet them: written, read one by one, read by ranges. Ids have 32 characters,
;; as those of a deployment's first tables do; memory from 65536 on holds the arguments, and from
;; 1024 on replies.
(module
  ;; @function documents:fill mutation
  ;; @function documents:touch mutation
  ;; @function documents:page query
  ;; @function documents:ids query
  ;; @function documents:get query
  ;; @function documents:count query
  ;; @function documents:range query
  ;; @import convex/core input_read output_write reply_read
  ;; @import convex/db-read 1.0/get 1.0/queryStream 1.0/queryStreamNext 1.0/queryCleanup 1.0/queryPage
  ;; @import convex/db-write 1.0/insert 1.0/shallowMerge
  (memory (export "memory") 8)
  (data (i32.const 0) "{\"table\":\"documents\",\"value\":{\"body\":\"0123456789012345678901234567890123456789\"}}")
  (data (i32.const 128) "{\"id\":\"                                \"}")
  (data (i32.const 256) ",\"value\":{\"body\":\"9876543210987654321098765432109876543210\"}}")
  (data (i32.const 384) "{\"query\":{\"source\":{\"type\":\"IndexRange\",\"indexName\":\"documents.by_creation_time\",\"range\":[],\"order\":\"asc\"},\"operators\":[{\"limit\":100}]}}")

  (func $input (result i32)
    (i32.wrap_i64 (call $input_read (i32.const 65536) (i32.const 458752))))

  ;; Ends the run unless a call was answered as hoped: its status, above its reply's size, is 0.
  (func $must (param $answer i64)
    (if (i64.ne (i64.shr_u (local.get $answer) (i64.const 32)) (i64.const 0))
      (then (unreachable))))

  ;; Reads the reply, which must be large enough to have a document in it.
  (func $read_document
    (if (i64.lt_u (call $reply_read (i32.const 1024) (i32.const 64512)) (i64.const 100))
      (then (unreachable))))

  ;; The number in [{"n":123}].
  (func $number (result i32) (local $at i32) (local $digit i32) (local $number i32)
    (drop (call $input))
    (local.set $at (i32.const 65542))
    (loop $next
      (local.set $digit (i32.sub (i32.load8_u (local.get $at)) (i32.const 48)))
      (if (i32.le_u (local.get $digit) (i32.const 9))
        (then
          (local.set $number
            (i32.add (i32.mul (local.get $number) (i32.const 10)) (local.get $digit)))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $next))))
    (local.get $number))

  ;; [{"n":123}]: so many documents more.
  (func (export "documents:fill") (local $left i32)
    (local.set $left (call $number))
    (loop $next
      (call $must (call $1.0/insert (i32.const 0) (i32.const 81)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left))))

  ;; [{"id":"..."}]: reads the document, and writes it with another body.
  (func (export "documents:touch")
    (drop (call $input))
    (memory.copy (i32.const 135) (i32.const 65544) (i32.const 32))
    (call $must (call $1.0/get (i32.const 128) (i32.const 41)))
    (call $read_document)
    (memory.copy (i32.const 168) (i32.const 256) (i32.const 61))
    (call $must (call $1.0/shallowMerge (i32.const 128) (i32.const 101))))

  ;; The argument object is that of 1.0/queryPage, and so is the reply.
  (func (export "documents:page") (local $size i32)
    (call $must (call $1.0/queryPage (i32.const 65537) (i32.sub (call $input) (i32.const 2))))
    (local.set $size
      (i32.wrap_i64 (call $reply_read (i32.const 65536) (i32.const 458752))))
    (drop (call $output_write (i32.const 65536) (local.get $size))))

  ;; [{"ids":["...","..."]}]: walks over the ids, as the next does, and reads nothing.
  (func (export "documents:ids") (local $at i32) (local $end i32)
    (local.set $end (i32.add (i32.const 65533) (call $input)))
    (local.set $at (i32.const 65545))
    (loop $next
      (memory.copy (i32.const 135) (i32.add (local.get $at) (i32.const 1)) (i32.const 32))
      (local.set $at (i32.add (local.get $at) (i32.const 35)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end)))))

  ;; The same, and reads the documents.
  (func (export "documents:get") (local $at i32) (local $end i32)
    (local.set $end (i32.add (i32.const 65533) (call $input)))
    (local.set $at (i32.const 65545))
    (loop $next
      (memory.copy (i32.const 135) (i32.add (local.get $at) (i32.const 1)) (i32.const 32))
      (call $must (call $1.0/get (i32.const 128) (i32.const 41)))
      (call $read_document)
      (local.set $at (i32.add (local.get $at) (i32.const 35)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end)))))

  ;; [{"n":123}]: counts, as the next one does, and reads nothing.
  (func (export "documents:count") (local $left i32)
    (local.set $left (call $number))
    (loop $next
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left))))

  ;; So often the first hundred documents, one by one as a query's iterator reads them.
  (func (export "documents:range") (local $left i32) (local $documents i32) (local $size i32)
    (local.set $left (call $number))
    (loop $query
      (call $must (call $1.0/queryStream (i32.const 384) (i32.const 136)))
      ;; {"queryId":N} is what it replied and what the calls below are given.
      (local.set $size (i32.wrap_i64 (call $reply_read (i32.const 128) (i32.const 128))))
      (local.set $documents (i32.const 100))
      (loop $next
        (call $must (call $1.0/queryStreamNext (i32.const 128) (local.get $size)))
        (call $read_document)
        (local.set $documents (i32.sub (local.get $documents) (i32.const 1)))
        (br_if $next (local.get $documents)))
      (call $must (call $1.0/queryCleanup (i32.const 128) (local.get $size)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $query (local.get $left)))))
