/*
 * Accounts for what connections hold, behind which stands the memory budget of the process: half of
 * it at most, so that clients who send and do not end, or do not read, never take what runs need.
 * Of that half a tenant has its share (run/permits/shares.h), so that its clients do not take what
 * those of others need. The first bytes of each account are free, so that a usual request asks
 * nobody.
 */
#ifndef HTTP_CHARGE_H
#define HTTP_CHARGE_H

#include "base/account.h"
#include "run/permits/shares.h"
#include "run/runner.h"

#include <stdatomic.h>

/* What all connections of a server have of the budget. Any thread. */
struct purse {
    struct runner *runner;
    struct shared bytes;
    atomic_ullong of_nobody; /* of them: where there is no tenant, or it is not known yet */
};

/* `runner` is borrowed and outlives the purse. */
void purse_init(struct purse *purse, struct runner *runner);

/* Threads: one at a time, as an account. */
struct charge {
    struct account account; /* what is held */
    struct purse *purse;
    atomic_ullong *owner; /* what of the purse is of the same tenant */
    uint64_t free_bytes;
    uint64_t taken; /* by the account, free or not */
};

/* `purse` is borrowed and outlives the charge, which may not be moved. */
void charge_init(struct charge *charge, struct purse *purse, uint64_t free_bytes);

/* What is held is the owner's from now on, also where that is more than its share. */
void charge_pass(struct charge *charge, atomic_ullong *owner);

/* Nothing may be held any more. */
void charge_done(struct charge *charge);

#endif
