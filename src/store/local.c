/*
 * Opening and closing the store of one process. At opening the meta record says whose data this
 * is: a record that is missing, foreign, of another format or damaged ends it there, with one line
 * that says what to do.
 */
#include "store/local.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "store/upgrade.h"

#define WINDOW_MS_DEFAULT 30000u
#define CHECKPOINT_MS_DEFAULT 1000u
#define HOLD_IDLE_MS_DEFAULT 120000u
#define HOLD_MS_DEFAULT 14400000u
#define DISK_RESERVE_DEFAULT ((uint64_t)64 << 20)

/* -- The meta record ------------------------------------------------------------------------- */

static const struct upgrade_table *upgrades(const struct store_options *options)
{
    return options->upgrades == NULL ? &upgrade_table : options->upgrades;
}

static cordon_error *read_meta(struct local *store, const struct store_options *options)
{
    TRY(meta_read(store->kv, &store->meta));
    TRY(upgrade_check(upgrades(options), store->meta.format, LAYOUT_FORMAT));
    store->last_ts = store->meta.last_ts;
    return NULL;
}

cordon_error *local_write_meta(struct local *store, uint64_t last_ts)
{
    struct meta meta = store->meta;
    meta.last_ts = last_ts;
    return meta_put(store->kv, &meta);
}

/* Brings what only the log holds into the backend, with the meta record that says so. */
static cordon_error *recover(struct local *store)
{
    const struct kv_ops *ops = store->kv->ops;
    uint64_t last_ts = store->last_ts;
    TRY(ops->write_begin(store->kv));
    cordon_error *error = journal_recover(store->journal, store->kv, &last_ts);
    if (error == NULL && last_ts != store->last_ts) {
        error = local_write_meta(store, last_ts);
    }
    if (error != NULL || last_ts == store->last_ts) {
        ops->write_abort(store->kv);
        return error;
    }
    TRY(ops->write_commit(store->kv));
    store->last_ts = last_ts;
    store->meta.last_ts = last_ts;
    return NULL;
}

static cordon_error *make_meta(struct local *store)
{
    random_system(store->meta.cluster_id, sizeof store->meta.cluster_id);
    store->meta.format = LAYOUT_FORMAT;
    store->last_ts = clock_wall_ns();
    const struct kv_ops *ops = store->kv->ops;
    TRY(ops->write_begin(store->kv));
    cordon_error *error = local_write_meta(store, store->last_ts);
    if (error != NULL) {
        ops->write_abort(store->kv);
        return error;
    }
    return ops->write_commit(store->kv);
}

/* -- Life ------------------------------------------------------------------------------------ */

static void free_local(struct local *store)
{
    local_workers_stop(store);
    journal_close(store->journal);
    local_audit_heads_free(store);
    local_holds_free(store);
    memtable_unref(store->spare);
    writelog_done(&store->log);
    tables_done(&store->tables);
    overlay_done(&store->overlay);
    waiters_done(&store->waiters);
    waiters_done(&store->settled);
    local_room_done(&store->room);
    (void)pthread_mutex_destroy(&store->commit_lock);
    (void)pthread_mutex_destroy(&store->flush_lock);
    (void)pthread_mutex_destroy(&store->open.lock);
    kv_closep(&store->kv);
    mem_free(store);
}

static void local_freep(struct local **store)
{
    if (*store != NULL) {
        free_local(*store);
    }
}

static void close_local(struct store *base)
{
    struct local *store = (struct local *)base;
    CORDON_ASSERT(store->open.first == NULL);
    local_workers_stop(store);
    journal_closep(&store->journal); /* the backend will hold all that it holds */
    local_flush_all(store);
    free_local(store);
}

static uint64_t visible_ts(const struct store *store)
{
    return atomic_load(&((const struct local *)store)->visible_ts);
}

static uint64_t durable_ts(const struct store *store)
{
    return atomic_load(&((const struct local *)store)->durable_ts);
}

static void cluster_id(const struct store *store, uint8_t out_id[16])
{
    memcpy(out_id, ((const struct local *)store)->meta.cluster_id, 16);
}

static void pin_elsewhere(struct store *base, uint32_t *out_pid, uint64_t *out_snapshot)
{
    struct kv *kv = ((struct local *)base)->kv;
    struct kv_elsewhere pin = {.pid = 0};
    if (kv->ops->pin_elsewhere != NULL) {
        kv->ops->pin_elsewhere(kv, &pin);
    }
    *out_pid = pin.pid;
    *out_snapshot = pin.snapshot;
}

static const struct store_ops local_ops = {
    .close = close_local,
    .visible_ts = visible_ts,
    .durable_ts = durable_ts,
    .cluster_id = cluster_id,
    .begin = local_begin,
    .hold = local_hold,
    .release = local_release,
    .begin_held = local_begin_held,
    .audit_meter = local_audit_meter,
    .pin_elsewhere = pin_elsewhere,
    .audit_prune = local_audit_prune,
};

/* Quartered at most, so that sums of such times stay numbers. */
static uint64_t ns_of(uint64_t ms, uint64_t ms_default)
{
    const uint64_t wanted = ms == 0 ? ms_default : ms;
    return wanted > UINT64_MAX / 4000000u ? UINT64_MAX / 4 : wanted * 1000000u;
}

static struct local *new_local(const struct store_options *options)
{
    struct local *store = MEM_NEW(struct local);
    if (store == NULL) {
        return NULL;
    }
    store->base.ops = &local_ops;
    store->window_ns = ns_of(options->window_ms, WINDOW_MS_DEFAULT);
    store->checkpoint_ns = ns_of(options->checkpoint_ms, CHECKPOINT_MS_DEFAULT);
    store->hold_idle_ns = ns_of(options->hold_idle_ms, HOLD_IDLE_MS_DEFAULT);
    store->hold_ns = ns_of(options->hold_ms, HOLD_MS_DEFAULT);
    store->disk_reserve_bytes =
        options->disk_reserve_bytes == 0 ? DISK_RESERVE_DEFAULT : options->disk_reserve_bytes;
    atomic_store(&store->garbage_waits, true); /* unknown until the flusher has looked */
    tables_init(&store->tables);
    waiters_init(&store->waiters);
    waiters_init(&store->settled);
    local_room_init(&store->room);
    (void)pthread_mutex_init(&store->commit_lock, NULL);
    (void)pthread_mutex_init(&store->flush_lock, NULL);
    (void)pthread_mutex_init(&store->open.lock, NULL);
    return store;
}

/* Whoever commits without a thread of ours writes to the backend at once and needs no log. */
static cordon_error *open_journal(
    struct local *store, const char *folder, const struct store_options *options)
{
    TRY(journal_open(folder, store->meta.cluster_id, &store->journal));
    TRY(recover(store));
    journal_start(store->journal, store->last_ts);
    store->logged = options->flusher_thread;
    if (!store->logged) {
        journal_closep(&store->journal);
    }
    return NULL;
}

/* The log is made after the first record of the data file: where it is, the data was there too. */
static cordon_error *make_new(struct local *store, const char *folder)
{
    if (folder != NULL && journal_is_there(folder)) {
        return cordon_error_new(
            CORDON_E_STORE,
            "the data folder '%s' has a log and no data: 'data.mdb' was lost; restore it from a "
            "backup, or move the whole folder away to begin anew",
            folder);
    }
    return make_meta(store);
}

/* Takes the backend over, also on failure. `folder` is where its log is, or NULL for none. */
static cordon_error *open_over(
    struct kv **kv,
    bool is_new,
    const char *folder,
    const struct store_options *options,
    struct store **out_store)
{
    CORDON_CLEANUP(local_freep) struct local *store = new_local(options);
    if (store == NULL) {
        return error_no_memory();
    }
    store->kv = CORDON_TAKE(*kv);
    TRY(overlay_init(&store->overlay));
    TRY(is_new ? make_new(store, folder) : read_meta(store, options));
    if (options->guard_faults && store->kv->ops->guard != NULL) {
        TRY(store->kv->ops->guard(store->kv)); /* bringing the log in reads the map, too */
    }
    if (folder != NULL) {
        TRY(open_journal(store, folder, options));
    }
    /* What the log held was of the folder's format, too. */
    TRY(upgrade_run(store->kv, upgrades(options), LAYOUT_FORMAT, &store->meta));
    atomic_store(&store->visible_ts, store->last_ts);
    atomic_store(&store->durable_ts, store->last_ts);
    atomic_store(&store->flushed_ts, store->last_ts);
    if (options->flusher_thread) {
        TRY(local_workers_start(store));
    }
    struct local *ready = CORDON_TAKE(store);
    *out_store = &ready->base;
    return NULL;
}

cordon_error *store_open_memory(const struct store_options *options, struct store **out_store)
{
    CORDON_CLEANUP(kv_closep) struct kv *kv = NULL;
    TRY(kv_open_memory(&kv));
    return open_over(&kv, true, NULL, options, out_store);
}

cordon_error *store_open_lmdb(
    const char *folder, const struct store_options *options, struct store **out_store)
{
    CORDON_CLEANUP(kv_closep) struct kv *kv = NULL;
    bool is_new = false;
    TRY(kv_open_lmdb(folder, options->map_bytes, &is_new, &kv));
    return open_over(&kv, is_new, folder, options, out_store);
}

cordon_error *store_open_program(
    const cordon_store_functions *functions,
    void *arg,
    const struct store_options *options,
    struct store **out_store)
{
    CORDON_CLEANUP(kv_closep) struct kv *kv = NULL;
    bool is_new = false;
    TRY(kv_open_program(functions, arg, &is_new, &kv));
    return open_over(&kv, is_new, NULL, options, out_store);
}

bool store_is_there(const char *folder)
{
    return kv_is_there_lmdb(folder) || journal_is_there(folder);
}
