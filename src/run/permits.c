/* The permit counter and its two queues; see permits.h. */
#include "run/permits.h"

void permits_init(struct permits *permits, uint32_t total, uint32_t waiting_max)
{
    *permits = (struct permits){.total = total, .waiting_max = waiting_max};
    const int failed = pthread_mutex_init(&permits->lock, NULL);
    CORDON_ASSERT(failed == 0);
}

void permits_done(struct permits *permits)
{
    CORDON_ASSERT(permits->used == 0 && permits->waiting == 0);
    (void)pthread_mutex_destroy(&permits->lock);
}

static void push(struct permit_queue *queue, struct permit_waiter *waiter)
{
    waiter->next = NULL;
    if (queue->last == NULL) {
        queue->first = waiter;
    } else {
        queue->last->next = waiter;
    }
    queue->last = waiter;
}

static struct permit_waiter *pop(struct permit_queue *queue)
{
    struct permit_waiter *waiter = queue->first;
    if (waiter != NULL) {
        queue->first = waiter->next;
        if (queue->first == NULL) {
            queue->last = NULL;
        }
    }
    return waiter;
}

static bool unlink_waiter(struct permit_queue *queue, struct permit_waiter *waiter)
{
    struct permit_waiter *before = NULL;
    for (struct permit_waiter *at = queue->first; at != NULL; before = at, at = at->next) {
        if (at != waiter) {
            continue;
        }
        if (before == NULL) {
            queue->first = at->next;
        } else {
            before->next = at->next;
        }
        if (queue->last == at) {
            queue->last = before;
        }
        return true;
    }
    return false;
}

enum permit_answer permits_take(
    struct permits *permits, struct permit_waiter *waiter, enum permit_claim claim)
{
    (void)pthread_mutex_lock(&permits->lock);
    enum permit_answer answer = PERMIT_QUEUED;
    if (permits->used < permits->total) {
        permits->used++;
        atomic_store(&waiter->has_permit, true);
        answer = PERMIT_HELD;
    } else if (claim == PERMIT_FRESH && permits->waiting >= permits->waiting_max) {
        answer = PERMIT_REFUSED;
    } else {
        push(claim == PERMIT_AGAIN ? &permits->again : &permits->fresh, waiter);
        waiter->queued = true;
        permits->waiting++;
    }
    (void)pthread_mutex_unlock(&permits->lock);
    return answer;
}

/* Who is next; NULL if nobody waits. */
static struct permit_waiter *pop_next(struct permits *permits)
{
    struct permit_waiter *next = pop(&permits->again);
    if (next == NULL) {
        next = pop(&permits->fresh);
    }
    if (next != NULL) {
        next->queued = false;
        permits->waiting--;
    }
    return next;
}

/*
 * Under the lock: the waiter cannot leave, and so not be freed, meanwhile. A wake only queues; it
 * never comes back in here.
 */
static void grant(struct permit_waiter *waiter)
{
    atomic_store(&waiter->has_permit, true);
    waiter->granted(waiter);
}

bool permits_yield(struct permits *permits, struct permit_waiter *waiter)
{
    (void)pthread_mutex_lock(&permits->lock);
    CORDON_ASSERT(atomic_load(&waiter->has_permit) && !waiter->queued);
    struct permit_waiter *const next = pop_next(permits);
    if (next != NULL) {
        atomic_store(&waiter->has_permit, false);
        push(&permits->fresh, waiter);
        waiter->queued = true;
        permits->waiting++;
        grant(next);
    }
    (void)pthread_mutex_unlock(&permits->lock);
    return next == NULL;
}

void permits_give(struct permits *permits, struct permit_waiter *waiter)
{
    (void)pthread_mutex_lock(&permits->lock);
    if (waiter->queued) {
        if (!unlink_waiter(&permits->again, waiter)) {
            (void)unlink_waiter(&permits->fresh, waiter);
        }
        waiter->queued = false;
        permits->waiting--;
    } else if (atomic_load(&waiter->has_permit)) {
        atomic_store(&waiter->has_permit, false);
        struct permit_waiter *const next = pop_next(permits);
        if (next == NULL) {
            permits->used--;
        } else {
            grant(next);
        }
    }
    (void)pthread_mutex_unlock(&permits->lock);
}

void permits_count(struct permits *permits, uint32_t *out_used, uint32_t *out_waiting)
{
    (void)pthread_mutex_lock(&permits->lock);
    *out_used = permits->used;
    *out_waiting = permits->waiting;
    (void)pthread_mutex_unlock(&permits->lock);
}
