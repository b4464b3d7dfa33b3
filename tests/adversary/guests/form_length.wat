;; A section that is longer than the module; the twin's is as long as it says.
(module
  ;; @function form_length:run query
  (memory (export "memory") 1)
  ;; @attack ;; @tail 00 ff ff ff ff 0f 01 73
  ;; @twin ;; @tail 00 02 01 73
  (func (export "form_length:run")))
