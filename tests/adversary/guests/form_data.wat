;; A data segment that begins where memory ends; the twin's ends there.
(module
  ;; @function form_data:run query
  ;; @attack (data (i32.const 65536) "x")
  ;; @twin (data (i32.const 65535) "x")
  (memory (export "memory") 1)
  (func (export "form_data:run")))
