;; A query that writes; one that only links to what writes; a mutation that does.
(module
  ;; @function deny_query:insert query
  ;; @function deny_query:merge query
  ;; @function deny_query:replace query
  ;; @function deny_query:remove query
  ;; @function deny_query:by_table query
  ;; @function deny_query:after_read query
  ;; @function deny_query:links query
  ;; @function deny_query:insert_mutation mutation {"export": "deny_query:insert"}
  ;; @function deny_query:merge_mutation mutation {"export": "deny_query:merge"}
  ;; @function deny_query:replace_mutation mutation {"export": "deny_query:replace"}
  ;; @function deny_query:remove_mutation mutation {"export": "deny_query:remove"}
  ;; @function deny_query:by_table_mutation mutation {"export": "deny_query:by_table"}
  ;; @import convex/core output_write
  ;; @import convex/db-read 1.0/get
  ;; @import convex/db-write 1.0/insert 1.0/shallowMerge 1.0/replace 1.0/remove
  (memory (export "memory") 1)
  (type $call (func (param i32 i32) (result i64)))
  (table funcref (elem $1.0/insert))
  (data (i32.const 0) "{\"table\":\"denied\",\"value\":{}}")
  (data (i32.const 64) "{\"id\":\"j57000820c20a1g7104gm2rc1m70ynr8\",\"value\":{}}")
  (func (export "deny_query:insert") (drop (call $1.0/insert (i32.const 0) (i32.const 29))))
  (func (export "deny_query:merge") (drop (call $1.0/shallowMerge (i32.const 64) (i32.const 52))))
  (func (export "deny_query:replace") (drop (call $1.0/replace (i32.const 64) (i32.const 52))))
  (func (export "deny_query:remove") (drop (call $1.0/remove (i32.const 64) (i32.const 52))))
  (func (export "deny_query:by_table")
    (drop (call_indirect (type $call) (i32.const 0) (i32.const 29) (i32.const 0))))
  (func (export "deny_query:after_read")
    (drop (call $1.0/get (i32.const 64) (i32.const 52)))
    (drop (call $1.0/insert (i32.const 0) (i32.const -1))))
  (func (export "deny_query:links") (drop (call $1.0/get (i32.const 64) (i32.const 52)))))
