/*
 * A transaction: its snapshot, its point reads and its end.
 *
 * Every read follows one order: remember the key in the read set, look into the own writes, then
 * into the snapshot. A read that finds nothing is remembered all the same: somebody who writes the
 * missing thing is a conflict like any other.
 *
 * Answers from the snapshot are copied out. The backend's memory is borrowed only within a call,
 * so a run that is suspended between two calls pins no page and holds no lock.
 */
#include "store/local.h"

#include "base/clock.h"
#include "base/memory.h"

/* What one transaction may hold in memory, far above what the limits of a run let it write. */
#define TXN_BYTES_MAX ((size_t)512 << 20)
#define ANSWER_BYTES_MAX ((size_t)80 << 20) /* the largest value, and its head */

/* -- The open list --------------------------------------------------------------------------- */

static void link_behind(struct open_list *open, struct local_txn *older, struct local_txn *txn)
{
    txn->older = older;
    txn->newer = older == NULL ? open->first : older->newer;
    *(older == NULL ? &open->first : &older->newer) = txn;
    *(txn->newer == NULL ? &open->last : &txn->newer->older) = txn;
}

/* On the newest snapshot, or on one that is held; false if it is not, and nothing was done. */
static bool open_list_add(struct local *store, struct local_txn *txn, uint64_t held)
{
    struct open_list *open = &store->open;
    (void)pthread_mutex_lock(&open->lock);
    /* Read under the lock, so that the list is in order of snapshots. */
    txn->snapshot = held == 0 ? atomic_load(&store->visible_ts) : held;
    const bool good = held == 0 || local_hold_on(store, txn->tenant, held);
    if (good) {
        struct local_txn *older = open->last;
        while (older != NULL && older->snapshot > txn->snapshot) {
            older = older->older;
        }
        link_behind(open, older, txn);
    }
    (void)pthread_mutex_unlock(&open->lock);
    return good;
}

static void open_list_remove(struct local_txn *txn)
{
    struct open_list *open = &txn->store->open;
    (void)pthread_mutex_lock(&open->lock);
    if (txn->older != NULL) {
        txn->older->newer = txn->newer;
    } else {
        open->first = txn->newer;
    }
    if (txn->newer != NULL) {
        txn->newer->older = txn->older;
    } else {
        open->last = txn->older;
    }
    (void)pthread_mutex_unlock(&open->lock);
}

uint64_t local_oldest_snapshot(struct local *store)
{
    struct open_list *open = &store->open;
    (void)pthread_mutex_lock(&open->lock);
    const uint64_t oldest =
        open->first != NULL ? open->first->snapshot : atomic_load(&store->visible_ts);
    (void)pthread_mutex_unlock(&open->lock);
    return oldest;
}

/* -- Life ------------------------------------------------------------------------------------ */

/* On the newest snapshot if `held` is 0. */
static cordon_error *begin(
    struct local *store,
    uint32_t tenant,
    uint64_t held,
    struct store_wake wake,
    struct store_txn **out_txn)
{
    struct local_txn *txn = MEM_NEW(struct local_txn);
    if (txn == NULL) {
        return error_no_memory();
    }
    txn->tenant = tenant;
    if (!open_list_add(store, txn, held)) {
        mem_free(txn);
        return cordon_error_new(
            CORDON_E_NOT_FOUND,
            "the snapshot %llu is not held any more: nobody read on for too long, it was held for "
            "as long as one may be, or the store was opened anew; begin again with a new one",
            (unsigned long long)held);
    }
    txn->base.ops = &local_txn_ops;
    txn->store = store;
    txn->waiter.wake = wake;
    arena_init(&txn->arena, TXN_BYTES_MAX);
    readset_init(&txn->reads, &txn->arena);
    buffer_init(&txn->value, ANSWER_BYTES_MAX);
    buffer_init(&txn->key, ANSWER_BYTES_MAX);
    txn->seen_ts = txn->snapshot;
    *out_txn = &txn->base;
    return NULL;
}

cordon_error *local_begin(
    struct store *base, uint32_t tenant, struct store_wake wake, struct store_txn **out_txn)
{
    return begin((struct local *)base, tenant, 0, wake, out_txn);
}

cordon_error *local_begin_held(
    struct store *base,
    uint32_t tenant,
    uint64_t snapshot,
    struct store_wake wake,
    struct store_txn **out_txn)
{
    return begin((struct local *)base, tenant, snapshot, wake, out_txn);
}

/* -- Reserved ones --------------------------------------------------------------------------- */

void local_unreserve(struct local_txn *txn)
{
    struct local_txn **link = &txn->store->reserved;
    while (*link != NULL && *link != txn) {
        link = &(*link)->next_reserved;
    }
    if (*link == txn) {
        *link = txn->next_reserved;
    }
}

void local_expect(struct local_txn *txn)
{
    if (txn->expected_until_ns == 0) {
        txn->next_expected = txn->store->expected;
        txn->store->expected = txn;
    }
    txn->expected_until_ns = clock_deadline_ns(STORE_EXPECTED_MS);
}

void local_unexpect(struct local_txn *txn)
{
    struct local_txn **link = &txn->store->expected;
    if (txn->expected_until_ns == 0) {
        return;
    }
    while (*link != txn) {
        link = &(*link)->next_expected;
    }
    *link = txn->next_expected;
    txn->expected_until_ns = 0;
}

/* The tenant's, unless its time is over. With the commit lock held. */
static const struct local_txn *reserved_of(const struct local *store, uint32_t tenant)
{
    const struct local_txn *txn = store->reserved;
    while (txn != NULL &&
           (txn->tenant != tenant || txn->reserved_until_ns <= clock_monotonic_ns())) {
        txn = txn->next_reserved;
    }
    return txn;
}

/* Whether somebody of the tenant is to come first, who was held up by the one before. As above. */
static bool is_somebody_expected(const struct local *store, uint32_t tenant)
{
    const uint64_t now_ns = clock_monotonic_ns();
    const struct local_txn *txn = store->expected;
    while (txn != NULL && (txn->tenant != tenant || txn->expected_until_ns <= now_ns)) {
        txn = txn->next_expected;
    }
    return txn != NULL;
}

/* The reservation comes first, then the snapshot: nothing slips in between. */
cordon_error *local_begin_reserved(
    struct store_txn **lost, enum store_step *out_step, struct store_txn **out_txn)
{
    struct local_txn *before = (struct local_txn *)*lost;
    struct local *store = before->store;
    struct store_txn *begun = NULL;
    CORDON_ASSERT(before->phase == TXN_CONFLICT);
    (void)pthread_mutex_lock(&store->commit_lock);
    const bool free =
        reserved_of(store, before->tenant) == NULL && !is_somebody_expected(store, before->tenant);
    cordon_error *error =
        free ? local_begin(&store->base, before->tenant, before->waiter.wake, &begun) : NULL;
    if (begun != NULL) {
        struct local_txn *txn = (struct local_txn *)begun;
        txn->lost = before;
        txn->reserved_until_ns = clock_deadline_ns(STORE_RESERVED_MS);
        txn->next_reserved = store->reserved;
        store->reserved = txn;
        *lost = NULL;
    }
    (void)pthread_mutex_unlock(&store->commit_lock);
    *out_step = free ? STORE_DONE : STORE_LATER;
    *out_txn = begun;
    return error;
}

/* -- The end --------------------------------------------------------------------------------- */

static void end(struct store_txn *base)
{
    struct local_txn *txn = (struct local_txn *)base;
    if (txn->lost != NULL || txn->expected_until_ns != 0) { /* set by its own calls alone */
        (void)pthread_mutex_lock(&txn->store->commit_lock);
        local_unreserve(txn);
        local_unexpect(txn);
        (void)pthread_mutex_unlock(&txn->store->commit_lock);
    }
    if (txn->lost != NULL) {
        end(&txn->lost->base);
    }
    if (txn->waits_in != NULL) {
        waiters_cancel(txn->waits_in, &txn->waiter);
    }
    local_room_leave(txn);
    open_list_remove(txn);
    local_scan_end_all(txn);
    local_tables_made_free(txn);
    local_sets_made_free(txn);
    batch_free(txn->batch);
    mem_free(txn->entry);
    view_done(&txn->view);
    buffer_done(&txn->value);
    buffer_done(&txn->key);
    arena_done(&txn->arena);
    mem_free(txn);
}

static uint64_t snapshot(const struct store_txn *txn)
{
    return ((const struct local_txn *)txn)->snapshot;
}

static void seed(struct store_txn *txn, uint64_t number)
{
    ((struct local_txn *)txn)->reads.seed = number;
}

static bool has_writes(const struct store_txn *txn)
{
    return ((const struct local_txn *)txn)->writes.count > 0;
}

static size_t bytes(const struct store_txn *base)
{
    const struct local_txn *txn = (const struct local_txn *)base;
    size_t total = sizeof *txn + arena_bytes(&txn->arena) + txn->value.capacity;
    total += txn->key.capacity + local_scan_bytes(txn);
    if (txn->batch != NULL) {
        total += sizeof *txn->batch + arena_bytes(&txn->batch->arena);
    }
    return total;
}

/* -- Reading --------------------------------------------------------------------------------- */

struct reading local_reading(struct local_txn *txn)
{
    view_refresh(&txn->view, &txn->store->overlay);
    return reading_begin(txn->store->kv, &txn->view);
}

/*
 * The garbage collector says who has lost its snapshot before it removes anything, and a reader of
 * the backend sees a removal only if it was opened after that. So if the transaction has not lost
 * it by the end of a read, the read saw every version it should.
 */
cordon_error *local_check_snapshot(const struct local_txn *txn)
{
    if (!atomic_load(&txn->is_lost)) {
        return NULL;
    }
    return cordon_error_new(
        CORDON_E_CONFLICT,
        "the transaction is open for more than %llu ms and its snapshot is gone; begin again",
        (unsigned long long)(2 * txn->store->window_ns / 1000000u));
}

cordon_error *local_answer(struct buffer *buffer, struct slice bytes_in, struct slice *out_copy)
{
    buffer_clear(buffer);
    TRY(buffer_append(buffer, bytes_in));
    *out_copy = buffer_slice(buffer);
    return NULL;
}

cordon_error *local_document_text(
    struct slice body, uint64_t *out_ordered_time, struct slice *out_text)
{
    if (body.size < LAYOUT_TIME_BYTES) {
        return cordon_error_new(
            CORDON_E_STORE, "a stored document is too short; restore the folder from a backup");
    }
    *out_ordered_time = layout_load64(body.data);
    *out_text = slice_from(body, LAYOUT_TIME_BYTES);
    return NULL;
}

static cordon_error *get(
    struct store_txn *base,
    const struct store_id *id,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_body)
{
    struct local_txn *txn = (struct local_txn *)base;
    struct layout_key key;
    layout_document(&key, txn->tenant, id);
    TRY(readset_add_key(&txn->reads, layout_slice(&key)));

    const struct write *own = local_write_find(txn, layout_slice(&key));
    bool found = own != NULL && own->kind == LAYOUT_LIVE;
    struct slice body = found ? own->body : (struct slice){0};
    if (own == NULL) {
        CORDON_CLEANUP(reading_done) struct reading reading = local_reading(txn);
        struct version version;
        TRY(version_get(&reading, layout_slice(&key), txn->snapshot, &found, &version));
        TRY(local_check_snapshot(txn));
        if (found) {
            uint64_t time = 0;
            TRY(local_document_text(version.body, &time, &body));
            TRY(local_answer(&txn->value, body, &body));
        }
    }
    *out_step = STORE_DONE;
    *out_found = found;
    if (found) {
        *out_body = body;
    }
    return NULL;
}

static cordon_error *row_get(
    struct store_txn *base,
    enum store_keyspace keyspace,
    struct slice row_key,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_value)
{
    struct local_txn *txn = (struct local_txn *)base;
    struct layout_key key;
    layout_row(&key, txn->tenant, keyspace, row_key);
    TRY(readset_add_key(&txn->reads, layout_slice(&key)));

    const struct write *own = local_write_find(txn, layout_slice(&key));
    bool found = own != NULL && own->kind == LAYOUT_LIVE;
    struct slice value = found ? own->body : (struct slice){0};
    if (own == NULL) {
        CORDON_CLEANUP(reading_done) struct reading reading = local_reading(txn);
        struct version version;
        TRY(version_get(&reading, layout_slice(&key), txn->snapshot, &found, &version));
        TRY(local_check_snapshot(txn));
        if (found) {
            TRY(local_answer(&txn->value, version.body, &value));
        }
    }
    *out_step = STORE_DONE;
    *out_found = found;
    if (found) {
        *out_value = value;
    }
    return NULL;
}

/* -- The next row of a keyspace -------------------------------------------------------------- */

/* The first own live write from `low`, before `high`. */
static const struct write *own_next(
    const struct local_txn *txn, struct slice low, struct slice high)
{
    const struct skip_node *node = skip_seek(&txn->writes, low);
    while (node != NULL && slice_compare(node->key, high) < 0) {
        const struct write *write = node->item;
        if (write->kind == LAYOUT_LIVE) {
            return write;
        }
        node = skip_next(node);
    }
    return NULL;
}

/* The first row of the snapshot in the walk that no own write covers. */
static cordon_error *stored_next(
    const struct local_txn *txn, struct walk *walk, bool *out_found, struct version *out_version)
{
    do {
        TRY(walk_next(walk, out_found, out_version));
    } while (*out_found && local_write_find(txn, out_version->logical) != NULL);
    return local_check_snapshot(txn);
}

/* Remembers that everything from `low` up to and with `key` was looked at. */
static cordon_error *remember_up_to(struct local_txn *txn, struct slice low, struct slice key)
{
    uint8_t high[LAYOUT_KEY_BYTES_MAX + 1];
    memcpy(high, key.data, key.size);
    high[key.size] = 0;
    return readset_add(&txn->reads, low, slice_of(high, key.size + 1));
}

static cordon_error *answer_row(
    struct local_txn *txn,
    struct slice logical,
    struct slice body,
    struct slice *out_key,
    struct slice *out_value)
{
    struct layout_key key;
    if (!layout_row_key(logical, &key)) {
        return cordon_error_new(
            CORDON_E_STORE, "a stored row has a malformed key; restore the folder from a backup");
    }
    struct slice copy = {0};
    TRY(local_answer(&txn->key, layout_slice(&key), &copy));
    TRY(local_answer(&txn->value, body, out_value));
    *out_key = copy;
    return NULL;
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
    struct local_txn *txn = (struct local_txn *)base;
    struct layout_key low;
    struct layout_key high;
    layout_keyspace_range(txn->tenant, keyspace, &low, &high);
    layout_row(&low, txn->tenant, keyspace, from);
    if (after) {
        layout_after_prefix(&low); /* past the versions of that very key */
    }
    const struct write *own = own_next(txn, layout_slice(&low), layout_slice(&high));

    CORDON_CLEANUP(reading_done) struct reading reading = local_reading(txn);
    struct walk walk;
    struct version stored = {0};
    bool found = false;
    walk_begin(
        &walk, &reading, txn->snapshot, STORE_ASCENDING, layout_slice(&low), layout_slice(&high));
    TRY(stored_next(txn, &walk, &found, &stored));
    if (own != NULL && (!found || slice_compare(own->node->key, stored.logical) < 0)) {
        found = true;
        stored = (struct version){.logical = own->node->key, .body = own->body};
    }
    if (found) {
        TRY(remember_up_to(txn, layout_slice(&low), stored.logical));
        TRY(answer_row(txn, stored.logical, stored.body, out_key, out_value));
    } else {
        TRY(readset_add(&txn->reads, layout_slice(&low), layout_slice(&high)));
    }
    *out_step = STORE_DONE;
    *out_found = found;
    return NULL;
}

static cordon_error *row_put(
    struct store_txn *base, enum store_keyspace keyspace, struct slice key, struct slice value)
{
    struct local_txn *txn = (struct local_txn *)base;
    struct layout_key logical;
    layout_row(&logical, txn->tenant, keyspace, key);
    return local_write_row(txn, layout_slice(&logical), LAYOUT_LIVE, value);
}

static cordon_error *row_remove(
    struct store_txn *base, enum store_keyspace keyspace, struct slice key)
{
    struct local_txn *txn = (struct local_txn *)base;
    struct layout_key logical;
    layout_row(&logical, txn->tenant, keyspace, key);
    return local_write_row(txn, layout_slice(&logical), LAYOUT_TOMBSTONE, (struct slice){0});
}

/* -- Audit ----------------------------------------------------------------------------------- */

static cordon_error *parse_record(
    struct local_txn *txn, struct kv_row row, struct audit_record *out_record)
{
    enum layout_kind kind = LAYOUT_TOMBSTONE;
    struct slice body = {0};
    TRY(layout_open(row.key, row.value, &kind, &body));
    if (body.size < LAYOUT_AUDIT_HEAD_BYTES) {
        return cordon_error_new(
            CORDON_E_STORE, "a stored audit record is too short; restore the folder from a backup");
    }
    struct audit_record record = batch_audit_record(row.key, body);
    TRY(local_answer(&txn->value, record.body, &record.body));
    *out_record = record;
    return NULL;
}

/* The newest state, not the snapshot: records never change, and nobody conflicts over them. */
static cordon_error *audit_read(
    struct store_txn *base,
    uint64_t sequence,
    enum store_step *out_step,
    bool *out_found,
    struct audit_record *out_record)
{
    struct local_txn *txn = (struct local_txn *)base;
    struct layout_key key;
    layout_audit(&key, txn->tenant, sequence);
    CORDON_CLEANUP(reading_done) struct reading reading = local_reading(txn);
    struct cursor cursor = {.reading = &reading};
    TRY(cursor_seek(&cursor, layout_slice(&key)));
    const struct slice prefix = slice_of(key.bytes, LAYOUT_PREFIX_BYTES);
    const bool found = cursor.found && cursor.row.key.size == key.size &&
                       slice_starts_with(cursor.row.key, prefix);
    if (found) {
        out_record->sequence = layout_audit_sequence(cursor.row.key);
        TRY(parse_record(txn, cursor.row, out_record));
        if (out_record->ts > txn->seen_ts) {
            txn->seen_ts = out_record->ts; /* what is told must be durable first */
        }
    }
    *out_step = STORE_DONE;
    *out_found = found;
    return NULL;
}

const struct store_txn_ops local_txn_ops = {
    .begin_reserved = local_begin_reserved,
    .snapshot = snapshot,
    .seed = seed,
    .has_writes = has_writes,
    .bytes = bytes,
    .end = end,
    .commit = local_commit,
    .table_find = local_table_find,
    .table_name = local_table_name,
    .table_ensure = local_table_ensure,
    .table_claim = local_table_claim,
    .table_next = local_table_next,
    .get = get,
    .put = local_put,
    .remove = local_remove,
    .savepoint = local_savepoint,
    .rollback = local_rollback,
    .scan_open = local_scan_open,
    .indexes_get = local_indexes_get,
    .indexes_put = local_indexes_put,
    .index_work = local_index_work,
    .row_get = row_get,
    .row_put = row_put,
    .row_remove = row_remove,
    .row_next = row_next,
    .audit_read = audit_read,
};
