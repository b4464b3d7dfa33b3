;; What a fresh instance holds, after another one filled all it had: memory, globals, a table, a
;; data segment that was dropped. The value is how much of it is not as at the beginning.
(module
  ;; @function seen_fresh:fill query
  ;; @function seen_fresh:fill_and_trap query
  ;; @function seen_fresh:look query
  ;; @import convex/core input_read output_write reply_read left
  ;; @include numbers
  (memory (export "memory") 1)
  (table $table 8 1000 funcref)
  (elem (i32.const 0) $first)
  (data $kept "kept")
  (global $number (mut i64) (i64.const 7))
  (func $first)
  (func $second)
  (elem declare func $second)
  (func $fill
    (drop (memory.grow (i32.const 255)))
    (memory.fill (i32.const 0) (i32.const 165) (i32.const 16777216))
    (global.set $number (i64.const -1))
    (drop (table.grow $table (ref.func $second) (i32.const 100)))
    (table.fill $table (i32.const 0) (ref.func $second) (i32.const 108))
    (drop (call $left (i32.const 0) (i32.const 0)))
    (data.drop $kept))
  (func (export "seen_fresh:fill") (call $fill) (call $output_number (i64.const 1)))
  (func (export "seen_fresh:fill_and_trap") (call $fill) (unreachable))
  (func (export "seen_fresh:look") (local $at i32) (local $found i32)
    (local.set $found (i32.add
      (i32.add (i32.ne (memory.size) (i32.const 1)) (i32.ne (table.size $table) (i32.const 8)))
      (i32.add (i64.ne (global.get $number) (i64.const 7))
        (i32.eqz (ref.is_null (table.get $table (i32.const 1)))))))
    ;; The last reply of another run is no reply of this one.
    (local.set $found (i32.add (local.get $found)
      (i32.wrap_i64 (call $reply_read (i32.const 0) (i32.const 1024)))))
    (drop (memory.grow (i32.const 255)))
    (drop (table.grow $table (ref.null func) (i32.const 100)))
    (local.set $at (i32.const 16777216))
    (loop $next
      (local.set $at (i32.sub (local.get $at) (i32.const 8)))
      (local.set $found (i32.add (local.get $found) (i64.ne (i64.load (local.get $at)) (i64.const 0))))
      (br_if $next (local.get $at)))
    (memory.init $kept (i32.const 0) (i32.const 0) (i32.const 4))
    (call $output_number (i64.extend_i32_u (local.get $found)))))
