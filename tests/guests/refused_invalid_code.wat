;; Code that adds a float to an integer.
(module
  ;; @function a:run query
  ;; @flags --no-check
  (memory (export "memory") 1)
  (func (export "a:run") (drop (i32.add (i32.const 1) (f32.const 1)))))
