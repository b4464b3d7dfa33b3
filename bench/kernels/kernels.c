/*
 * The five kernels that the price of metering is measured on, as five queries of one module: each
 * works for about ten milliseconds on one kind of thing, calls the host for its result alone, and
 * fails unless that result is the right one.
 *
 *     cordon run build/bench/kernels.wasm kernels:bytes        (after make bench)
 */
#include "cordon.h"

/* clang-format off */
CORDON_FUNCTIONS(
    CORDON_QUERY("kernels:bytes", count_primes, CORDON_NO_ARGS, CORDON_NUMBER),
    CORDON_QUERY("kernels:floats", move_planets, CORDON_NO_ARGS, CORDON_NUMBER),
    CORDON_QUERY("kernels:integers", hash_message, CORDON_NO_ARGS, CORDON_NUMBER),
    CORDON_QUERY("kernels:calls", count_rabbits, CORDON_NO_ARGS, CORDON_NUMBER),
    CORDON_QUERY("kernels:documents", copy_documents, CORDON_NO_ARGS, CORDON_NUMBER))
/* clang-format on */
