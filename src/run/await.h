/*
 * Transactions of a thread that may block: deploys and what comes with them. Runs never block; they
 * go by steps.
 */
#ifndef RUN_AWAIT_H
#define RUN_AWAIT_H

#include "base/clock.h"
#include "base/event.h"
#include "store/store.h"

/* Makes the same call on the store until it is done. */
#define AWAIT(rows, step, call)                                                                    \
    do {                                                                                           \
        TRY(call);                                                                                 \
        if ((step) == STORE_DONE) {                                                                \
            break;                                                                                 \
        }                                                                                          \
        event_wait(                                                                                \
            &(rows)->woken,                                                                        \
            (step) == STORE_LATER ? clock_deadline_ns(STORE_LATER_MS) : UINT64_MAX);               \
    } while (true)

/* The transaction that rows are read or written in. */
struct rows {
    struct event woken;
    struct store_txn *txn;
};

/* To be ended in any case. */
static inline cordon_error *rows_begin(struct store *store, uint32_t tenant, struct rows *rows)
{
    *rows = (struct rows){0};
    event_init(&rows->woken);
    const struct store_wake wake = {event_set, &rows->woken};
    return store_begin(store, tenant, wake, &rows->txn);
}

static inline void rows_end(struct rows *rows)
{
    store_end(&rows->txn);
    event_done(&rows->woken);
}

/*
 * `*out_conflict`: nothing was written; the same may be tried again in another transaction. Facts
 * that bring no quota along are never refused for it.
 */
static inline cordon_error *rows_commit(
    struct rows *rows, const struct store_commit_facts *facts, bool *out_conflict)
{
    enum store_step step = STORE_DONE;
    struct store_commit_result result = {0};
    AWAIT(rows, step, store_commit(rows->txn, facts, &step, &result));
    *out_conflict = result.conflict;
    return NULL;
}

#endif
