;; No export memory.
(module
  ;; @function a:run query
  (memory 1)
  (func (export "a:run")))
