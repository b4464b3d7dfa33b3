;; A jump to a label that is not there.
(module
  ;; @function form_label:run query
  ;; @flags --no-check
  ;; @attack (func (block (br 2)))
  ;; @twin (func (block (br 1)))
  (memory (export "memory") 1)
  (func (export "form_label:run")))
