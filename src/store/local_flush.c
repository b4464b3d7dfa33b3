/*
 * Bringing a memtable into the backend: one backend transaction for all its commits, in order of
 * keys. While it runs, new commits gather in a fresh memtable.
 *
 * Without a log this is also what makes commits durable, so it is done whenever somebody waits,
 * and the busier the store the more commits share it. With a log (local_worker.c) they are durable
 * before, and this is done for many at a time, behind their backs.
 *
 * After a failed write or sync nobody knows what the disk holds, and commits that others have seen
 * could be lost; so the process says one line and ends. Two failures leave everything in place for
 * another try: running out of memory, which happens before anything is written, and, with a log, a
 * full disk. The backend then has its last state, all that this flush wrote is written again by
 * the next, and meanwhile the log has what was answered, while new commits are refused.
 */
#include "store/local.h"

#include "base/clock.h"

#include <stdio.h>
#include <unistd.h>

enum {
    EXIT_MACHINE_FAILED = 5, /* as the command line's table of exit codes has it */
    GARBAGE_PER_ROW = 4,     /* removals a flush takes along, for each row it writes */
    GARBAGE_AT_LEAST = 256,
    CLOSE_TRIES_MAX = 100, /* at closing, while memory is out */
};

_Noreturn void local_stop_process(const cordon_error *error)
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

/*
 * The memtable to write: the one that is due, or that a failed try left; without a log, else, what
 * has gathered; or NULL for nothing. With a log it is the log's writer who says what is due.
 */
static struct memtable *take_table(struct local *store)
{
    struct memtable *due = overlay_flushing(&store->overlay);
    if (due != NULL || store->journal != NULL) {
        return due;
    }
    (void)pthread_mutex_lock(&store->commit_lock);
    if (store->overlay.active->batches != NULL) {
        CORDON_ASSERT(store->spare != NULL);
        overlay_rotate(&store->overlay, CORDON_TAKE(store->spare));
    }
    (void)pthread_mutex_unlock(&store->commit_lock);
    return overlay_flushing(&store->overlay);
}

uint64_t local_ask_disk(struct local *store)
{
    const uint64_t available = store->kv->ops->free_bytes(store->kv);
    atomic_store(&store->free_bytes, available);
    atomic_store(&store->asked_at_ns, clock_monotonic_ns());
    return available;
}

void local_reach(_Atomic uint64_t *reached, uint64_t ts)
{
    uint64_t before = atomic_load(reached);
    while (before < ts && !atomic_compare_exchange_weak(reached, &before, ts)) {
    }
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
        local_garbage_removed(store, &garbage);
        return NULL;
    }
    TRY(write_out(store, table, &garbage));
    local_garbage_removed(store, &garbage);
    if (table != NULL) {
        const uint64_t reached = table->last_ts;
        const size_t bytes = table->bytes;
        if (table->has_garbage) {
            atomic_store(&store->garbage_waits, true);
        }
        overlay_drop(&store->overlay);
        (void)atomic_fetch_sub(&store->pending_bytes, bytes);
        local_reach(&store->durable_ts, reached);
        local_reach(&store->flushed_ts, reached);
    }
    (void)local_ask_disk(store);
    return NULL;
}

static bool is_full(const cordon_error *error)
{
    return error != NULL && cordon_error_get_code(error) == CORDON_E_DISK_FULL;
}

static bool may_try_again(const struct local *store, const cordon_error *error)
{
    return cordon_error_get_code(error) == CORDON_E_NO_MEMORY || (store->logged && is_full(error));
}

cordon_error *local_flush(struct local *store)
{
    (void)pthread_mutex_lock(&store->flush_lock);
    cordon_error *error = flush_locked(store);
    (void)pthread_mutex_unlock(&store->flush_lock);
    if (error != NULL && !may_try_again(store, error)) {
        local_stop_process(error);
    }
    const bool full = is_full(error);
    atomic_store(&store->flush_was_full, full);
    waiters_wake(&store->waiters, atomic_load(&store->durable_ts));
    /* Who waits for room on a full disk is woken to be refused. */
    waiters_wake(&store->settled, full ? UINT64_MAX : atomic_load(&store->flushed_ts));
    local_room_let_in(store, full);
    return error;
}

cordon_error *local_discard(struct local *store, const struct garbage *garbage)
{
    cordon_error *error = write_out(store, NULL, garbage);
    if (error != NULL && !may_try_again(store, error)) {
        local_stop_process(error);
    }
    return error;
}

void local_flush_all(struct local *store)
{
    bool full = false;
    for (int tries = 0; atomic_load(&store->pending_bytes) > 0 && !full; tries++) {
        cordon_error *error = local_flush(store);
        full = is_full(error);
        if (error != NULL && !full && tries >= CLOSE_TRIES_MAX) {
            local_stop_process(error);
        }
        cordon_error_free(error);
    }
}
