;; A local that is not there.
(module
  ;; @function form_local:run query
  ;; @flags --no-check
  ;; @attack (func (param i32) (drop (local.get 1)))
  ;; @twin (func (param i32) (drop (local.get 0)))
  (memory (export "memory") 1)
  (func (export "form_local:run")))
