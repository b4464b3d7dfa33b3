;; An element that lies behind the end of its table; the twin's is its last.
(module
  ;; @function form_elements:run query
  ;; @attack (table 4 funcref) (elem (i32.const 4) 0)
  ;; @twin (table 4 funcref) (elem (i32.const 3) 0)
  (memory (export "memory") 1)
  (func (export "form_elements:run")))
