;; Host calls with arguments that a test writes, as a text in `q`; what the host says, refusals too,
;; becomes the value.
(module
  ;; @function relay:insert mutation
  ;; @function relay:patch mutation
  ;; @function relay:replace mutation
  ;; @function relay:page query
  ;; @function relay:page_mutation mutation {"export": "relay:page"}
  ;; @function relay:pages query
  ;; @function relay:normalize query
  ;; @function relay:cleanup query
  ;; @function relay:all query
  ;; @function relay:all_stubborn query
  ;; @function relay:call_query action
  ;; @function relay:call_twice action
  ;; @function relay:sleep_then_call action
  ;; @function relay:call_mutation action
  ;; @function relay:call_action action
  ;; @function relay:deep action
  ;; @function relay:call_in_query query {"export": "relay:call_query"}
  ;; @function relay:udf query
  ;; @function relay:udf_mutation mutation {"export": "relay:udf"}
  ;; @function relay:try mutation
  ;; @function relay:insert_then_trap mutation
  ;; @function relay:patch_then_trap mutation
  ;; @function relay:remove mutation
  ;; @function relay:remove_then_trap mutation
  ;; @function relay:deep_udf query
  ;; @import convex/run 1.0/runUdf 1.0/actions/query 1.0/actions/mutation 1.0/actions/action
  ;; @import convex/effect sleep
  ;; @import convex/core input_read output_write reply_read
  ;; @import convex/db-read 1.0/queryStream 1.0/queryStreamNext 1.0/queryPage 1.0/db/normalizeId 1.0/queryCleanup
  ;; @import convex/db-write 1.0/insert 1.0/remove 1.0/replace 1.0/shallowMerge
  (memory (export "memory") 256)

  ;; The text in `[{"q":"..."}]`, which is JSON itself, without the escapes, at 4325376; its size.
  (func $argument (result i32) (local $from i32) (local $end i32) (local $to i32)
    (local.set $end (i32.add (i32.const 65533)
      (i32.wrap_i64 (call $input_read (i32.const 65536) (i32.const 4194304)))))
    (local.set $from (i32.const 65543))
    (local.set $to (i32.const 4325376))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $from) (local.get $end)))
        (if (i32.eq (i32.load8_u (local.get $from)) (i32.const 92))
          (then (local.set $from (i32.add (local.get $from) (i32.const 1)))))
        (i32.store8 (local.get $to) (i32.load8_u (local.get $from)))
        (local.set $from (i32.add (local.get $from) (i32.const 1)))
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        (br $next)))
    (i32.sub (local.get $to) (i32.const 4325376)))

  (func $is_refusal (param $answer i64) (result i32)
    (i64.ne (i64.shr_u (local.get $answer) (i64.const 32)) (i64.const 0)))

  ;; The last reply, behind what is at 8650752 already; where that ends then.
  (func $append (param $end i32) (result i32)
    (i32.add (local.get $end)
      (i32.wrap_i64 (call $reply_read (local.get $end) (i32.const 4194304)))))

  (func $output (param $answer i64)
    (drop (call $output_write (i32.const 8650752)
      (i32.sub (call $append (i32.const 8650752)) (i32.const 8650752)))))

  (func (export "relay:insert")
    (call $output (call $1.0/insert (i32.const 4325376) (call $argument))))
  (func (export "relay:patch")
    (call $output (call $1.0/shallowMerge (i32.const 4325376) (call $argument))))
  (func (export "relay:replace")
    (call $output (call $1.0/replace (i32.const 4325376) (call $argument))))
  (func (export "relay:remove")
    (call $output (call $1.0/remove (i32.const 4325376) (call $argument))))
  (func (export "relay:page")
    (call $output (call $1.0/queryPage (i32.const 4325376) (call $argument))))
  (func (export "relay:normalize")
    (call $output (call $1.0/db/normalizeId (i32.const 4325376) (call $argument))))

  (func (export "relay:cleanup")
    (call $output (call $1.0/queryCleanup (i32.const 4325376) (call $argument))))

  ;; Twice the same, without anything between.
  (func (export "relay:call_twice") (local $size i32)
    (local.set $size (call $argument))
    (drop (call $1.0/actions/query (i32.const 4325376) (local.get $size)))
    (call $output (call $1.0/actions/query (i32.const 4325376) (local.get $size))))
  (func (export "relay:call_query")
    (call $output (call $1.0/actions/query (i32.const 4325376) (call $argument))))
  (data (i32.const 192) "{\"ms\":10}")
  (func (export "relay:sleep_then_call")
    (drop (call $sleep (i32.const 192) (i32.const 9)))
    (call $output (call $1.0/actions/query (i32.const 4325376) (call $argument))))
  (func (export "relay:call_mutation")
    (call $output (call $1.0/actions/mutation (i32.const 4325376) (call $argument))))
  (func (export "relay:call_action")
    (call $output (call $1.0/actions/action (i32.const 4325376) (call $argument))))

  ;; Calls itself until it is refused; what is refused becomes the value of all.
  (data (i32.const 16) "{\"name\":\"relay:deep\"}")
  (func (export "relay:deep")
    (call $output (call $1.0/actions/action (i32.const 16) (i32.const 21))))

  (func (export "relay:udf")
    (call $output (call $1.0/runUdf (i32.const 4325376) (call $argument))))

  ;; A document before the call and, whatever comes of that, one behind it.
  (data (i32.const 64) "{\"table\":\"t\",\"value\":{\"n\":7}}")
  (data (i32.const 96) "{\"table\":\"t\",\"value\":{\"n\":5}}")
  (func (export "relay:try")
    (drop (call $1.0/insert (i32.const 96) (i32.const 29)))
    (call $output (call $1.0/runUdf (i32.const 4325376) (call $argument)))
    (drop (call $1.0/insert (i32.const 64) (i32.const 29))))

  (func (export "relay:insert_then_trap")
    (drop (call $1.0/insert (i32.const 4325376) (call $argument)))
    (unreachable))
  (func (export "relay:patch_then_trap")
    (drop (call $1.0/shallowMerge (i32.const 4325376) (call $argument)))
    (unreachable))
  (func (export "relay:remove_then_trap")
    (drop (call $1.0/remove (i32.const 4325376) (call $argument)))
    (unreachable))

  (data (i32.const 128) "{\"udfType\":\"query\",\"name\":\"relay:deep_udf\"}")
  (func (export "relay:deep_udf")
    (call $output (call $1.0/runUdf (i32.const 128) (i32.const 43))))

  ;; Two pages in one run, which is one too many.
  (func (export "relay:pages")
    (drop (call $1.0/queryPage (i32.const 4325376) (call $argument)))
    (call $output (call $1.0/queryPage (i32.const 4325376) (call $argument))))

  ;; A query to its end: an array of the answers of each step. A refusal ends it, as its last item,
  ;; unless the guest goes on after so many of them.
  (func $all (param $refusals i32) (local $end i32) (local $size i32) (local $answer i64)
    (local.set $answer (call $1.0/queryStream (i32.const 4325376) (call $argument)))
    (if (call $is_refusal (local.get $answer))
      (then (call $output (local.get $answer)) (return)))
    (local.set $size (i32.wrap_i64 (call $reply_read (i32.const 0) (i32.const 65535))))
    (i32.store8 (i32.const 8650752) (i32.const 91))
    (local.set $end (i32.const 8650753))
    (block $done
      (loop $next
        (local.set $answer (call $1.0/queryStreamNext (i32.const 0) (local.get $size)))
        (local.set $end (call $append (local.get $end)))
        (if (call $is_refusal (local.get $answer))
          (then
            (br_if $done (i32.eqz (local.get $refusals)))
            (local.set $refusals (i32.sub (local.get $refusals) (i32.const 1)))))
        ;; `...,"done":true}` ends with "true}"
        (br_if $done (i32.eq (i32.load align=1 (i32.sub (local.get $end) (i32.const 5)))
          (i32.const 0x65757274)))
        (i32.store8 (local.get $end) (i32.const 44))
        (local.set $end (i32.add (local.get $end) (i32.const 1)))
        (br $next)))
    (i32.store8 (local.get $end) (i32.const 93))
    (drop (call $output_write (i32.const 8650752)
      (i32.sub (i32.add (local.get $end) (i32.const 1)) (i32.const 8650752)))))
  (func (export "relay:all") (call $all (i32.const 0)))
  (func (export "relay:all_stubborn") (call $all (i32.const 1))))
