/* How much a tenant has, and may have; see tenant_quota.h. */
#include "run/tenant/tenant_quota.h"

#include "run/await.h"
#include "run/data/data_line.h"
#include "run/data/documents.h"
#include "run/internal.h"
#include "value/row.h"

/* Of documents that one transaction counts. */
#define PART_BYTES ((uint64_t)32 << 20)
/* And records of the audit log. */
#define PART_RECORDS 4096

/* What the log must have room for before something begins whose record is written at its end. */
#define ROOM_BYTES 1024

/* One document as a tree; a key in the order of creation, or of a row. */
#define TREE_BYTES_MAX ((size_t)128 << 20)
#define EDGE_BYTES_MAX 512

static uint64_t default_bytes(cordon_limit limit)
{
    return cordon_limit_get_info(limit)->defaults[CORDON_MUTATION];
}

/* The lower one of what the settings of the process and of the tenant say. With its lock. */
static void read_allowed(struct tenant *tenant, struct budget *out_budget)
{
    runner_init_budget(tenant->runner, CORDON_MUTATION, out_budget);
    if (tenant->settings != NULL && tenant->settings->has_limits) {
        budget_lower(out_budget, &tenant->settings->limits);
    }
}

/* In one hold of the lock, so that of two who set it the later one knows the newer settings. */
static void set(struct tenant *tenant, bool is_log_alone)
{
    struct budget budget;
    (void)pthread_rwlock_wrlock(&tenant->lock);
    read_allowed(tenant, &budget);
    const uint64_t allowed = budget.allowed[CORDON_LIMIT_TENANT_BYTES];
    const uint64_t audit_allowed = budget.allowed[CORDON_LIMIT_AUDIT_BYTES];
    atomic_store(&tenant->quota.allowed, allowed);
    atomic_store(&tenant->quota.audit_allowed, audit_allowed);
    (void)pthread_rwlock_unlock(&tenant->lock);
    if (!is_log_alone && allowed < default_bytes(CORDON_LIMIT_TENANT_BYTES)) {
        atomic_store(&tenant->has_quota, true); /* and is kept up from now on, for good */
    }
    if (audit_allowed < default_bytes(CORDON_LIMIT_AUDIT_BYTES)) {
        atomic_store(&tenant->quota.bounds_audit, true);
    }
    atomic_store(&tenant->quota.is_unbounded, !atomic_load(&tenant->has_quota));
}

void quota_set(struct tenant *tenant)
{
    set(tenant, false);
}

void quota_set_log(struct tenant *tenant)
{
    set(tenant, true);
}

static bool are_documents_due(const struct tenant *tenant)
{
    return atomic_load(&tenant->has_quota) && !atomic_load(&tenant->quota.is_counted);
}

static bool is_log_due(const struct tenant *tenant)
{
    return atomic_load(&tenant->quota.bounds_audit) &&
           !atomic_load(&tenant->quota.audit_is_counted);
}

bool quota_is_due(const struct tenant *tenant)
{
    return are_documents_due(tenant) || is_log_due(tenant);
}

struct store_quota *quota_of(struct tenant *tenant)
{
    const bool has = atomic_load(&tenant->has_quota) || atomic_load(&tenant->quota.bounds_audit);
    return has ? &tenant->quota : NULL;
}

static cordon_error *check_stop(const struct tenant *tenant)
{
    return !atomic_load(&tenant->runner->stops_deploys)
               ? NULL
               : cordon_error_new(
                     CORDON_E_OVERLOADED,
                     "the program is stopping and counts nothing now; start it again");
}

/* How far it has come. */
struct count {
    struct tenant *tenant;
    uint64_t snapshot; /* that is held: reading it all may take longer than one transaction may */
    uint32_t table;
    bool has_more;      /* of the table */
    struct buffer edge; /* in it, behind the last document; empty: the beginning */
    struct buffer next; /* the same for the next part */
    uint64_t bytes;
};

static void count_done(struct count *count)
{
    buffer_done(&count->edge);
    buffer_done(&count->next);
}

static cordon_error *keep_edge(struct count *count, struct slice body)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, TREE_BYTES_MAX);
    struct row row;
    struct document_id id;
    double time = 0;
    TRY(row_read(body, &row));
    TRY(line_system_fields(row.json, &arena, &id, &time));
    return documents_place_behind(&id, time, &count->next);
}

/* A part of the table. */
static cordon_error *count_documents(struct count *count, struct rows *rows)
{
    const struct store_range range = {
        .table = count->table,
        .index = STORE_BY_CREATION,
        .order = STORE_ASCENDING,
        .low = buffer_slice(&count->edge),
    };
    struct store_scan *scan = NULL;
    uint64_t bytes = 0;
    TRY(store_scan_open(rows->txn, &range, &scan));
    while (bytes < PART_BYTES) {
        enum store_step step = STORE_DONE;
        struct slice body = {0};
        AWAIT(rows, step, store_scan_next(scan, &step, &count->has_more, &body));
        if (!count->has_more) {
            break;
        }
        bytes += body.size;
        if (bytes >= PART_BYTES) {
            TRY(keep_edge(count, body));
        }
    }
    store_scan_close(scan);
    count->bytes += bytes;
    buffer_clear(&count->edge);
    return buffer_append(&count->edge, buffer_slice(&count->next));
}

/* Results of idempotent calls, behind the edge: a part of them. */
static cordon_error *count_sessions(struct count *count, struct rows *rows)
{
    uint64_t bytes = 0;
    while (bytes < PART_BYTES) {
        enum store_step step = STORE_DONE;
        struct slice key = {0};
        struct slice row = {0};
        const struct slice edge = buffer_slice(&count->edge);
        AWAIT(
            rows, step,
            store_row_next(
                rows->txn, KEYSPACE_SESSION, edge, edge.size > 0, &step, &count->has_more, &key,
                &row));
        if (!count->has_more) {
            break;
        }
        bytes += row.size + STORE_SESSION_ROW_BYTES;
        buffer_clear(&count->edge);
        TRY(buffer_append(&count->edge, key));
    }
    count->bytes += bytes;
    return NULL;
}

/* Of the table that was begun, or of the next one; 0 behind the last. */
static cordon_error *count_part(struct count *count, struct rows *rows)
{
    if (!count->has_more) {
        enum store_step step = STORE_DONE;
        struct slice name = {0};
        AWAIT(rows, step, store_table_next(rows->txn, count->table, &step, &count->table, &name));
        buffer_clear(&count->edge);
        buffer_clear(&count->next);
    }
    return count->table == 0 ? NULL : count_documents(count, rows);
}

/* All that `part` counts, a transaction on the held snapshot for each part. */
static cordon_error *count_all(
    struct count *count, cordon_error *(*part)(struct count *count, struct rows *rows))
{
    struct tenant *tenant = count->tenant;
    do {
        TRY(check_stop(tenant));
        struct rows rows = {0};
        event_init(&rows.woken);
        const struct store_wake wake = {event_set, &rows.woken};
        cordon_error *error = store_begin_held(
            runner_store(tenant->runner), tenant->number, count->snapshot, wake, &rows.txn);
        if (error == NULL) {
            error = part(count, &rows);
        }
        rows_end(&rows);
        TRY(error);
    } while (count->table != 0 || count->has_more);
    return NULL;
}

/* Holds a snapshot: `*out_before` is what the commits that are in it have changed, no other. */
static cordon_error *hold(struct tenant *tenant, uint64_t *out_snapshot, long long *out_before)
{
    struct store *store = runner_store(tenant->runner);
    struct store_quota *quota = &tenant->quota;
    for (;;) {
        const unsigned long long changes = atomic_load(&quota->changes);
        *out_before = atomic_load(&quota->used);
        TRY(store_hold(store, tenant->number, out_snapshot));
        if (changes % 2 == 0 && changes == atomic_load(&quota->changes)) {
            return NULL;
        }
        store_release(store, tenant->number, *out_snapshot); /* somebody has committed meanwhile */
    }
}

static cordon_error *count_all_documents(struct tenant *tenant)
{
    CORDON_CLEANUP(count_done) struct count count = {.tenant = tenant};
    buffer_init(&count.edge, EDGE_BYTES_MAX);
    buffer_init(&count.next, EDGE_BYTES_MAX);
    long long before = 0;
    TRY(hold(tenant, &count.snapshot, &before));
    cordon_error *error = count_all(&count, count_part);
    if (error == NULL) {
        buffer_clear(&count.edge);
        error = count_all(&count, count_sessions);
    }
    store_release(runner_store(tenant->runner), tenant->number, count.snapshot);
    TRY(error);
    (void)pthread_rwlock_wrlock(&tenant->lock);
    if (are_documents_due(tenant)) { /* else another thread has counted it meanwhile */
        (void)atomic_fetch_add(&tenant->quota.used, (long long)count.bytes - before);
        atomic_store(&tenant->quota.is_counted, true);
    }
    (void)pthread_rwlock_unlock(&tenant->lock);
    return NULL;
}

/* -- The audit log -------------------------------------------------------------------------- */

/* Some records from `*from` on, up to `last`. */
static cordon_error *count_records(
    struct rows *rows, uint64_t last, uint64_t *from, uint64_t *bytes)
{
    for (unsigned i = 0; i < PART_RECORDS && *from <= last; i++) {
        enum store_step step = STORE_DONE;
        bool found = false;
        struct audit_record record = {0};
        AWAIT(rows, step, store_audit_read(rows->txn, *from, &step, &found, &record));
        if (!found || record.sequence > last) {
            *from = last + 1; /* others were pruned meanwhile */
        } else {
            *from = record.sequence + 1;
            *bytes += record.body.size + AUDIT_RECORD_BYTES;
        }
    }
    return NULL;
}

static cordon_error *count_log_locked(struct tenant *tenant)
{
    struct store *store = runner_store(tenant->runner);
    uint64_t last = 0;
    uint64_t appended = 0;
    uint64_t bytes = 0;
    TRY(store_audit_meter(store, tenant->number, &last, &appended));
    for (uint64_t from = 1; from <= last;) {
        TRY(check_stop(tenant));
        struct rows rows;
        cordon_error *error = rows_begin(store, tenant->number, &rows);
        if (error == NULL) {
            error = count_records(&rows, last, &from, &bytes);
        }
        rows_end(&rows);
        TRY(error);
    }
    atomic_store(&tenant->quota.audit_before, (long long)bytes - (long long)appended);
    atomic_store(&tenant->quota.audit_is_counted, true);
    return NULL;
}

/* One count at a time: one that was begun before a prune must not end after that of the prune. */
static cordon_error *count_log(struct tenant *tenant)
{
    cordon_error *error = NULL;
    (void)pthread_mutex_lock(&tenant->count_lock);
    if (is_log_due(tenant)) { /* else another thread has counted it meanwhile */
        error = count_log_locked(tenant);
    }
    (void)pthread_mutex_unlock(&tenant->count_lock);
    return error;
}

static cordon_error *count_log_anew(struct tenant *tenant)
{
    (void)pthread_mutex_lock(&tenant->count_lock);
    cordon_error *error = count_log_locked(tenant);
    if (error != NULL) {
        atomic_store(&tenant->quota.audit_is_counted, false);
    }
    (void)pthread_mutex_unlock(&tenant->count_lock);
    return error;
}

void quota_pruned(struct tenant *tenant)
{
    if (!atomic_load(&tenant->quota.bounds_audit)) {
        return;
    }
    cordon_error *error = count_log_anew(tenant);
    if (error != NULL) {
        (void)runner_wake_tender(tenant->runner); /* who counts what is due, and says why not */
    }
    cordon_error_free(error);
}

cordon_error *quota_audit_bytes(struct tenant *tenant, bool *out_is_counted, uint64_t *out_bytes)
{
    uint64_t last = 0;
    uint64_t appended = 0;
    *out_is_counted = atomic_load(&tenant->quota.audit_is_counted);
    *out_bytes = 0;
    if (*out_is_counted) {
        TRY(store_audit_meter(runner_store(tenant->runner), tenant->number, &last, &appended));
        const long long all = atomic_load(&tenant->quota.audit_before) + (long long)appended;
        *out_bytes = all > 0 ? (uint64_t)all : 0;
    }
    return NULL;
}

static cordon_error *audit_error(uint64_t used, uint64_t allowed)
{
    return cordon_error_new(
        CORDON_E_AUDIT_FULL,
        "the audit log would have %llu bytes, and `audit_bytes` allows %llu; nothing was done, as "
        "it could not be recorded: have the operator prune the log (`cordon audit prune`), or "
        "raise the limit",
        (unsigned long long)used, (unsigned long long)allowed);
}

static cordon_error *uncounted_error(void)
{
    return cordon_error_new(
        CORDON_E_OVERLOADED, "what there is has yet to be counted for `tenant_bytes` or "
                             "`audit_bytes`; nothing was done, try again in a moment");
}

/* Until the log is counted, what the store has appended since it was opened is of it for sure. */
static cordon_error *check_uncounted(struct tenant *tenant, uint64_t allowed)
{
    uint64_t last = 0;
    uint64_t appended = 0;
    TRY(store_audit_meter(runner_store(tenant->runner), tenant->number, &last, &appended));
    const uint64_t would = appended + ROOM_BYTES;
    if (would > allowed) {
        return audit_error(would, allowed);
    }
    return would > STORE_UNCOUNTED_BYTES_MAX ? uncounted_error() : NULL;
}

cordon_error *quota_check_audit(struct tenant *tenant)
{
    bool is_counted = false;
    uint64_t bytes = 0;
    if (!atomic_load(&tenant->quota.bounds_audit)) {
        return NULL;
    }
    const uint64_t allowed = atomic_load(&tenant->quota.audit_allowed);
    TRY(quota_audit_bytes(tenant, &is_counted, &bytes));
    if (!is_counted) {
        return check_uncounted(tenant, allowed);
    }
    const uint64_t would = bytes + ROOM_BYTES;
    return would > allowed ? audit_error(would, allowed) : NULL;
}

/* -- Both ----------------------------------------------------------------------------------- */

cordon_error *quota_count(struct tenant *tenant)
{
    if (is_log_due(tenant)) { /* first: it takes less time, and bounds what admins read, too */
        TRY(count_log(tenant));
    }
    return are_documents_due(tenant) ? count_all_documents(tenant) : NULL;
}

cordon_error *quota_error(const struct store_commit_result *result)
{
    if (result->is_uncounted) {
        return uncounted_error();
    }
    if (result->is_audit_full) {
        return audit_error(result->full_used, result->full_allowed);
    }
    return cordon_error_new(
        CORDON_E_TENANT_FULL,
        "all documents, and results kept under idempotency keys, would have %llu bytes together, "
        "and `tenant_bytes` allows %llu; nothing was written: remove documents, or raise the limit "
        "(`cordon tenant change`, or the config file); results go by themselves after 14 days",
        (unsigned long long)result->full_used, (unsigned long long)result->full_allowed);
}
