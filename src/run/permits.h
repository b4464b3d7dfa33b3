/*
 * Permits: how many runs execute guest code at one time. Held only while guest code runs. Waiting
 * is first come, first served, and a run that had a permit before it waited for the host comes
 * before runs that have not begun; one that slept does not, or naps would be the way to the front.
 * A run that computes without end passes its permit on after each turn, so that however many of
 * them there are, everybody else gets a turn too.
 */
#ifndef RUN_PERMITS_H
#define RUN_PERMITS_H

#include "base/error.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct permit_waiter {
    struct permit_waiter *next;
    void (*granted)(struct permit_waiter *waiter); /* any thread; must not call back in here */
    atomic_bool has_permit;
    bool queued; /* guarded by the lock of the permits */
};

struct permit_queue {
    struct permit_waiter *first;
    struct permit_waiter *last;
};

struct permits {
    pthread_mutex_t lock;
    uint32_t total;
    uint32_t used;
    uint32_t waiting;
    uint32_t waiting_max;
    struct permit_queue again; /* runs that waited for the host */
    struct permit_queue fresh; /* runs that have not begun, had a turn, or slept */
};

enum permit_answer { PERMIT_HELD, PERMIT_QUEUED, PERMIT_REFUSED };

/* Who asks for a permit. */
enum permit_claim {
    PERMIT_FRESH, /* has not begun: the only one that a full queue refuses */
    PERMIT_SLEPT, /* waited because it wanted to: queues as if it were fresh */
    PERMIT_AGAIN, /* waited for the host: comes before all others */
};

void permits_init(struct permits *permits, uint32_t total, uint32_t waiting_max);
void permits_done(struct permits *permits);

/*
 * Takes a permit or queues for one (`granted` is called when it comes; has_permit is true by
 * then).
 */
enum permit_answer permits_take(
    struct permits *permits, struct permit_waiter *waiter, enum permit_claim claim);

/*
 * At the end of a turn of a run that holds a permit and could go on. True: nobody waits, and it
 * keeps the permit. False: another has it now, and the run stands at the end of the queue
 * (`granted` is called when its turn comes).
 */
bool permits_yield(struct permits *permits, struct permit_waiter *waiter);

/* Gives a permit back, or leaves the queue. Does nothing if there is neither. */
void permits_give(struct permits *permits, struct permit_waiter *waiter);

/* Used and waiting now. Any thread. */
void permits_count(struct permits *permits, uint32_t *out_used, uint32_t *out_waiting);

#endif
