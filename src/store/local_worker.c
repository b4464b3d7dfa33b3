/*
 * The threads that make commits durable while their clients wait.
 *
 * Over a backend with a log there are two. The flusher appends what has become visible to the log,
 * all of it with one sync, and wakes who waits; while it syncs, new commits gather, so the busier
 * the store the more of them share a sync, and one hot document can commit many times in it. When
 * the memtable has grown enough, or a while has passed, the flusher makes it due and goes over to
 * the other log file, and the checkpointer brings it into the backend.
 *
 * Without a log the flusher does that itself, for every group.
 */
#include "store/local.h"

#include "base/advice.h"
#include "base/clock.h"
#include "base/event.h"

#include <time.h>

#define IDLE_NS_MAX 1000000000u
#define RETRY_NS 10000000u
#define SETTLE_LOOK_NS 50000000u
#define RETRY_FULL_NS 500000000u           /* what fills a disk is not freed within moments */
#define CHECKPOINT_BYTES ((size_t)4 << 20) /* of rows: what a recovery has to read again */
#define CHECKPOINT_LOG_BYTES ((uint64_t)16 << 20) /* of the file, with its padding */

/* -- Workers --------------------------------------------------------------------------------- */

static void sleep_until(struct worker *worker, uint64_t monotonic_ns)
{
    const struct timespec until = {
        .tv_sec = (time_t)(monotonic_ns / 1000000000u),
        .tv_nsec = (long)(monotonic_ns % 1000000000u),
    };
    (void)pthread_cond_timedwait(&worker->changed, &worker->lock, &until);
}

/* Sleeps until there is work, or `until`; false when the worker is to stop. */
static bool wait_for_work(struct worker *worker, uint64_t until)
{
    (void)pthread_mutex_lock(&worker->lock);
    while (!worker->wanted && !worker->stop) {
        if (until == UINT64_MAX) {
            (void)pthread_cond_wait(&worker->changed, &worker->lock);
        } else if (clock_monotonic_ns() < until) {
            sleep_until(worker, until);
        } else {
            break;
        }
    }
    worker->wanted = false;
    const bool stop = worker->stop;
    (void)pthread_mutex_unlock(&worker->lock);
    return !stop;
}

/* Wakes without the lock: who is woken takes it first of all, and would go to sleep on it again. */
static void poke(struct worker *worker)
{
    (void)pthread_mutex_lock(&worker->lock);
    worker->wanted = true;
    (void)pthread_mutex_unlock(&worker->lock);
    (void)pthread_cond_signal(&worker->changed);
}

/* Takes the error of a failed try over. */
static void pause_before_retry(struct worker *worker, cordon_error *error)
{
    const bool full = cordon_error_get_code(error) == CORDON_E_DISK_FULL;
    cordon_error_free(error);
    (void)pthread_mutex_lock(&worker->lock);
    if (!worker->stop) {
        sleep_until(worker, clock_monotonic_ns() + (full ? RETRY_FULL_NS : RETRY_NS));
    }
    worker->wanted = true;
    (void)pthread_mutex_unlock(&worker->lock);
}

/* When to look for old versions without being asked. */
static uint64_t next_look(const struct local *store)
{
    if (!atomic_load(&store->garbage_waits)) {
        return UINT64_MAX;
    }
    const uint64_t part = store->window_ns / 4;
    return clock_monotonic_ns() + (part < IDLE_NS_MAX ? part : IDLE_NS_MAX);
}

static cordon_error *start(struct worker *worker, void *(*run)(void *), struct local *store)
{
    pthread_condattr_t attributes;
    int failed = pthread_condattr_init(&attributes);
    if (failed == 0) {
        (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        failed = pthread_cond_init(&worker->changed, &attributes);
        (void)pthread_condattr_destroy(&attributes);
    }
    if (failed == 0) {
        (void)pthread_mutex_init(&worker->lock, NULL);
        failed = pthread_create(&worker->thread, NULL, run, store);
    }
    if (failed != 0) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "the store's threads could not be started: %s%s",
            strerrordesc_np(failed), advice_on(failed));
    }
    worker->runs = true;
    return NULL;
}

/* Its lock stays: the other worker may still poke it. */
static void stop(struct worker *worker)
{
    if (!worker->runs) {
        return;
    }
    (void)pthread_mutex_lock(&worker->lock);
    worker->stop = true;
    (void)pthread_cond_signal(&worker->changed);
    (void)pthread_mutex_unlock(&worker->lock);
    (void)pthread_join(worker->thread, NULL);
}

/* After all of them have stopped. */
static void done(struct worker *worker)
{
    if (!worker->runs) {
        return;
    }
    (void)pthread_mutex_destroy(&worker->lock);
    (void)pthread_cond_destroy(&worker->changed);
    worker->runs = false;
}

/* -- Company --------------------------------------------------------------------------------- */

void local_flusher_poke(struct local *store)
{
    struct flusher *flusher = &store->flusher;
    struct worker *worker = &flusher->worker;
    (void)pthread_mutex_lock(&worker->lock);
    flusher->arrived++;
    const bool wakes = !worker->wanted || flusher->arrived == flusher->expected;
    worker->wanted = true;
    (void)pthread_mutex_unlock(&worker->lock);
    if (wakes) {
        (void)pthread_cond_signal(&worker->changed);
    }
}

/*
 * Clients that wait for one sync come back together with their next commits. Without a moment's
 * patience the flusher would always start with the first of them, the rest would wait for the sync
 * after, and half the syncs would carry one commit each. So it waits for as many as the last sync
 * woke, and those that came while it ran, for a quarter of the time a sync takes at the most. A
 * client that is alone is never waited for.
 */
static void wait_for_company(struct flusher *flusher)
{
    struct worker *worker = &flusher->worker;
    (void)pthread_mutex_lock(&worker->lock);
    const uint64_t until = clock_monotonic_ns() + flusher->last_sync_ns / 4;
    while (flusher->arrived > 0 && flusher->arrived < flusher->expected && !worker->stop &&
           clock_monotonic_ns() < until) {
        sleep_until(worker, until);
    }
    flusher->expected = flusher->arrived;
    flusher->arrived = 0;
    worker->wanted = false;
    (void)pthread_mutex_unlock(&worker->lock);
}

static cordon_error *timed(struct local *store, cordon_error *(*sync)(struct local *store))
{
    struct flusher *flusher = &store->flusher;
    const uint64_t began = clock_monotonic_ns();
    cordon_error *error = sync(store);
    flusher->last_sync_ns = clock_monotonic_ns() - began;
    (void)pthread_mutex_lock(&flusher->worker.lock);
    flusher->expected += flusher->arrived;
    (void)pthread_mutex_unlock(&flusher->worker.lock);
    return error;
}

/* -- The log --------------------------------------------------------------------------------- */

/* What has become visible since the last sync, and the memtable that owns it. */
struct group {
    struct batch *chain;
    struct memtable *owner; /* referenced: it may be flushed and dropped meanwhile */
    uint64_t ts;
    bool rotated; /* the memtable is due, and so is the other file */
};

static bool is_due(const struct local *store, const struct memtable *table)
{
    return atomic_load(&store->rotation_wanted) || table->bytes >= CHECKPOINT_BYTES ||
           journal_bytes(store->journal) >= CHECKPOINT_LOG_BYTES ||
           clock_monotonic_ns() - store->flusher.rotated_at_ns >= store->checkpoint_ns;
}

/*
 * Takes the chain and, if it is time, makes the memtable due, in one hold of the commit lock: so
 * the chain always belongs to one memtable and its record to that memtable's file. A memtable may
 * only become due when the one before is in the backend, as it takes over the other's file.
 */
static struct group take_group(struct local *store)
{
    struct group group = {0};
    (void)pthread_mutex_lock(&store->commit_lock);
    struct memtable *active = store->overlay.active;
    group.chain = store->unlogged_first;
    group.owner = active;
    group.ts = store->last_ts;
    store->unlogged_first = NULL;
    store->unlogged_last = NULL;
    memtable_ref(active);
    if (active->batches != NULL && is_due(store, active) &&
        overlay_flushing(&store->overlay) == NULL) {
        CORDON_ASSERT(store->spare != NULL);
        overlay_rotate(&store->overlay, CORDON_TAKE(store->spare));
        group.rotated = true;
        atomic_store(&store->rotation_wanted, false);
    }
    journal_take(store->journal, group.rotated);
    (void)pthread_mutex_unlock(&store->commit_lock);
    return group;
}

static cordon_error *log_group(struct local *store)
{
    const struct group group = take_group(store);
    if (group.chain != NULL) {
        cordon_error *error = journal_append(store->journal, group.chain, group.ts);
        if (error != NULL) {
            local_stop_process(error);
        }
        local_reach(&store->durable_ts, group.ts);
    }
    memtable_unref(group.owner);
    if (group.rotated) {
        store->flusher.rotated_at_ns = clock_monotonic_ns();
        journal_switch(store->journal);
        poke(&store->checkpointer);
    }
    waiters_wake(&store->waiters, atomic_load(&store->durable_ts));
    return NULL;
}

/* -- Settling -------------------------------------------------------------------------------- */

cordon_error *local_settle(struct local *store)
{
    const uint64_t ts = atomic_load(&store->visible_ts);
    if (!store->flusher.worker.runs) {
        return local_flush(store);
    }
    struct event settled;
    event_init(&settled);
    struct waiter waiter = {.wake = {event_set, &settled}};
    bool is_full = false;
    while (!is_full && waiters_add(&store->settled, &waiter, ts, &store->flushed_ts)) {
        atomic_store(&store->rotation_wanted, true);
        poke(&store->flusher.worker);
        event_wait(&settled, clock_monotonic_ns() + SETTLE_LOOK_NS);
        waiters_cancel(&store->settled, &waiter);
        is_full = atomic_load(&store->flush_was_full);
    }
    event_done(&settled);
    return is_full ? cordon_error_new(
                         CORDON_E_DISK_FULL, "the disk is full: what was committed before has no "
                                             "room yet; free some space and try again")
                   : NULL;
}

/* -- The threads ----------------------------------------------------------------------------- */

/* With a log, rows that stay in the memtable are a reason to look again. */
static uint64_t next_sync(const struct local *store)
{
    if (store->journal == NULL) {
        return next_look(store);
    }
    const bool holds_rows = atomic_load(&store->pending_bytes) > 0;
    return holds_rows ? clock_monotonic_ns() + store->checkpoint_ns : UINT64_MAX;
}

static void *flusher_main(void *arg)
{
    struct local *store = arg;
    struct worker *worker = &store->flusher.worker;
    while (wait_for_work(worker, next_sync(store))) {
        wait_for_company(&store->flusher);
        cordon_error *error = timed(store, store->journal != NULL ? log_group : local_flush);
        if (error != NULL) {
            pause_before_retry(worker, error);
        }
    }
    return NULL;
}

static void *checkpointer_main(void *arg)
{
    struct local *store = arg;
    struct worker *worker = &store->checkpointer;
    while (wait_for_work(worker, next_look(store))) {
        cordon_error *error = local_flush(store);
        if (error != NULL) {
            pause_before_retry(worker, error);
        } else if (atomic_load(&store->pending_bytes) >= CHECKPOINT_BYTES) {
            poke(&store->flusher.worker); /* the next one may be due by now */
        }
    }
    return NULL;
}

cordon_error *local_workers_start(struct local *store)
{
    store->flusher.rotated_at_ns = clock_monotonic_ns();
    if (store->journal != NULL) {
        TRY(start(&store->checkpointer, checkpointer_main, store));
    }
    return start(&store->flusher.worker, flusher_main, store);
}

void local_workers_stop(struct local *store)
{
    stop(&store->flusher.worker);
    stop(&store->checkpointer);
    done(&store->flusher.worker);
    done(&store->checkpointer);
}
