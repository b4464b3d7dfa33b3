;; An atomic operator on memory that is not shared; the twin's is plain.
(module
  ;; @function feature_atomics:run query
  ;; @flags --enable-threads
  ;; @attack (func (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1))))
  ;; @twin (func (drop (i32.load (i32.const 0))))
  (memory (export "memory") 1)
  (func (export "feature_atomics:run")))
