/*
 * Transactions that wait, and the calling of their wakes with no lock held.
 *
 * The hard part is the end: a transaction may be freed by one thread while another is inside its
 * wake. waiters_cancel() returns only when that cannot be so any more.
 */
#ifndef STORE_WAITERS_H
#define STORE_WAITERS_H

#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>

enum waiter_state { WAITER_IDLE, WAITER_QUEUED, WAITER_CALLING };

/* Lives inside what waits. All zeros with a wake is ready to use. */
struct waiter {
    struct store_wake wake;
    uint64_t due; /* woken when waiters_wake reaches it: a timestamp or a time */
    _Atomic int state;
    pthread_t caller; /* who calls the wake, while WAITER_CALLING */
    bool *ended;      /* the caller's: set when the wake itself ended the waiter */
    struct waiter *next;
    struct waiter *previous;
};

struct waiters {
    pthread_mutex_t lock;
    struct waiter *first; /* in order of arrival */
    struct waiter *last;
};

void waiters_init(struct waiters *waiters);
void waiters_done(struct waiters *waiters);

/*
 * Queues a waiter for `due`, unless `*reached` is already there: then false. Queueing it again
 * while it is queued changes nothing. `reached` must be moved before waiters_wake is called.
 */
bool waiters_add(
    struct waiters *waiters, struct waiter *waiter, uint64_t due, const _Atomic uint64_t *reached);

/* Waits until its wake is not running: after that, or within it, waiters_add() does not block. */
void waiters_settle(struct waiters *waiters, struct waiter *waiter);

/* Takes a waiter out; after that its wake is not running and will not run. May be called from
 * inside that very wake. */
void waiters_cancel(struct waiters *waiters, struct waiter *waiter);

/* Wakes everybody due up to `reached`. */
void waiters_wake(struct waiters *waiters, uint64_t reached);

/* The due of the one that came first, or UINT64_MAX. */
uint64_t waiters_first_due(struct waiters *waiters);

#endif
