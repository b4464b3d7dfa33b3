;; Relaxed vector operators, whose results differ between machines; the twin's are exact.
(module
  ;; @function feature_relaxed:run query
  ;; @flags --enable-relaxed-simd
  ;; @attack (func (drop (f32x4.relaxed_madd (v128.const i64x2 0 0) (v128.const i64x2 0 0) (v128.const i64x2 0 0))))
  ;; @twin (func (drop (f32x4.add (v128.const i64x2 0 0) (v128.const i64x2 0 0))))
  (memory (export "memory") 1)
  (func (export "feature_relaxed:run")))
