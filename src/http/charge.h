/*
 * Accounts for what connections hold, behind which stands the memory budget of the process: half of
 * it at most, so that clients who send and do not end, or do not read, never take what runs need.
 * The first bytes of each account are free, so that a usual request asks nobody.
 */
#ifndef HTTP_CHARGE_H
#define HTTP_CHARGE_H

#include "base/account.h"
#include "run/runner.h"

#include <stdatomic.h>

/* What all connections of a server have of the budget. Any thread. */
struct purse {
    struct runner *runner;
    uint64_t bytes_max;
    _Atomic(uint64_t) bytes;
};

/* `runner` is borrowed and outlives the purse. */
void purse_init(struct purse *purse, struct runner *runner);

/* Threads: one at a time, as an account. */
struct charge {
    struct account account; /* what is held */
    struct purse *purse;
    uint64_t free_bytes;
    uint64_t taken; /* by the account, free or not */
};

/* `purse` is borrowed and outlives the charge, which may not be moved. */
void charge_init(struct charge *charge, struct purse *purse, uint64_t free_bytes);

/* Nothing may be held any more. */
void charge_done(struct charge *charge);

#endif
