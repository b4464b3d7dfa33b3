;; An export with a longer name than may be.
(module
  ;; @function bomb_name:run query
  ;; @attack (export "@<4097 n>@" (func 0))
  ;; @twin (export "@<4096 n>@" (func 0))
  (memory (export "memory") 1)
  (func (export "bomb_name:run")))
