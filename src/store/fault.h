/*
 * A store in front of another that fails one call: the test of what a caller does then. Every call
 * that can return an error counts.
 */
#ifndef STORE_FAULT_H
#define STORE_FAULT_H

#include "store/store.h"

/* Takes `inner` over, also on failure: store_close() closes both. No call fails at first. */
CORDON_MUST_USE cordon_error *store_open_fault(struct store *inner, struct store **out_store);

/*
 * The nth call from now on (1 is the next) and none after it fails with CORDON_E_STORE, without
 * reaching the inner store; 0 is never. Returns how many calls there were since the last time.
 * `store` comes from store_open_fault.
 */
uint64_t store_fault_nth(struct store *store, uint64_t nth);

#endif
