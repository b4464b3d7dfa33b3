/*
 * Making durable: one backend transaction and one sync for everything that has become visible
 * since the last. While it runs, new commits gather in a fresh memtable, so the busier the store
 * the more of them share a sync, and one hot document can commit many times in it.
 *
 * After a failed write or sync nobody knows what the disk holds, and commits that others have seen
 * could be lost; so the process says one line and ends. Only running out of memory, which happens
 * before anything is written, leaves everything in place for another try.
 */
#include "store/local.h"

#include "base/clock.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
    EXIT_MACHINE_FAILED = 5, /* as the command line's table of exit codes has it */
    GARBAGE_PER_ROW = 4,     /* removals a flush takes along, for each row it writes */
    GARBAGE_AT_LEAST = 256,
    CLOSE_TRIES_MAX = 100, /* at closing, while memory is out */
};

#define IDLE_GARBAGE_NS_MAX 1000000000u
#define RETRY_NS 10000000u

static _Noreturn void stop_process(const cordon_error *error)
{
    (void)fprintf(
        stderr,
        "cordon: the store failed and the process ends, so that nothing unsafe is answered: %s\n",
        cordon_error_get_message(error));
    _exit(EXIT_MACHINE_FAILED);
}

/* -- Writing a batch ------------------------------------------------------------------------- */

static cordon_error *write_rows(struct kv *kv, const struct memtable *table)
{
    for (const struct skip_node *node = skip_first(&table->rows); node != NULL;
         node = skip_next(node)) {
        TRY(kv->ops->write_put(kv, node->key, node->value));
    }
    return NULL;
}

static cordon_error *remove_garbage(struct kv *kv, const struct garbage *garbage)
{
    for (const struct dead_key *dead = garbage->first; dead != NULL; dead = dead->next) {
        TRY(kv->ops->write_remove(kv, dead->key));
    }
    return NULL;
}

/* Between begin and commit; `table` may be NULL. */
static cordon_error *fill_batch(
    struct local *store, const struct memtable *table, const struct garbage *garbage)
{
    TRY(remove_garbage(store->kv, garbage));
    if (table != NULL) {
        TRY(write_rows(store->kv, table));
        TRY(local_write_meta(store, table->last_ts));
    }
    return NULL;
}

static cordon_error *write_out(
    struct local *store, const struct memtable *table, const struct garbage *garbage)
{
    const struct kv_ops *ops = store->kv->ops;
    TRY(ops->write_begin(store->kv));
    cordon_error *error = fill_batch(store, table, garbage);
    if (error != NULL) {
        ops->write_abort(store->kv);
        return error;
    }
    return ops->write_commit(store->kv);
}

/* -- One flush ------------------------------------------------------------------------------- */

/* The memtable to write: the one a failed try left, or what has gathered, or NULL for nothing. */
static struct memtable *take_table(struct local *store)
{
    if (store->overlay.flushing != NULL) {
        return store->overlay.flushing;
    }
    (void)pthread_mutex_lock(&store->commit_lock);
    if (store->overlay.active->batches != NULL) {
        CORDON_ASSERT(store->spare != NULL);
        overlay_rotate(&store->overlay, CORDON_TAKE(store->spare));
    }
    (void)pthread_mutex_unlock(&store->commit_lock);
    return store->overlay.flushing;
}

static void garbage_done(struct garbage *garbage)
{
    arena_done(&garbage->arena);
}

/* Old versions go along with a flush, or by themselves when there is nothing else to write. */
static cordon_error *flush_locked(struct local *store)
{
    struct memtable *table = take_table(store);
    CORDON_CLEANUP(garbage_done) struct garbage garbage = {0};
    const size_t rows = table == NULL ? 0 : table->rows.count;
    TRY(local_garbage_gather(store, GARBAGE_AT_LEAST + GARBAGE_PER_ROW * rows, &garbage));
    if (table == NULL && garbage.count == 0) {
        return NULL;
    }
    TRY(write_out(store, table, &garbage));
    if (table != NULL) {
        const uint64_t reached = table->last_ts;
        const size_t bytes = table->bytes;
        if (table->has_garbage) {
            atomic_store(&store->garbage_waits, true);
        }
        overlay_drop(&store->overlay);
        (void)atomic_fetch_sub(&store->pending_bytes, bytes);
        atomic_store(&store->durable_ts, reached);
    }
    atomic_store(&store->free_bytes, store->kv->ops->free_bytes(store->kv));
    return NULL;
}

cordon_error *local_flush(struct local *store)
{
    (void)pthread_mutex_lock(&store->flush_lock);
    cordon_error *error = flush_locked(store);
    (void)pthread_mutex_unlock(&store->flush_lock);
    if (error != NULL && cordon_error_get_code(error) != CORDON_E_NO_MEMORY) {
        stop_process(error);
    }
    waiters_wake(&store->waiters, atomic_load(&store->durable_ts));
    return error;
}

void local_flush_all(struct local *store)
{
    for (int tries = 0; atomic_load(&store->durable_ts) < atomic_load(&store->visible_ts);
         tries++) {
        cordon_error *error = local_flush(store);
        if (error != NULL && tries >= CLOSE_TRIES_MAX) {
            stop_process(error);
        }
        cordon_error_free(error);
    }
}

/* -- The flusher thread ---------------------------------------------------------------------- */

void local_flusher_poke(struct local *store)
{
    struct flusher *flusher = &store->flusher;
    (void)pthread_mutex_lock(&flusher->lock);
    flusher->arrived++;
    if (!flusher->wanted || flusher->arrived == flusher->expected) {
        flusher->wanted = true;
        (void)pthread_cond_signal(&flusher->changed);
    }
    (void)pthread_mutex_unlock(&flusher->lock);
}

static void wait_until(struct flusher *flusher, uint64_t monotonic_ns)
{
    const struct timespec until = {
        .tv_sec = (time_t)(monotonic_ns / 1000000000u),
        .tv_nsec = (long)(monotonic_ns % 1000000000u),
    };
    (void)pthread_cond_timedwait(&flusher->changed, &flusher->lock, &until);
}

/* Sleeps until there is work; with garbage about, no longer than a part of the window. */
static bool wait_for_work(struct local *store)
{
    struct flusher *flusher = &store->flusher;
    const uint64_t idle_ns =
        store->window_ns / 4 < IDLE_GARBAGE_NS_MAX ? store->window_ns / 4 : IDLE_GARBAGE_NS_MAX;
    const uint64_t until = clock_monotonic_ns() + idle_ns;
    (void)pthread_mutex_lock(&flusher->lock);
    while (!flusher->wanted && !flusher->stop) {
        if (!atomic_load(&store->garbage_waits)) {
            (void)pthread_cond_wait(&flusher->changed, &flusher->lock);
        } else if (clock_monotonic_ns() < until) {
            wait_until(flusher, until);
        } else {
            break;
        }
    }
    const bool stop = flusher->stop;
    (void)pthread_mutex_unlock(&flusher->lock);
    return !stop;
}

/*
 * Clients that wait for one sync come back together with their next commits. Without a moment's
 * patience the flusher would always start with the first of them, the rest would wait for the sync
 * after, and half the syncs would carry one commit each. So it waits for as many as the last flush
 * woke, and those that came while it ran, for a quarter of the time a flush takes at the most. A
 * client that is alone is never waited for.
 */
static void wait_for_company(struct flusher *flusher)
{
    (void)pthread_mutex_lock(&flusher->lock);
    const uint64_t until = clock_monotonic_ns() + flusher->last_flush_ns / 4;
    while (flusher->arrived < flusher->expected && !flusher->stop && clock_monotonic_ns() < until) {
        wait_until(flusher, until);
    }
    flusher->expected = flusher->arrived;
    flusher->arrived = 0;
    flusher->wanted = false;
    (void)pthread_mutex_unlock(&flusher->lock);
}

static cordon_error *timed_flush(struct local *store)
{
    struct flusher *flusher = &store->flusher;
    const uint64_t began = clock_monotonic_ns();
    cordon_error *error = local_flush(store);
    (void)pthread_mutex_lock(&flusher->lock);
    flusher->last_flush_ns = clock_monotonic_ns() - began;
    flusher->expected += flusher->arrived;
    (void)pthread_mutex_unlock(&flusher->lock);
    return error;
}

static void pause_before_retry(struct flusher *flusher)
{
    (void)pthread_mutex_lock(&flusher->lock);
    wait_until(flusher, clock_monotonic_ns() + RETRY_NS);
    flusher->wanted = true;
    (void)pthread_mutex_unlock(&flusher->lock);
}

static void *flusher_main(void *arg)
{
    struct local *store = arg;
    while (wait_for_work(store)) {
        wait_for_company(&store->flusher);
        cordon_error *error = timed_flush(store);
        if (error != NULL) {
            cordon_error_free(error);
            pause_before_retry(&store->flusher);
        }
    }
    return NULL;
}

cordon_error *local_flusher_start(struct local *store)
{
    struct flusher *flusher = &store->flusher;
    pthread_condattr_t attributes;
    int failed = pthread_condattr_init(&attributes);
    if (failed == 0) {
        (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        failed = pthread_cond_init(&flusher->changed, &attributes);
        (void)pthread_condattr_destroy(&attributes);
    }
    if (failed == 0) {
        (void)pthread_mutex_init(&flusher->lock, NULL);
        failed = pthread_create(&flusher->thread, NULL, flusher_main, store);
    }
    if (failed != 0) {
        return cordon_error_new(CORDON_E_SYSTEM, "the store's thread could not be started");
    }
    flusher->runs = true;
    return NULL;
}

void local_flusher_stop(struct local *store)
{
    struct flusher *flusher = &store->flusher;
    if (!flusher->runs) {
        return;
    }
    (void)pthread_mutex_lock(&flusher->lock);
    flusher->stop = true;
    (void)pthread_cond_signal(&flusher->changed);
    (void)pthread_mutex_unlock(&flusher->lock);
    (void)pthread_join(flusher->thread, NULL);
    (void)pthread_mutex_destroy(&flusher->lock);
    (void)pthread_cond_destroy(&flusher->changed);
    flusher->runs = false;
}
