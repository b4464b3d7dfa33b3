/*
 * Attacks as programs in C make them, with what a compiler and a C library add: an allocator, a
 * stack of their own in linear memory, formatted output. Each file is one idea; this one lists
 * them.
 */
#include "attacks.h"

#define N CORDON_OBJECT(CORDON_FIELD("n", CORDON_NUMBER))

/* clang-format off */
CORDON_FUNCTIONS(
    CORDON_QUERY("c_hoard:blocks", hoard_blocks, N, CORDON_NUMBER),
    CORDON_QUERY("c_hoard:values", hoard_values, N, CORDON_NUMBER),
    CORDON_QUERY("c_deep:calls", deep_calls, N, CORDON_NUMBER),
    CORDON_QUERY("c_deep:walk", deep_walk, N, CORDON_NUMBER),
    CORDON_QUERY("c_deep:arrays", deep_arrays, N, CORDON_NUMBER),
    CORDON_QUERY("c_pattern:match", pattern_match, N, CORDON_BOOLEAN),
    CORDON_QUERY("c_abort:aborts", abort_aborts, N, CORDON_NUMBER),
    CORDON_QUERY("c_abort:asserts", abort_asserts, N, CORDON_NUMBER),
    CORDON_MUTATION("c_abort:after_write", abort_after_write, N, CORDON_NUMBER),
    CORDON_QUERY("c_clock:seconds", clock_seconds, N, CORDON_NUMBER))
/* clang-format on */
