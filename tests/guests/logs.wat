;; Log lines: many, long, of every level, and some that mean harm.
(module
  ;; @function logs:lines query
  ;; @function logs:long query
  ;; @function logs:levels query
  ;; @function logs:control query
  ;; @function logs:then_trap query
  ;; @import convex/core input_read output_write log
  (memory (export "memory") 3)
  ;; @include numbers
  (data (i32.const 0) "{\"level\":\"INFO\",\"messages\":[\"x\"]}")
  (data (i32.const 64) "{\"level\":\"DEBUG\",\"messages\":[\"one\",\"two\"]}")
  (data (i32.const 128) "{\"level\":\"WARN\",\"messages\":[\"\"]}")
  (data (i32.const 192) "{\"level\":\"ERROR\",\"messages\":[]}")
  (data (i32.const 256) "{\"level\":\"LOG\",\"messages\":[\"\c3\a4\"]}")
  (data (i32.const 320) "{\"level\":\"LOG\",\"messages\":[\"\5cu001b[31m\5cn[ERROR] forged\5cr\c2\9b\e2\80\ae\"]}")
  (data (i32.const 448) "{\"level\":\"INFO\",\"messages\":[\"")
  (data (i32.const 480) "\"]}")

  (func $lines (param $left i64)
    (block $done
      (loop $next
        (br_if $done (i64.eqz (local.get $left)))
        (drop (call $log (i32.const 0) (i32.const 33)))
        (local.set $left (i64.sub (local.get $left) (i64.const 1)))
        (br $next))))

  (func (export "logs:lines") (call $lines (call $input_number)))

  ;; One line whose message is so many times "a".
  (func (export "logs:long") (local $size i32)
    (local.set $size (i32.wrap_i64 (call $input_number)))
    (memory.copy (i32.const 4096) (i32.const 448) (i32.const 29))
    (memory.fill (i32.const 4125) (i32.const 97) (local.get $size))
    (memory.copy (i32.add (i32.const 4125) (local.get $size)) (i32.const 480) (i32.const 3))
    (drop (call $log (i32.const 4096) (i32.add (local.get $size) (i32.const 32)))))

  (func (export "logs:levels")
    (drop (call $log (i32.const 0) (i32.const 33)))
    (drop (call $log (i32.const 64) (i32.const 42)))
    (drop (call $log (i32.const 128) (i32.const 32)))
    (drop (call $log (i32.const 192) (i32.const 31)))
    (drop (call $log (i32.const 256) (i32.const 33))))

  (func (export "logs:control") (drop (call $log (i32.const 320) (i32.const 64))))

  (func (export "logs:then_trap")
    (drop (call $log (i32.const 0) (i32.const 33)))
    (unreachable)))
