;; Stacks, ended in each way there is. Functions without a $name are not in the name section.
(module
  ;; @function frames:fail query
  ;; @function frames:refused query
  ;; @function frames:denied query
  ;; @function frames:trap query
  ;; @function frames:deep query
  ;; @function frames:deepest query
  ;; @import convex/core fail
  ;; @import convex/db-read 1.0/get
  ;; @import convex/db-write 1.0/insert
  (memory (export "memory") 1)
  (data (i32.const 0) "{\"message\":\"refused\"}")

  (func $give_up (drop (call $fail (i32.const 0) (i32.const 21))))
  (func $try (call $give_up))
  (func (export "frames:fail") (call $try))

  ;; A call that may wait, with arguments past the end of memory.
  (func $look (drop (call $1.0/get (i32.const 65536) (i32.const 1))))
  (func (export "frames:refused") (call $look))

  (func $write (drop (call $1.0/insert (i32.const 0) (i32.const 0))))
  (func (export "frames:denied") (call $write))

  (func (unreachable)) ;; func[10]
  (func (export "frames:trap") (call 10))

  ;; Exports that call themselves: the first fits into a stack that is kept, the second does not.
  (global $few (mut i32) (i32.const 3))
  (func (export "frames:deep") ;; func[12]
    (if (i32.eqz (global.get $few)) (then (unreachable)))
    (global.set $few (i32.sub (global.get $few) (i32.const 1)))
    (call 12))
  (global $many (mut i32) (i32.const 99))
  (func (export "frames:deepest") ;; func[13]
    (if (i32.eqz (global.get $many)) (then (unreachable)))
    (global.set $many (i32.sub (global.get $many) (i32.const 1)))
    (call 13)))
