;; A length in more bytes than a number of 32 bits can have; the twin's is as long as may be.
(module
  ;; @function form_leb:run query
  (memory (export "memory") 1)
  ;; @attack ;; @tail 00 82 80 80 80 80 00 01 73
  ;; @twin ;; @tail 00 82 80 80 80 00 01 73
  (func (export "form_leb:run")))
