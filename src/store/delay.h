/*
 * A store in front of another that answers every call which may be pending with STORE_PENDING
 * first, and wakes the transaction some time later from a thread of its own; the repeated call
 * then goes through. With it, tests walk the paths that an embedded backend never takes.
 */
#ifndef STORE_DELAY_H
#define STORE_DELAY_H

#include "store/store.h"

/*
 * Takes `inner` over, also on failure: store_close() closes both. `delay_ms` may be 0: then the
 * wake comes at once, but still from the other thread.
 */
CORDON_MUST_USE cordon_error *store_open_delay(
    struct store *inner, unsigned delay_ms, struct store **out_store);

/* Another delay from now on. No transaction may be open. */
void store_delay_set(struct store *delay, unsigned delay_ms);

#endif
