;; A section of types behind all others; the twin's is a custom one.
(module
  ;; @function form_order:run query
  (memory (export "memory") 1)
  ;; @attack ;; @tail 01 04 01 60 00 00
  ;; @twin ;; @tail 00 04 03 61 62 63
  (func (export "form_order:run")))
