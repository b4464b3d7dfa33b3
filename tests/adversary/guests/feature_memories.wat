;; A second memory, which no limit would count.
(module
  ;; @function feature_memories:run query
  ;; @flags --enable-multi-memory
  ;; @attack (memory 1)
  ;; @twin (global i32 (i32.const 0))
  (memory (export "memory") 1)
  (func (export "feature_memories:run")))
