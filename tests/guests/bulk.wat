;; Work without end by instructions that each do a lot: filling, copying, growing back and forth.
(module
  ;; @function bulk:fill query
  ;; @function bulk:copy query
  ;; @function bulk:table query
  ;; @function bulk:touch query
  ;; @function bulk:fill_once query
  ;; @function bulk:random query
  ;; @function bulk:log query
  ;; @function bulk:output query
  ;; @import convex/core input_read output_write random_fill log
  (memory (export "memory") 2048)
  (table $table 100000 funcref)
  (data (i32.const 0) "{\"level\":\"INFO\",\"messages\":[\"x\"]}")
  ;; @include numbers
  (func (export "bulk:fill")
    (loop $again
      (memory.fill (i32.const 0) (i32.const 1) (i32.const 134217728))
      (br $again)))
  (func (export "bulk:copy")
    (loop $again
      (memory.copy (i32.const 0) (i32.const 67108864) (i32.const 67108864))
      (br $again)))
  (func (export "bulk:table")
    (loop $again
      (table.fill $table (i32.const 0) (ref.null func) (i32.const 100000))
      (br $again)))
  ;; First touches of fresh pages, the dearest plain work there is; then all over again.
  (func (export "bulk:touch") (local $at i32)
    (loop $again
      (i32.store (local.get $at) (i32.const 1))
      (local.set $at (i32.and (i32.add (local.get $at) (i32.const 4096)) (i32.const 0x7ffffff)))
      (br $again)))
  ;; The most that one instruction may do.
  (func (export "bulk:fill_once")
    (memory.fill (i32.const 0) (i32.const 1) (i32.const 134217728))
    (call $output_number (i64.const 1)))
  (func (export "bulk:random")
    (loop $again
      (drop (call $random_fill (i32.const 65536) (i32.const 65536)))
      (br $again)))
  (func (export "bulk:log")
    (loop $again
      (drop (call $log (i32.const 0) (i32.const 33)))
      (br $again)))
  ;; A result of 16 MB, over and over.
  (func (export "bulk:output")
    (loop $again
      (drop (call $output_write (i32.const 0) (i32.const 16000000)))
      (br $again))))
