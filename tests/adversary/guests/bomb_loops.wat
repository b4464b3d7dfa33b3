;; One loop more within others than may be; nothing else is in them.
(module
  ;; @function bomb_loops:run query
  (memory (export "memory") 1)
  ;; @attack (func (param i32) @<101 (loop >@ @<101 (br_if 0 (local.get 0)))>@)
  ;; @twin (func (param i32) @<100 (loop >@ @<100 (br_if 0 (local.get 0)))>@)
  (func (export "bomb_loops:run")))
