;; Code that takes more from its stack than there is.
(module
  ;; @function form_stack:run query
  ;; @flags --no-check
  ;; @attack (func (drop))
  ;; @twin (func (drop (i32.const 0)))
  (memory (export "memory") 1)
  (func (export "form_stack:run")))
