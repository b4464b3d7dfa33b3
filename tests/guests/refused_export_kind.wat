;; A function whose export is a global.
(module
  ;; @function a:run query
  (memory (export "memory") 1)
  (global (export "a:run") i32 (i32.const 0)))
