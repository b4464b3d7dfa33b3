/*
 * The delaying wrapper; see delay.h. All delays of a store are equal, so the queue of waiters is
 * in order of time by itself and the timer thread only ever looks at its head.
 *
 * A transaction is idle, waiting, or ready. A call on an idle one starts the wait; the same call,
 * once ready, goes to the inner store, and stays ready while that one answers pending itself (its
 * wake is the caller's own).
 */
#include "base/clock.h"
#include "base/memory.h"
#include "store/delay.h"
#include "store/vtable.h"
#include "store/waiters.h"

#include <time.h>

struct delay_store {
    struct store base;
    struct store *inner;
    uint64_t delay_ns;
    struct waiters waiters;      /* due by the monotonic clock */
    _Atomic uint64_t reached_ns; /* what the timer has woken up to */
    pthread_t timer;
    pthread_mutex_t lock; /* over `stop` and the sleep of the timer */
    pthread_cond_t changed;
    bool stop;
};

struct delay_scan;

struct delay_txn {
    struct store_txn base;
    struct delay_store *store;
    struct store_txn *inner;
    struct waiter waiter;
    bool started; /* the wait of the call under way has begun, and may be over */
    struct delay_scan *scans;
    uint8_t *audit_body; /* a copy: the caller lends it for the first call alone */
    size_t audit_size;
};

struct delay_scan {
    struct store_scan base;
    struct delay_txn *txn;
    struct store_scan *inner;
    struct delay_scan *next; /* of the transaction's, below */
};

/* -- The timer ------------------------------------------------------------------------------- */

static void sleep_until(struct delay_store *store, uint64_t monotonic_ns)
{
    const struct timespec until = {
        .tv_sec = (time_t)(monotonic_ns / 1000000000u),
        .tv_nsec = (long)(monotonic_ns % 1000000000u),
    };
    (void)pthread_cond_timedwait(&store->changed, &store->lock, &until);
}

/* Until the first waiter is due, or for ever, or until somebody comes. */
static bool wait_for_due(struct delay_store *store)
{
    (void)pthread_mutex_lock(&store->lock);
    for (;;) {
        const uint64_t due = waiters_first_due(&store->waiters);
        if (store->stop || due <= clock_monotonic_ns()) {
            break;
        }
        if (due == UINT64_MAX) {
            (void)pthread_cond_wait(&store->changed, &store->lock);
        } else {
            sleep_until(store, due);
        }
    }
    const bool stop = store->stop;
    (void)pthread_mutex_unlock(&store->lock);
    return !stop;
}

static void *timer_main(void *arg)
{
    struct delay_store *store = arg;
    while (wait_for_due(store)) {
        const uint64_t now = clock_monotonic_ns();
        atomic_store(&store->reached_ns, now);
        waiters_wake(&store->waiters, now);
    }
    return NULL;
}

/* Queues the transaction and tells the timer, which may be asleep for ever. A timer that gets past
 * the due time before the queue is reached would never wake it, so then the time is taken anew. */
static void start_wait(struct delay_txn *txn)
{
    struct delay_store *store = txn->store;
    (void)pthread_mutex_lock(&store->lock);
    uint64_t due = 0;
    do {
        due = clock_monotonic_ns() + store->delay_ns + 1;
    } while (!waiters_add(&store->waiters, &txn->waiter, due, &store->reached_ns));
    (void)pthread_cond_signal(&store->changed);
    (void)pthread_mutex_unlock(&store->lock);
    txn->started = true;
}

/* Whether a call may go through now; if not, it is to answer pending. */
static bool passes(struct delay_txn *txn)
{
    if (!txn->started) {
        start_wait(txn);
        return false;
    }
    return atomic_load(&txn->store->reached_ns) >= txn->waiter.due;
}

/* After the inner store has answered: the next call waits anew, unless this one goes on. */
static void answered(struct delay_txn *txn, const cordon_error *error, const enum store_step *step)
{
    txn->started = error == NULL && *step == STORE_PENDING;
}

/* -- Calls that may be pending --------------------------------------------------------------- */

/* The body of each: wait first, then make the inner call, whose step decides what comes next. */
#define DELAYED(txn, step, inner_call)                                                             \
    do {                                                                                           \
        if (!passes(txn)) {                                                                        \
            *(step) = STORE_PENDING;                                                               \
            return NULL;                                                                           \
        }                                                                                          \
        cordon_error *const delayed_ = (inner_call);                                               \
        answered((txn), delayed_, (step));                                                         \
        return delayed_;                                                                           \
    } while (0)

static cordon_error *keep_audit(struct delay_txn *txn, struct slice body)
{
    if (txn->audit_body != NULL || body.size == 0) {
        return NULL;
    }
    txn->audit_body = mem_new(body.size);
    if (txn->audit_body == NULL) {
        return error_no_memory();
    }
    memcpy(txn->audit_body, body.data, body.size);
    txn->audit_size = body.size;
    return NULL;
}

static cordon_error *commit(
    struct store_txn *base,
    const struct store_commit_facts *facts,
    enum store_step *out_step,
    struct store_commit_result *out_result)
{
    struct delay_txn *txn = (struct delay_txn *)base;
    if (!txn->started) {
        TRY(keep_audit(txn, facts->audit_body));
    }
    struct store_commit_facts kept = *facts;
    kept.audit_body = slice_of(txn->audit_body, txn->audit_size);
    DELAYED(txn, out_step, store_commit(txn->inner, &kept, out_step, out_result));
}

static cordon_error *table_find(
    struct store_txn *base,
    struct slice name,
    enum store_step *out_step,
    bool *out_found,
    uint32_t *out_table)
{
    struct delay_txn *txn = (struct delay_txn *)base;
    DELAYED(txn, out_step, store_table_find(txn->inner, name, out_step, out_found, out_table));
}

static cordon_error *table_name(
    struct store_txn *base,
    uint32_t table,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_name)
{
    struct delay_txn *txn = (struct delay_txn *)base;
    DELAYED(txn, out_step, store_table_name(txn->inner, table, out_step, out_found, out_name));
}

static cordon_error *table_ensure(
    struct store_txn *base, struct slice name, enum store_step *out_step, uint32_t *out_table)
{
    struct delay_txn *txn = (struct delay_txn *)base;
    DELAYED(txn, out_step, store_table_ensure(txn->inner, name, out_step, out_table));
}

static cordon_error *table_claim(
    struct store_txn *base,
    struct slice name,
    uint32_t wanted,
    enum store_step *out_step,
    uint32_t *out_table)
{
    struct delay_txn *txn = (struct delay_txn *)base;
    DELAYED(txn, out_step, store_table_claim(txn->inner, name, wanted, out_step, out_table));
}

static cordon_error *table_next(
    struct store_txn *base,
    uint32_t after,
    enum store_step *out_step,
    uint32_t *out_table,
    struct slice *out_name)
{
    struct delay_txn *txn = (struct delay_txn *)base;
    DELAYED(txn, out_step, store_table_next(txn->inner, after, out_step, out_table, out_name));
}

static cordon_error *get(
    struct store_txn *base,
    const struct store_id *id,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_body)
{
    struct delay_txn *txn = (struct delay_txn *)base;
    DELAYED(txn, out_step, store_get(txn->inner, id, out_step, out_found, out_body));
}

static cordon_error *row_get(
    struct store_txn *base,
    enum store_keyspace keyspace,
    struct slice key,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_value)
{
    struct delay_txn *txn = (struct delay_txn *)base;
    DELAYED(
        txn, out_step, store_row_get(txn->inner, keyspace, key, out_step, out_found, out_value));
}

static cordon_error *row_next(
    struct store_txn *base,
    enum store_keyspace keyspace,
    struct slice from,
    bool after,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_key,
    struct slice *out_value)
{
    struct delay_txn *txn = (struct delay_txn *)base;
    DELAYED(
        txn, out_step,
        store_row_next(txn->inner, keyspace, from, after, out_step, out_found, out_key, out_value));
}

static cordon_error *audit_read(
    struct store_txn *base,
    uint64_t sequence,
    enum store_step *out_step,
    bool *out_found,
    struct audit_record *out_record)
{
    struct delay_txn *txn = (struct delay_txn *)base;
    DELAYED(txn, out_step, store_audit_read(txn->inner, sequence, out_step, out_found, out_record));
}

static cordon_error *indexes_get(
    struct store_txn *base,
    uint32_t table,
    enum store_step *out_step,
    struct store_indexes *out_indexes)
{
    struct delay_txn *txn = (struct delay_txn *)base;
    DELAYED(txn, out_step, store_indexes_get(txn->inner, table, out_step, out_indexes));
}

static cordon_error *indexes_put(
    struct store_txn *base,
    uint32_t table,
    const struct store_index *indexes,
    size_t count,
    enum store_step *out_step)
{
    struct delay_txn *txn = (struct delay_txn *)base;
    DELAYED(txn, out_step, store_indexes_put(txn->inner, table, indexes, count, out_step));
}

static cordon_error *index_work(
    struct store_txn *base,
    enum store_index_share share,
    size_t rows_max,
    enum store_step *out_step,
    size_t *out_rows)
{
    struct delay_txn *txn = (struct delay_txn *)base;
    DELAYED(txn, out_step, store_index_work(txn->inner, share, rows_max, out_step, out_rows));
}

static cordon_error *scan_next(
    struct store_scan *base, enum store_step *out_step, bool *out_found, struct slice *out_body)
{
    struct delay_scan *scan = (struct delay_scan *)base;
    DELAYED(scan->txn, out_step, store_scan_next(scan->inner, out_step, out_found, out_body));
}

/* -- Calls that answer at once --------------------------------------------------------------- */

static uint64_t snapshot(const struct store_txn *txn)
{
    return store_txn_snapshot(((const struct delay_txn *)txn)->inner);
}

static void seed(struct store_txn *txn, uint64_t number)
{
    store_txn_seed(((const struct delay_txn *)txn)->inner, number);
}

static bool has_writes(const struct store_txn *txn)
{
    return store_txn_has_writes(((const struct delay_txn *)txn)->inner);
}

static size_t bytes(const struct store_txn *base)
{
    const struct delay_txn *txn = (const struct delay_txn *)base;
    return sizeof *txn + txn->audit_size + store_txn_bytes(txn->inner);
}

static cordon_error *put(
    struct store_txn *txn, const struct store_id *id, double creation_time, struct slice body)
{
    return store_put(((struct delay_txn *)txn)->inner, id, creation_time, body);
}

static cordon_error *remove_document(
    struct store_txn *txn, const struct store_id *id, double creation_time)
{
    return store_remove(((struct delay_txn *)txn)->inner, id, creation_time);
}

static cordon_error *savepoint(struct store_txn *txn, uint64_t *out_point)
{
    return store_savepoint(((struct delay_txn *)txn)->inner, out_point);
}

static cordon_error *rollback(struct store_txn *txn, uint64_t point)
{
    return store_rollback(((struct delay_txn *)txn)->inner, point);
}

static cordon_error *row_put(
    struct store_txn *txn, enum store_keyspace keyspace, struct slice key, struct slice value)
{
    return store_row_put(((struct delay_txn *)txn)->inner, keyspace, key, value);
}

static cordon_error *row_remove(
    struct store_txn *txn, enum store_keyspace keyspace, struct slice key)
{
    return store_row_remove(((struct delay_txn *)txn)->inner, keyspace, key);
}

static void scan_close(struct store_scan *base)
{
    struct delay_scan *scan = (struct delay_scan *)base;
    struct delay_scan **link = &scan->txn->scans;
    while (*link != scan) {
        link = &(*link)->next;
    }
    *link = scan->next;
    store_scan_close(scan->inner);
    mem_free(scan);
}

static const struct store_scan_ops scan_ops = {.next = scan_next, .close = scan_close};

static cordon_error *scan_open(
    struct store_txn *base, const struct store_range *range, struct store_scan **out_scan)
{
    struct delay_txn *txn = (struct delay_txn *)base;
    struct delay_scan *scan = MEM_NEW(struct delay_scan);
    if (scan == NULL) {
        return error_no_memory();
    }
    cordon_error *error = store_scan_open(txn->inner, range, &scan->inner);
    if (error != NULL) {
        mem_free(scan);
        return error;
    }
    scan->base.ops = &scan_ops;
    scan->txn = txn;
    scan->next = txn->scans;
    txn->scans = scan;
    *out_scan = &scan->base;
    return NULL;
}

/* The inner transaction ends first: its wake, too, is the caller's and must be still. */
static void end(struct store_txn *base)
{
    struct delay_txn *txn = (struct delay_txn *)base;
    waiters_cancel(&txn->store->waiters, &txn->waiter);
    while (txn->scans != NULL) {
        scan_close(&txn->scans->base);
    }
    store_end(&txn->inner);
    mem_free(txn->audit_body);
    mem_free(txn);
}

static cordon_error *begin_reserved(
    struct store_txn **lost, enum store_step *out_step, struct store_txn **out_txn);

static const struct store_txn_ops txn_ops = {
    .begin_reserved = begin_reserved,
    .snapshot = snapshot,
    .seed = seed,
    .has_writes = has_writes,
    .bytes = bytes,
    .end = end,
    .commit = commit,
    .table_find = table_find,
    .table_name = table_name,
    .table_ensure = table_ensure,
    .table_claim = table_claim,
    .table_next = table_next,
    .get = get,
    .put = put,
    .remove = remove_document,
    .savepoint = savepoint,
    .rollback = rollback,
    .scan_open = scan_open,
    .indexes_get = indexes_get,
    .indexes_put = indexes_put,
    .index_work = index_work,
    .row_get = row_get,
    .row_put = row_put,
    .row_remove = row_remove,
    .row_next = row_next,
    .audit_read = audit_read,
};

/* A transaction over `inner`, which is taken over also on failure. */
static cordon_error *wrap(
    struct delay_store *store,
    struct store_txn *inner,
    struct store_wake wake,
    struct store_txn **out_txn)
{
    struct delay_txn *txn = MEM_NEW(struct delay_txn);
    if (txn == NULL) {
        store_end(&inner);
        return error_no_memory();
    }
    txn->base.ops = &txn_ops;
    txn->store = store;
    txn->inner = inner;
    txn->waiter.wake = wake;
    *out_txn = &txn->base;
    return NULL;
}

static cordon_error *begin(
    struct store *base, uint32_t tenant, struct store_wake wake, struct store_txn **out_txn)
{
    struct delay_store *store = (struct delay_store *)base;
    struct store_txn *inner = NULL;
    TRY(store_begin(store->inner, tenant, wake, &inner));
    return wrap(store, inner, wake, out_txn);
}

static cordon_error *hold(struct store *store, uint32_t tenant, uint64_t *out_snapshot)
{
    return store_hold(((struct delay_store *)store)->inner, tenant, out_snapshot);
}

static void release(struct store *store, uint32_t tenant, uint64_t snapshot)
{
    store_release(((struct delay_store *)store)->inner, tenant, snapshot);
}

static cordon_error *begin_held(
    struct store *base,
    uint32_t tenant,
    uint64_t snapshot,
    struct store_wake wake,
    struct store_txn **out_txn)
{
    struct delay_store *store = (struct delay_store *)base;
    struct store_txn *inner = NULL;
    TRY(store_begin_held(store->inner, tenant, snapshot, wake, &inner));
    return wrap(store, inner, wake, out_txn);
}

static cordon_error *begin_reserved(
    struct store_txn **lost, enum store_step *out_step, struct store_txn **out_txn)
{
    struct delay_txn *txn = (struct delay_txn *)*lost;
    struct store_txn *inner = NULL;
    TRY(store_begin_reserved(&txn->inner, out_step, &inner));
    if (*out_step != STORE_DONE) {
        return NULL;
    }
    cordon_error *error = wrap(txn->store, inner, txn->waiter.wake, out_txn);
    store_end(lost);
    return error;
}

/* -- Life ------------------------------------------------------------------------------------ */

static void close_delay(struct store *base)
{
    struct delay_store *store = (struct delay_store *)base;
    (void)pthread_mutex_lock(&store->lock);
    store->stop = true;
    (void)pthread_cond_signal(&store->changed);
    (void)pthread_mutex_unlock(&store->lock);
    (void)pthread_join(store->timer, NULL);
    (void)pthread_cond_destroy(&store->changed);
    (void)pthread_mutex_destroy(&store->lock);
    waiters_done(&store->waiters);
    store_close(store->inner);
    mem_free(store);
}

static uint64_t visible_ts(const struct store *store)
{
    return store_visible_ts(((const struct delay_store *)store)->inner);
}

static uint64_t durable_ts(const struct store *store)
{
    return store_durable_ts(((const struct delay_store *)store)->inner);
}

static void cluster_id(const struct store *store, uint8_t out_id[16])
{
    store_cluster_id(((const struct delay_store *)store)->inner, out_id);
}

static cordon_error *audit_meter(
    struct store *store, uint32_t tenant, uint64_t *out_last, uint64_t *out_appended)
{
    struct store *inner = ((struct delay_store *)store)->inner;
    return store_audit_meter(inner, tenant, out_last, out_appended);
}

static cordon_error *audit_prune(
    struct store *store, uint32_t tenant, uint64_t before, bool *out_more)
{
    return store_audit_prune(((struct delay_store *)store)->inner, tenant, before, out_more);
}

static void pin_elsewhere(struct store *store, uint32_t *out_pid, uint64_t *out_snapshot)
{
    store_pin_elsewhere(((struct delay_store *)store)->inner, out_pid, out_snapshot);
}

static const struct store_ops delay_ops = {
    .close = close_delay,
    .visible_ts = visible_ts,
    .durable_ts = durable_ts,
    .cluster_id = cluster_id,
    .begin = begin,
    .hold = hold,
    .release = release,
    .begin_held = begin_held,
    .audit_meter = audit_meter,
    .pin_elsewhere = pin_elsewhere,
    .audit_prune = audit_prune,
};

static int start_timer(struct delay_store *store)
{
    pthread_condattr_t attributes;
    int failed = pthread_condattr_init(&attributes);
    if (failed != 0) {
        return failed;
    }
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    failed = pthread_cond_init(&store->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    if (failed != 0) {
        return failed;
    }
    (void)pthread_mutex_init(&store->lock, NULL);
    return pthread_create(&store->timer, NULL, timer_main, store);
}

void store_delay_set(struct store *delay, unsigned delay_ms)
{
    ((struct delay_store *)delay)->delay_ns = (uint64_t)delay_ms * 1000000u;
}

cordon_error *store_open_delay(struct store *inner, unsigned delay_ms, struct store **out_store)
{
    struct delay_store *store = MEM_NEW(struct delay_store);
    if (store == NULL) {
        store_close(inner);
        return error_no_memory();
    }
    store->base.ops = &delay_ops;
    store->inner = inner;
    store->delay_ns = (uint64_t)delay_ms * 1000000u;
    waiters_init(&store->waiters);
    if (start_timer(store) != 0) {
        mem_free(store);
        store_close(inner);
        return cordon_error_new(
            CORDON_E_SYSTEM, "the timer's thread could not be started; allow more threads and "
                             "processes (ulimit -u)");
    }
    *out_store = &store->base;
    return NULL;
}
