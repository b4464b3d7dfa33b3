/*
 * The queue of waiters; see waiters.h. Each is IDLE, QUEUED (in the list) or CALLING (out of the
 * list, its wake running on another thread). Only the caller of the wake moves it from CALLING to
 * IDLE, as its last touch; whoever frees the waiter waits for that. Wakes are short (they put a
 * run on a queue), so the waiting is a yield in a loop and not one more condition variable.
 */
#include "store/waiters.h"

#include <sched.h>

void waiters_init(struct waiters *waiters)
{
    *waiters = (struct waiters){0};
    (void)pthread_mutex_init(&waiters->lock, NULL);
}

void waiters_done(struct waiters *waiters)
{
    CORDON_ASSERT(waiters->first == NULL);
    (void)pthread_mutex_destroy(&waiters->lock);
}

static void unlink_waiter(struct waiters *waiters, struct waiter *waiter)
{
    if (waiter->previous != NULL) {
        waiter->previous->next = waiter->next;
    } else {
        waiters->first = waiter->next;
    }
    if (waiter->next != NULL) {
        waiter->next->previous = waiter->previous;
    } else {
        waiters->last = waiter->previous;
    }
    waiter->next = NULL;
    waiter->previous = NULL;
}

static void link_waiter(struct waiters *waiters, struct waiter *waiter)
{
    waiter->next = NULL;
    waiter->previous = waiters->last;
    if (waiters->last != NULL) {
        waiters->last->next = waiter;
    } else {
        waiters->first = waiter;
    }
    waiters->last = waiter;
}

/*
 * Waits until the wake of a waiter that is being called has returned. From inside that wake there
 * is nothing to wait for: the caller is told to keep its hands off instead.
 */
static void settle(struct waiters *waiters, struct waiter *waiter)
{
    (void)pthread_mutex_lock(&waiters->lock);
    const bool calling = atomic_load(&waiter->state) == WAITER_CALLING;
    const bool inside = calling && pthread_equal(waiter->caller, pthread_self()) != 0;
    if (inside) {
        *waiter->ended = true;
        atomic_store(&waiter->state, WAITER_IDLE);
    }
    (void)pthread_mutex_unlock(&waiters->lock);
    while (atomic_load(&waiter->state) == WAITER_CALLING) {
        (void)sched_yield();
    }
}

void waiters_settle(struct waiters *waiters, struct waiter *waiter)
{
    if (atomic_load(&waiter->state) == WAITER_CALLING) {
        settle(waiters, waiter); /* woken just now, and already waiting for the next thing */
    }
}

bool waiters_add(
    struct waiters *waiters, struct waiter *waiter, uint64_t due, const _Atomic uint64_t *reached)
{
    waiters_settle(waiters, waiter);
    (void)pthread_mutex_lock(&waiters->lock);
    const bool waits = atomic_load(reached) < due;
    if (waits && atomic_load(&waiter->state) == WAITER_IDLE) {
        waiter->due = due;
        link_waiter(waiters, waiter);
        atomic_store(&waiter->state, WAITER_QUEUED);
    }
    (void)pthread_mutex_unlock(&waiters->lock);
    return waits;
}

void waiters_cancel(struct waiters *waiters, struct waiter *waiter)
{
    if (atomic_load(&waiter->state) == WAITER_IDLE) {
        return;
    }
    (void)pthread_mutex_lock(&waiters->lock);
    if (atomic_load(&waiter->state) == WAITER_QUEUED) {
        unlink_waiter(waiters, waiter);
        atomic_store(&waiter->state, WAITER_IDLE);
    }
    (void)pthread_mutex_unlock(&waiters->lock);
    settle(waiters, waiter);
}

/* Takes the first that is due out of the queue, one at a time: a CALLING waiter is one whose wake
 * really runs, so a wake may end the transaction of any other. */
static struct waiter *take_due(struct waiters *waiters, uint64_t reached)
{
    (void)pthread_mutex_lock(&waiters->lock);
    struct waiter *waiter = waiters->first;
    while (waiter != NULL && waiter->due > reached) {
        waiter = waiter->next;
    }
    if (waiter != NULL) {
        unlink_waiter(waiters, waiter);
        waiter->caller = pthread_self();
        atomic_store(&waiter->state, WAITER_CALLING);
    }
    (void)pthread_mutex_unlock(&waiters->lock);
    return waiter;
}

void waiters_wake(struct waiters *waiters, uint64_t reached)
{
    for (;;) {
        struct waiter *waiter = take_due(waiters, reached);
        if (waiter == NULL) {
            return;
        }
        bool ended = false;
        waiter->ended = &ended;
        waiter->wake.call(waiter->wake.arg);
        if (!ended) {
            atomic_store(&waiter->state, WAITER_IDLE);
        }
    }
}

uint64_t waiters_first_due(struct waiters *waiters)
{
    (void)pthread_mutex_lock(&waiters->lock);
    const uint64_t due = waiters->first == NULL ? UINT64_MAX : waiters->first->due;
    (void)pthread_mutex_unlock(&waiters->lock);
    return due;
}
