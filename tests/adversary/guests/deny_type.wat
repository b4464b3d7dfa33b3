;; A host call under a type that would let a pointer through unchecked; its twin has the true type.
(module
  ;; @function deny_type:run query
  ;; @attack (import "convex/core" "input_read" (func (param i64 i64) (result i64)))
  ;; @twin ;; @import convex/core input_read
  (memory (export "memory") 1)
  (func (export "deny_type:run")))
