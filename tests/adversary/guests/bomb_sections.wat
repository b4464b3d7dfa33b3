;; More custom sections than may be; the names of functions and the metadata are two of them.
(module
  ;; @function bomb_sections:run query
  (memory (export "memory") 1)
  ;; @attack ;; @tail @<255 00020173>@
  ;; @twin ;; @tail @<254 00020173>@
  (func (export "bomb_sections:run")))
