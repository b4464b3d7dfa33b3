/*
 * The front of every store: arguments are checked here, once, and the call is dispatched. What
 * these checks refuse is a fault of the layer above, so they are errors with words and not
 * assertions only where the value can come from outside.
 */
#include "store/store.h"

#include "store/layout.h"
#include "store/vtable.h"

#include <math.h>

#define NAME_BYTES_MAX 64
#define VALUE_BYTES_MAX ((size_t)64 << 20)

void store_close(struct store *store)
{
    if (store != NULL) {
        store->ops->close(store);
    }
}

uint64_t store_visible_ts(const struct store *store)
{
    return store->ops->visible_ts(store);
}

uint64_t store_durable_ts(const struct store *store)
{
    return store->ops->durable_ts(store);
}

void store_cluster_id(const struct store *store, uint8_t out_id[16])
{
    store->ops->cluster_id(store, out_id);
}

void store_pin_elsewhere(struct store *store, uint32_t *out_pid, uint64_t *out_snapshot)
{
    *out_pid = 0;
    *out_snapshot = 0;
    if (store->ops->pin_elsewhere != NULL) {
        store->ops->pin_elsewhere(store, out_pid, out_snapshot);
    }
}

/* -- Transactions ---------------------------------------------------------------------------- */

cordon_error *store_begin(
    struct store *store, uint32_t tenant, struct store_wake wake, struct store_txn **out_txn)
{
    if (tenant == LAYOUT_TENANT_SYSTEM) {
        return cordon_error_new(CORDON_E_INVALID, "tenant %u is the store's own", tenant);
    }
    CORDON_ASSERT(wake.call != NULL);
    return store->ops->begin(store, tenant, wake, out_txn);
}

cordon_error *store_hold(struct store *store, uint32_t tenant, uint64_t *out_snapshot)
{
    return store->ops->hold(store, tenant, out_snapshot);
}

void store_release(struct store *store, uint32_t tenant, uint64_t snapshot)
{
    store->ops->release(store, tenant, snapshot);
}

cordon_error *store_begin_held(
    struct store *store,
    uint32_t tenant,
    uint64_t snapshot,
    struct store_wake wake,
    struct store_txn **out_txn)
{
    CORDON_ASSERT(tenant != LAYOUT_TENANT_SYSTEM && snapshot != 0 && wake.call != NULL);
    return store->ops->begin_held(store, tenant, snapshot, wake, out_txn);
}

cordon_error *store_begin_reserved(
    struct store_txn **lost, enum store_step *out_step, struct store_txn **out_txn)
{
    return (*lost)->ops->begin_reserved(lost, out_step, out_txn);
}

void store_txn_seed(struct store_txn *txn, uint64_t seed)
{
    if (txn->ops->seed != NULL) {
        txn->ops->seed(txn, seed);
    }
}

uint64_t store_txn_snapshot(const struct store_txn *txn)
{
    return txn->ops->snapshot(txn);
}

bool store_txn_has_writes(const struct store_txn *txn)
{
    return txn->ops->has_writes(txn);
}

size_t store_txn_bytes(const struct store_txn *txn)
{
    return txn->ops->bytes(txn);
}

void store_end(struct store_txn **txn)
{
    struct store_txn *ended = CORDON_TAKE(*txn);
    if (ended != NULL) {
        ended->ops->end(ended);
    }
}

cordon_error *store_commit(
    struct store_txn *txn,
    const struct store_commit_facts *facts,
    enum store_step *out_step,
    struct store_commit_result *out_result)
{
    return txn->ops->commit(txn, facts, out_step, out_result);
}

/* -- Documents ------------------------------------------------------------------------------- */

static cordon_error *check_name(struct slice name)
{
    if (name.size == 0 || name.size > NAME_BYTES_MAX) {
        return cordon_error_new(
            CORDON_E_INVALID, "a table name of %zu bytes; it has 1 to %d", name.size,
            NAME_BYTES_MAX);
    }
    return NULL;
}

static cordon_error *check_time(double creation_time)
{
    if (!isfinite(creation_time)) {
        return cordon_error_new(CORDON_E_INVALID, "a creation time must be a number");
    }
    return NULL;
}

static cordon_error *check_value(struct slice value)
{
    if (value.size > VALUE_BYTES_MAX) {
        return cordon_error_new(
            CORDON_E_TOO_LARGE, "a stored value of %zu bytes; the limit is %zu", value.size,
            VALUE_BYTES_MAX);
    }
    return NULL;
}

cordon_error *store_table_find(
    struct store_txn *txn,
    struct slice name,
    enum store_step *out_step,
    bool *out_found,
    uint32_t *out_table)
{
    TRY(check_name(name));
    return txn->ops->table_find(txn, name, out_step, out_found, out_table);
}

cordon_error *store_table_name(
    struct store_txn *txn,
    uint32_t table,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_name)
{
    return txn->ops->table_name(txn, table, out_step, out_found, out_name);
}

cordon_error *store_table_ensure(
    struct store_txn *txn, struct slice name, enum store_step *out_step, uint32_t *out_table)
{
    TRY(check_name(name));
    return txn->ops->table_ensure(txn, name, out_step, out_table);
}

cordon_error *store_table_claim(
    struct store_txn *txn,
    struct slice name,
    uint32_t wanted,
    enum store_step *out_step,
    uint32_t *out_table)
{
    TRY(check_name(name));
    if (wanted < LAYOUT_TABLE_FIRST || wanted > LAYOUT_TABLE_LAST) {
        return cordon_error_new(
            CORDON_E_INVALID, "%u is the number of no table; theirs are from %u to %u", wanted,
            LAYOUT_TABLE_FIRST, LAYOUT_TABLE_LAST);
    }
    return txn->ops->table_claim(txn, name, wanted, out_step, out_table);
}

cordon_error *store_table_next(
    struct store_txn *txn,
    uint32_t after,
    enum store_step *out_step,
    uint32_t *out_table,
    struct slice *out_name)
{
    return txn->ops->table_next(txn, after, out_step, out_table, out_name);
}

cordon_error *store_get(
    struct store_txn *txn,
    const struct store_id *id,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_body)
{
    return txn->ops->get(txn, id, out_step, out_found, out_body);
}

cordon_error *store_put(
    struct store_txn *txn, const struct store_id *id, double creation_time, struct slice body)
{
    TRY(check_time(creation_time));
    TRY(check_value(body));
    return txn->ops->put(txn, id, creation_time, body);
}

cordon_error *store_remove(struct store_txn *txn, const struct store_id *id, double creation_time)
{
    TRY(check_time(creation_time));
    return txn->ops->remove(txn, id, creation_time);
}

cordon_error *store_savepoint(struct store_txn *txn, uint64_t *out_point)
{
    return txn->ops->savepoint(txn, out_point);
}

cordon_error *store_rollback(struct store_txn *txn, uint64_t point)
{
    return txn->ops->rollback(txn, point);
}

cordon_error *store_scan_open(
    struct store_txn *txn, const struct store_range *range, struct store_scan **out_scan)
{
    return txn->ops->scan_open(txn, range, out_scan);
}

/* -- Indexes --------------------------------------------------------------------------------- */

cordon_error *store_indexes_get(
    struct store_txn *txn,
    uint32_t table,
    enum store_step *out_step,
    struct store_indexes *out_indexes)
{
    return txn->ops->indexes_get(txn, table, out_step, out_indexes);
}

cordon_error *store_indexes_put(
    struct store_txn *txn,
    uint32_t table,
    const struct store_index *indexes,
    size_t count,
    enum store_step *out_step)
{
    if (count > STORE_INDEXES_MAX) {
        return cordon_error_new(
            CORDON_E_TOO_LARGE, "a table has at most %d indexes; leave %zu of them out",
            STORE_INDEXES_MAX, count - STORE_INDEXES_MAX);
    }
    return txn->ops->indexes_put(txn, table, indexes, count, out_step);
}

cordon_error *store_index_work(
    struct store_txn *txn,
    enum store_index_share share,
    size_t rows_max,
    enum store_step *out_step,
    size_t *out_rows)
{
    CORDON_ASSERT(rows_max > 0);
    return txn->ops->index_work(txn, share, rows_max, out_step, out_rows);
}

cordon_error *store_scan_next(
    struct store_scan *scan, enum store_step *out_step, bool *out_found, struct slice *out_body)
{
    return scan->ops->next(scan, out_step, out_found, out_body);
}

bool store_scan_is_ready(const struct store_scan *scan)
{
    return scan->ready;
}

void store_scan_close(struct store_scan *scan)
{
    if (scan != NULL) {
        scan->ops->close(scan);
    }
}

/* -- System rows ----------------------------------------------------------------------------- */

/* The keyspaces whose keys this layer makes itself take no rows from outside. */
static cordon_error *check_row(enum store_keyspace keyspace, struct slice key)
{
    switch (keyspace) {
    case KEYSPACE_MODULE:
    case KEYSPACE_SESSION:
    case KEYSPACE_SCHEDULE:
    case KEYSPACE_QUOTA:
        break;
    case KEYSPACE_META:
    case KEYSPACE_DOCUMENT:
    case KEYSPACE_INDEX:
    case KEYSPACE_TABLE:
    case KEYSPACE_AUDIT:
    case KEYSPACE_GARBAGE:
        return cordon_error_new(
            CORDON_E_INVALID, "the keyspace '%s' takes no rows",
            layout_keyspace_name((uint8_t)keyspace));
    }
    if (key.size > LAYOUT_ROW_KEY_BYTES_MAX) {
        return cordon_error_new(
            CORDON_E_TOO_LARGE, "a row key of %zu bytes; the limit is %d", key.size,
            LAYOUT_ROW_KEY_BYTES_MAX);
    }
    return NULL;
}

cordon_error *store_row_get(
    struct store_txn *txn,
    enum store_keyspace keyspace,
    struct slice key,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_value)
{
    TRY(check_row(keyspace, key));
    return txn->ops->row_get(txn, keyspace, key, out_step, out_found, out_value);
}

cordon_error *store_row_put(
    struct store_txn *txn, enum store_keyspace keyspace, struct slice key, struct slice value)
{
    TRY(check_row(keyspace, key));
    TRY(check_value(value));
    return txn->ops->row_put(txn, keyspace, key, value);
}

cordon_error *store_row_remove(
    struct store_txn *txn, enum store_keyspace keyspace, struct slice key)
{
    TRY(check_row(keyspace, key));
    return txn->ops->row_remove(txn, keyspace, key);
}

cordon_error *store_row_next(
    struct store_txn *txn,
    enum store_keyspace keyspace,
    struct slice from,
    bool after,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_key,
    struct slice *out_value)
{
    TRY(check_row(keyspace, from));
    return txn->ops->row_next(txn, keyspace, from, after, out_step, out_found, out_key, out_value);
}

cordon_error *store_audit_read(
    struct store_txn *txn,
    uint64_t sequence,
    enum store_step *out_step,
    bool *out_found,
    struct audit_record *out_record)
{
    return txn->ops->audit_read(txn, sequence, out_step, out_found, out_record);
}

cordon_error *store_audit_meter(
    struct store *store, uint32_t tenant, uint64_t *out_last, uint64_t *out_appended)
{
    if (store->ops->audit_meter == NULL) {
        return cordon_error_new(
            CORDON_E_INVALID, "this store counts no audit records; leave `audit_bytes` as it is");
    }
    return store->ops->audit_meter(store, tenant, out_last, out_appended);
}

cordon_error *store_audit_prune(
    struct store *store, uint32_t tenant, uint64_t before, bool *out_more)
{
    if (store->ops->audit_prune == NULL) {
        return cordon_error_new(
            CORDON_E_INVALID, "this store keeps every audit record; export them and leave them");
    }
    return store->ops->audit_prune(store, tenant, before, out_more);
}
