;; Names that end up in the frames of an error: control characters, another direction of writing, a
;; line of a log, a name of the engine's, one of 100,000 characters. Each function traps, or not.
(module
  ;; @names none
  ;; @function hostile_names:control query
  ;; @function hostile_names:long query
  ;; @function hostile_names:path query
  ;; @function hostile_names:none query
  (memory (export "memory") 1)
  (export "hostile_names:control" (func 0))
  (export "hostile_names:long" (func 1))
  (export "hostile_names:path" (func 2))
  (export "hostile_names:none" (func 3))
  (func (unreachable))
  (func (unreachable))
  (func (unreachable))
  (func)
  ;; The section of names by hand: "name", with names for functions 0 to 2.
  ;; @tail 00 8e8e06 046e616d65 01 858e06 03002a1b5b33316d0a7b226576656e74223a2266756e6374696f6e5f657865637574696f6e227d0dc29be280ae01a08d06@<100000 6e>@02322f7573722f6c69622f7761736d74696d652f7372632f72756e74696d652e72733a3132203078376666663030303031323334
)
