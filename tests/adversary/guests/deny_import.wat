;; A call that there is not in this version; its twin imports what there is.
(module
  ;; @function deny_import:run query
  ;; @attack ;; @import convex/core host_exec
  ;; @twin ;; @import convex/core now_ms
  (memory (export "memory") 1)
  (func (export "deny_import:run")))
