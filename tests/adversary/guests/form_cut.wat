;; The end of the module is missing; the twin ends with an empty section.
(module
  ;; @function form_cut:run query
  (memory (export "memory") 1)
  ;; @attack ;; @cut 1
  ;; @twin ;; @tail 00 01 00
  (func (export "form_cut:run")))
