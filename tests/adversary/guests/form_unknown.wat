;; A section of a kind there is none of; the twin's is custom.
(module
  ;; @function form_unknown:run query
  (memory (export "memory") 1)
  ;; @attack ;; @tail 0e 02 01 73
  ;; @twin ;; @tail 00 02 01 73
  (func (export "form_unknown:run")))
