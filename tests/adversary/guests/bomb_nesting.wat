;; Blocks within blocks: 100,000 of them, or a thousand. The sections behind the types are written by
;; hand, as tools for text do not survive it.
(module
  ;; @function bomb_nesting:run query
  (type (func))
  ;; @attack ;; @tail 03 02 01 00  05 03 01 00 01  07 1d 02066d656d6f7279020010626f6d625f6e657374696e673a72756e0000  0a e6a712 01 e2a712 00 @<100000 0240>@ @<100000 0b>@ 0b
  ;; @twin ;; @tail 03 02 01 00  05 03 01 00 01  07 1d 02066d656d6f7279020010626f6d625f6e657374696e673a72756e0000  0a bd17 01 ba17 00 @<1000 0240>@ @<1000 0b>@ 0b
)
