/*
 * The failing wrapper; see fault.h. Everything passes through, after a look at the counter.
 */
#include "base/memory.h"
#include "store/fault.h"
#include "store/vtable.h"

#include <stdatomic.h>

struct fault_store {
    struct store base;
    struct store *inner;
    _Atomic uint64_t calls;   /* since store_fault_nth */
    _Atomic uint64_t fail_at; /* 0 is never */
};

struct fault_scan;

struct fault_txn {
    struct store_txn base;
    struct fault_store *store;
    struct store_txn *inner;
    struct fault_scan *scans;
};

struct fault_scan {
    struct store_scan base;
    struct fault_txn *txn;
    struct store_scan *inner;
    struct fault_scan *next; /* of the transaction's */
};

static cordon_error *count_call(struct fault_store *store)
{
    const uint64_t call = atomic_fetch_add(&store->calls, 1) + 1;
    if (call != atomic_load(&store->fail_at)) {
        return NULL;
    }
    return cordon_error_new(CORDON_E_STORE, "call %llu was told to fail", (unsigned long long)call);
}

uint64_t store_fault_nth(struct store *base, uint64_t nth)
{
    struct fault_store *store = (struct fault_store *)base;
    atomic_store(&store->fail_at, nth);
    return atomic_exchange(&store->calls, 0);
}

/* -- Calls of a transaction ------------------------------------------------------------------ */

static cordon_error *commit(
    struct store_txn *base,
    const struct store_commit_facts *facts,
    enum store_step *out_step,
    struct store_commit_result *out_result)
{
    struct fault_txn *txn = (struct fault_txn *)base;
    TRY(count_call(txn->store));
    return store_commit(txn->inner, facts, out_step, out_result);
}

static cordon_error *table_find(
    struct store_txn *base,
    struct slice name,
    enum store_step *out_step,
    bool *out_found,
    uint32_t *out_table)
{
    struct fault_txn *txn = (struct fault_txn *)base;
    TRY(count_call(txn->store));
    return store_table_find(txn->inner, name, out_step, out_found, out_table);
}

static cordon_error *table_name(
    struct store_txn *base,
    uint32_t table,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_name)
{
    struct fault_txn *txn = (struct fault_txn *)base;
    TRY(count_call(txn->store));
    return store_table_name(txn->inner, table, out_step, out_found, out_name);
}

static cordon_error *table_ensure(
    struct store_txn *base, struct slice name, enum store_step *out_step, uint32_t *out_table)
{
    struct fault_txn *txn = (struct fault_txn *)base;
    TRY(count_call(txn->store));
    return store_table_ensure(txn->inner, name, out_step, out_table);
}

static cordon_error *table_claim(
    struct store_txn *base,
    struct slice name,
    uint32_t wanted,
    enum store_step *out_step,
    uint32_t *out_table)
{
    struct fault_txn *txn = (struct fault_txn *)base;
    TRY(count_call(txn->store));
    return store_table_claim(txn->inner, name, wanted, out_step, out_table);
}

static cordon_error *table_next(
    struct store_txn *base,
    uint32_t after,
    enum store_step *out_step,
    uint32_t *out_table,
    struct slice *out_name)
{
    struct fault_txn *txn = (struct fault_txn *)base;
    TRY(count_call(txn->store));
    return store_table_next(txn->inner, after, out_step, out_table, out_name);
}

static cordon_error *get(
    struct store_txn *base,
    const struct store_id *id,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_body)
{
    struct fault_txn *txn = (struct fault_txn *)base;
    TRY(count_call(txn->store));
    return store_get(txn->inner, id, out_step, out_found, out_body);
}

static cordon_error *row_get(
    struct store_txn *base,
    enum store_keyspace keyspace,
    struct slice key,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_value)
{
    struct fault_txn *txn = (struct fault_txn *)base;
    TRY(count_call(txn->store));
    return store_row_get(txn->inner, keyspace, key, out_step, out_found, out_value);
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
    struct fault_txn *txn = (struct fault_txn *)base;
    TRY(count_call(txn->store));
    return store_row_next(
        txn->inner, keyspace, from, after, out_step, out_found, out_key, out_value);
}

static cordon_error *audit_read(
    struct store_txn *base,
    uint64_t sequence,
    enum store_step *out_step,
    bool *out_found,
    struct audit_record *out_record)
{
    struct fault_txn *txn = (struct fault_txn *)base;
    TRY(count_call(txn->store));
    return store_audit_read(txn->inner, sequence, out_step, out_found, out_record);
}

static cordon_error *scan_next(
    struct store_scan *base, enum store_step *out_step, bool *out_found, struct slice *out_body)
{
    struct fault_scan *scan = (struct fault_scan *)base;
    TRY(count_call(scan->txn->store));
    return store_scan_next(scan->inner, out_step, out_found, out_body);
}

static cordon_error *indexes_get(
    struct store_txn *base,
    uint32_t table,
    enum store_step *out_step,
    struct store_indexes *out_indexes)
{
    struct fault_txn *txn = (struct fault_txn *)base;
    TRY(count_call(txn->store));
    return store_indexes_get(txn->inner, table, out_step, out_indexes);
}

static cordon_error *indexes_put(
    struct store_txn *base,
    uint32_t table,
    const struct store_index *indexes,
    size_t count,
    enum store_step *out_step)
{
    struct fault_txn *txn = (struct fault_txn *)base;
    TRY(count_call(txn->store));
    return store_indexes_put(txn->inner, table, indexes, count, out_step);
}

static cordon_error *index_work(
    struct store_txn *base,
    enum store_index_share share,
    size_t rows_max,
    enum store_step *out_step,
    size_t *out_rows)
{
    struct fault_txn *txn = (struct fault_txn *)base;
    TRY(count_call(txn->store));
    return store_index_work(txn->inner, share, rows_max, out_step, out_rows);
}

static uint64_t snapshot(const struct store_txn *txn)
{
    return store_txn_snapshot(((const struct fault_txn *)txn)->inner);
}

static void seed(struct store_txn *txn, uint64_t number)
{
    store_txn_seed(((const struct fault_txn *)txn)->inner, number);
}

static bool has_writes(const struct store_txn *txn)
{
    return store_txn_has_writes(((const struct fault_txn *)txn)->inner);
}

static size_t bytes(const struct store_txn *base)
{
    const struct fault_txn *txn = (const struct fault_txn *)base;
    return sizeof *txn + store_txn_bytes(txn->inner);
}

static cordon_error *put(
    struct store_txn *txn, const struct store_id *id, double creation_time, struct slice body)
{
    TRY(count_call(((struct fault_txn *)txn)->store));
    return store_put(((struct fault_txn *)txn)->inner, id, creation_time, body);
}

static cordon_error *remove_document(
    struct store_txn *txn, const struct store_id *id, double creation_time)
{
    TRY(count_call(((struct fault_txn *)txn)->store));
    return store_remove(((struct fault_txn *)txn)->inner, id, creation_time);
}

static cordon_error *savepoint(struct store_txn *txn, uint64_t *out_point)
{
    TRY(count_call(((struct fault_txn *)txn)->store));
    return store_savepoint(((struct fault_txn *)txn)->inner, out_point);
}

static cordon_error *rollback(struct store_txn *txn, uint64_t point)
{
    TRY(count_call(((struct fault_txn *)txn)->store));
    return store_rollback(((struct fault_txn *)txn)->inner, point);
}

static cordon_error *row_put(
    struct store_txn *txn, enum store_keyspace keyspace, struct slice key, struct slice value)
{
    TRY(count_call(((struct fault_txn *)txn)->store));
    return store_row_put(((struct fault_txn *)txn)->inner, keyspace, key, value);
}

static cordon_error *row_remove(
    struct store_txn *txn, enum store_keyspace keyspace, struct slice key)
{
    TRY(count_call(((struct fault_txn *)txn)->store));
    return store_row_remove(((struct fault_txn *)txn)->inner, keyspace, key);
}

static void scan_close(struct store_scan *base)
{
    struct fault_scan *scan = (struct fault_scan *)base;
    struct fault_scan **link = &scan->txn->scans;
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
    struct fault_txn *txn = (struct fault_txn *)base;
    TRY(count_call(txn->store));
    struct fault_scan *scan = MEM_NEW(struct fault_scan);
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

static void end(struct store_txn *base)
{
    struct fault_txn *txn = (struct fault_txn *)base;
    while (txn->scans != NULL) {
        scan_close(&txn->scans->base);
    }
    store_end(&txn->inner);
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
    struct fault_store *store, struct store_txn *inner, struct store_txn **out_txn)
{
    struct fault_txn *txn = MEM_NEW(struct fault_txn);
    if (txn == NULL) {
        store_end(&inner);
        return error_no_memory();
    }
    txn->base.ops = &txn_ops;
    txn->store = store;
    txn->inner = inner;
    *out_txn = &txn->base;
    return NULL;
}

static cordon_error *begin(
    struct store *base, uint32_t tenant, struct store_wake wake, struct store_txn **out_txn)
{
    struct fault_store *store = (struct fault_store *)base;
    struct store_txn *inner = NULL;
    TRY(count_call(store));
    TRY(store_begin(store->inner, tenant, wake, &inner));
    return wrap(store, inner, out_txn);
}

static cordon_error *hold(struct store *base, uint32_t tenant, uint64_t *out_snapshot)
{
    struct fault_store *store = (struct fault_store *)base;
    TRY(count_call(store));
    return store_hold(store->inner, tenant, out_snapshot);
}

static void release(struct store *store, uint32_t tenant, uint64_t snapshot)
{
    store_release(((struct fault_store *)store)->inner, tenant, snapshot);
}

static cordon_error *begin_held(
    struct store *base,
    uint32_t tenant,
    uint64_t snapshot,
    struct store_wake wake,
    struct store_txn **out_txn)
{
    struct fault_store *store = (struct fault_store *)base;
    struct store_txn *inner = NULL;
    TRY(count_call(store));
    TRY(store_begin_held(store->inner, tenant, snapshot, wake, &inner));
    return wrap(store, inner, out_txn);
}

static cordon_error *begin_reserved(
    struct store_txn **lost, enum store_step *out_step, struct store_txn **out_txn)
{
    struct fault_txn *txn = (struct fault_txn *)*lost;
    struct store_txn *inner = NULL;
    TRY(count_call(txn->store));
    TRY(store_begin_reserved(&txn->inner, out_step, &inner));
    if (*out_step != STORE_DONE) {
        return NULL;
    }
    cordon_error *error = wrap(txn->store, inner, out_txn);
    store_end(lost);
    return error;
}

/* -- Life ------------------------------------------------------------------------------------ */

static void close_fault(struct store *base)
{
    struct fault_store *store = (struct fault_store *)base;
    store_close(store->inner);
    mem_free(store);
}

static uint64_t visible_ts(const struct store *store)
{
    return store_visible_ts(((const struct fault_store *)store)->inner);
}

static uint64_t durable_ts(const struct store *store)
{
    return store_durable_ts(((const struct fault_store *)store)->inner);
}

static void cluster_id(const struct store *store, uint8_t out_id[16])
{
    store_cluster_id(((const struct fault_store *)store)->inner, out_id);
}

static cordon_error *audit_meter(
    struct store *store, uint32_t tenant, uint64_t *out_last, uint64_t *out_appended)
{
    struct store *inner = ((struct fault_store *)store)->inner;
    return store_audit_meter(inner, tenant, out_last, out_appended);
}

static cordon_error *audit_prune(
    struct store *store, uint32_t tenant, uint64_t before, bool *out_more)
{
    return store_audit_prune(((struct fault_store *)store)->inner, tenant, before, out_more);
}

static void pin_elsewhere(struct store *store, uint32_t *out_pid, uint64_t *out_snapshot)
{
    store_pin_elsewhere(((struct fault_store *)store)->inner, out_pid, out_snapshot);
}

static const struct store_ops fault_ops = {
    .close = close_fault,
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

cordon_error *store_open_fault(struct store *inner, struct store **out_store)
{
    struct fault_store *store = MEM_NEW(struct fault_store);
    if (store == NULL) {
        store_close(inner);
        return error_no_memory();
    }
    store->base.ops = &fault_ops;
    store->inner = inner;
    *out_store = &store->base;
    return NULL;
}
