;; A custom section whose name is no UTF-8; the twin's is.
(module
  ;; @function form_name:run query
  (memory (export "memory") 1)
  ;; @attack ;; @tail 00 03 02 c3 28
  ;; @twin ;; @tail 00 03 02 c3 a9
  (func (export "form_name:run")))
