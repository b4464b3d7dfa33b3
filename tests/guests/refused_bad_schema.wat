;; A schema with an index on nothing.
(module
  ;; @function a:run query
  ;; @section convex.schema {"tables":[{"tableName":"t","indexes":[{"indexDescriptor":"by_a","fields":[]}],"documentType":null}],"schemaValidation":true}
  (memory (export "memory") 1)
  (func (export "a:run")))
