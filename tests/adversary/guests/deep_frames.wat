;; Few calls with large frames: two hundred values that live across each call.
(module
  ;; @function deep_frames:down query
  ;; @import convex/core input_read output_write
  ;; @include numbers
  (memory (export "memory") 1)
  (func $down (param $n i64) (result i64) @<200 (local $x% i64) >@
    @<200 (local.set $x% (i64.load offset=% (i32.const 8192)))>@
    (if (result i64) (i64.eqz (local.get $n)) (then (i64.const 0))
      (else (i64.add (call $down (i64.sub (local.get $n) (i64.const 1)))
        @<200 (i64.xor (local.get $x%) >@ (i64.const 1) @<200 )>@))))
  (func (export "deep_frames:down") (call $output_number (call $down (call $input_number)))))
