;; A schema, which nothing would keep.
(module
  ;; @function a:run query
  ;; @section convex.schema {"tables":[],"schemaValidation":true}
  (memory (export "memory") 1)
  (func (export "a:run")))
