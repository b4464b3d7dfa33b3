;; What functions come to by their calls: for the report of a check.
(module
  ;; @function reaches:nothing query
  ;; @function reaches:core query
  ;; @function reaches:read query
  ;; @function reaches:by_table mutation
  ;; @function reaches:recurses action
  ;; @import convex/core log
  ;; @import convex/db-read 1.0/get
  ;; @import convex/db-write 1.0/insert
  ;; @import convex/effect sleep
  (memory (export "memory") 1)
  (type $writer (func (param i32)))
  (table 2 funcref)
  (elem (i32.const 0) $write $other_type)

  (func $log_it (drop (call $log (i32.const 0) (i32.const 0))))
  (func $read_it (call $log_it) (drop (call $1.0/get (i32.const 0) (i32.const 0))))
  (func $write (param i32) (call $log_it) (drop (call $1.0/insert (local.get 0) (i32.const 0))))
  (func $other_type (drop (call $sleep (i32.const 0) (i32.const 0))))
  (func $again (param i32)
    (drop (call $sleep (i32.const 0) (i32.const 0)))
    (if (local.get 0) (then (call $again (i32.sub (local.get 0) (i32.const 1))))))

  (func (export "_initialize") (call $log_it))
  (func (export "reaches:nothing"))
  (func (export "reaches:core") (call $log_it))
  (func (export "reaches:read") (call $read_it))
  (func (export "reaches:by_table") (call_indirect (type $writer) (i32.const 0) (i32.const 0)))
  (func (export "reaches:recurses") (call $again (i32.const 3))))
