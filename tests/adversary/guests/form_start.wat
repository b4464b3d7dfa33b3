;; A start function that wants an argument.
(module
  ;; @function form_start:run query
  ;; @flags --no-check
  ;; @attack (func $s (param i32)) (start $s)
  ;; @twin (func $s) (start $s)
  (memory (export "memory") 1)
  (func (export "form_start:run")))
