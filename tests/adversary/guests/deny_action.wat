;; An action that goes to the database past functions: reading and writing, each way there is.
(module
  ;; @function deny_action:get action
  ;; @function deny_action:stream action
  ;; @function deny_action:next action
  ;; @function deny_action:cleanup action
  ;; @function deny_action:insert action
  ;; @function deny_action:links action
  ;; @function deny_action:get_query query {"export": "deny_action:get"}
  ;; @function deny_action:stream_query query {"export": "deny_action:stream"}
  ;; @function deny_action:next_query query {"export": "deny_action:next"}
  ;; @function deny_action:cleanup_mutation mutation {"export": "deny_action:cleanup"}
  ;; @function deny_action:insert_mutation mutation {"export": "deny_action:insert"}
  ;; @import convex/core now_ms
  ;; @import convex/db-read 1.0/get 1.0/queryStream 1.0/queryStreamNext 1.0/queryCleanup
  ;; @import convex/db-write 1.0/insert
  (memory (export "memory") 1)
  (data (i32.const 0) "{\"table\":\"denied\",\"value\":{}}")
  (data (i32.const 64) "{\"id\":\"j57000820c20a1g7104gm2rc1m70ynr8\"}")
  (data (i32.const 128) "{\"queryId\":0}")
  (data (i32.const 192) "{\"query\":{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"denied\",\"order\":\"asc\"},\"operators\":[]}}")
  (func (export "deny_action:get") (drop (call $1.0/get (i32.const 64) (i32.const 41))))
  (func (export "deny_action:stream") (drop (call $1.0/queryStream (i32.const 192) (i32.const 95))))
  (func (export "deny_action:next") (drop (call $1.0/queryStreamNext (i32.const 128) (i32.const 13))))
  (func (export "deny_action:cleanup") (drop (call $1.0/queryCleanup (i32.const 128) (i32.const 13))))
  (func (export "deny_action:insert") (drop (call $1.0/insert (i32.const 0) (i32.const 29))))
  (func (export "deny_action:links") (drop (call $now_ms))))
