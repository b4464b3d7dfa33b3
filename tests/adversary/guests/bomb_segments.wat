;; More element segments than may be.
(module
  ;; @function bomb_segments:run query
  ;; @attack @<10001 (elem func)>@
  ;; @twin @<10000 (elem func)>@
  (memory (export "memory") 1)
  (func (export "bomb_segments:run")))
