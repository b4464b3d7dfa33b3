;; Code that takes a number for an address of another size: what the validator is for.
(module
  ;; @function form_types:run query
  ;; @flags --no-check
  ;; @attack (func (result i64) (i32.const 7))
  ;; @twin (func (result i32) (i32.const 7))
  (memory (export "memory") 1)
  (func (export "form_types:run")))
