;; A path that no client could name.
(module
  ;; @function a:run query {"path":"a b:run"}
  (memory (export "memory") 1)
  (func (export "a:run")))
