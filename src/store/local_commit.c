/*
 * Committing, in four steps.
 *
 * 1. Prepare, with no lock: all rows and the write log's entry.
 * 2. Refuse if the disk is nearly full; wait for room, if more is waiting for it than should.
 * 3. Under the commit lock: validate what was read against the commits since the snapshot, take
 *    what is left to take of memory and the commit's room in the log, and then, as from here on
 *    nothing can fail, take a timestamp, chain the audit record, stamp the rows and link them into
 *    the memtable, and only then publish the timestamp. Whoever begins with that snapshot finds
 *    every row of it.
 * 4. Wait until durable. What was read counts too: a transaction that saw a commit which a power
 *    cut could still take back must not answer before it is safe.
 */
#include "store/local.h"

#include "base/clock.h"
#include "base/memory.h"

/* A figure of the free disk older than this is asked for anew: others fill disks too. */
#define DISK_FRESH_NS ((uint64_t)100000000)

/* Keys validated in one hold of the commit lock; a long transaction lets others in between. */
#define VALIDATE_KEYS_PER_HOLD 4096

/* What a call that removes documents may have kept as its result where there is no room. */
#define RESULT_SMALL_BYTES 1024

/* -- Prepare --------------------------------------------------------------------------------- */

/* Whether a write changes anything: removing what was never there does not. */
static bool is_effective(const struct write *write)
{
    return write->kind == LAYOUT_LIVE || write->existed;
}

/* The row of a write, or none: an entry that stays where it was is as good as written. */
static cordon_error *add_row(struct batch *batch, const struct write *write)
{
    uint8_t time[LAYOUT_TIME_BYTES];
    struct slice parts[2] = {write->body};
    size_t count = 1;
    switch (write->type) {
    case WRITE_ROW:
        break;
    case WRITE_DOCUMENT:
        layout_store64(time, layout_ordered_double(write->creation_time));
        parts[0] = slice_of(time, sizeof time);
        parts[1] = write->body;
        count = write->kind == LAYOUT_LIVE ? 2 : 0;
        break;
    case WRITE_ENTRY:
        if (write->existed && write->kind == LAYOUT_LIVE) {
            return NULL;
        }
        count = 0;
        break;
    }
    return batch_add(batch, STAMP_VERSION, write->node->key, write->kind, parts, count);
}

static cordon_error *add_rows(const struct local_txn *txn, struct batch *batch)
{
    for (const struct skip_node *node = skip_first(&txn->writes); node != NULL;
         node = skip_next(node)) {
        if (is_effective(node->item)) {
            TRY(add_row(batch, node->item));
        }
    }
    return NULL;
}

/* What a write adds to what its tenant has: of documents, and of results that are kept. */
static int64_t growth(const struct write *write)
{
    const bool is_live = write->kind == LAYOUT_LIVE;
    const int64_t bytes = (int64_t)(is_live ? write->body.size : 0) - (int64_t)write->old_bytes;
    switch (write->type) {
    case WRITE_DOCUMENT:
        return bytes;
    case WRITE_ROW:
        return write->node->key.data[LAYOUT_PREFIX_BYTES - 1] != KEYSPACE_SESSION
                   ? 0
                   : bytes + ((int64_t)is_live - (int64_t)write->existed) * STORE_SESSION_ROW_BYTES;
    case WRITE_ENTRY:
        break;
    }
    return 0;
}

/* By how much the writes change what its tenant has. */
static void count_growth(struct local_txn *txn)
{
    txn->grows = 0;
    txn->documents_grow = 0;
    for (const struct skip_node *node = skip_first(&txn->writes); node != NULL;
         node = skip_next(node)) {
        const struct write *write = node->item;
        const int64_t bytes = growth(write);
        txn->grows += bytes;
        txn->documents_grow += write->type == WRITE_DOCUMENT ? bytes : 0;
    }
}

/* Whether it leaves an older version behind. An entry is superseded only by its removal. */
static bool leaves_garbage(const struct write *write)
{
    return write->existed && (write->type != WRITE_ENTRY || write->kind == LAYOUT_TOMBSTONE);
}

static cordon_error *append_garbage(struct buffer *list, struct slice logical)
{
    const uint8_t size[2] = {(uint8_t)(logical.size >> 8), (uint8_t)logical.size};
    TRY(buffer_append(list, slice_of(size, sizeof size)));
    return buffer_append(list, logical);
}

/* One row of the garbage queue: the logical keys whose versions before this commit may go. */
static cordon_error *add_garbage(const struct local_txn *txn, struct batch *batch)
{
    CORDON_CLEANUP_BUFFER struct buffer list;
    buffer_init(&list, SIZE_MAX);
    for (const struct skip_node *node = skip_first(&txn->writes); node != NULL;
         node = skip_next(node)) {
        if (leaves_garbage(node->item)) {
            TRY(append_garbage(&list, node->key));
        }
    }
    if (list.size == 0) {
        return NULL;
    }
    struct layout_key key;
    layout_garbage(&key, 0);
    key.size -= LAYOUT_TS_BYTES;
    const struct slice body = buffer_slice(&list);
    return batch_add(batch, STAMP_TIME, layout_slice(&key), LAYOUT_LIVE, &body, 1);
}

static cordon_error *add_audit(const struct local_txn *txn, struct slice body, struct batch *batch)
{
    if (body.size == 0) {
        return NULL;
    }
    struct layout_key key;
    layout_audit(&key, txn->tenant, 0);
    key.size -= LAYOUT_TS_BYTES;
    return batch_add(batch, STAMP_AUDIT, layout_slice(&key), LAYOUT_LIVE, &body, 1);
}

/*
 * The keys that others will be validated against. A document counts under all its keys even when
 * entries stay as they are: who walked over one has read the document.
 */
static cordon_error *make_entry(const struct local_txn *txn, struct log_entry **out_entry)
{
    size_t count = 0;
    size_t bytes = 0;
    for (const struct skip_node *node = skip_first(&txn->writes); node != NULL;
         node = skip_next(node)) {
        if (is_effective(node->item)) {
            count++;
            bytes += node->key.size;
        }
    }
    struct log_entry *entry = mem_new(sizeof *entry + count * sizeof entry->keys[0] + bytes);
    if (entry == NULL) {
        return error_no_memory();
    }
    uint8_t *at = (uint8_t *)&entry->keys[count];
    for (const struct skip_node *node = skip_first(&txn->writes); node != NULL;
         node = skip_next(node)) {
        if (is_effective(node->item)) {
            memcpy(at, node->key.data, node->key.size);
            entry->keys[entry->count++] = slice_of(at, node->key.size);
            at += node->key.size;
        }
    }
    *out_entry = entry;
    return NULL;
}

static cordon_error *prepare(struct local_txn *txn, const struct store_commit_facts *facts)
{
    CORDON_CLEANUP(batch_freep) struct batch *batch = NULL;
    TRY(batch_new(atomic_fetch_add(&txn->store->batches, 1), &batch));
    TRY(add_rows(txn, batch));
    TRY(add_garbage(txn, batch));
    TRY(add_audit(txn, facts->audit_body, batch));
    txn->quota = facts->quota;
    if (txn->quota != NULL) {
        count_growth(txn);
    }
    txn->audit_grows =
        facts->audit_body.size == 0 ? 0 : facts->audit_body.size + AUDIT_RECORD_BYTES;
    if (batch->count > 0) {
        TRY(make_entry(txn, &txn->entry));
        txn->batch = CORDON_TAKE(batch);
    }
    txn->phase = TXN_PREPARED;
    return NULL;
}

/* -- Room ------------------------------------------------------------------------------------ */

/* What a batch may cost on the disk: its bytes, and the pages above them that are copied. */
static uint64_t disk_cost(const struct local *store, const struct batch *batch)
{
    const uint64_t pending = atomic_load(&store->pending_bytes);
    return 8 * (pending + batch->bytes);
}

static uint64_t free_bytes(struct local *store)
{
    const uint64_t age_ns = clock_monotonic_ns() - atomic_load(&store->asked_at_ns);
    return age_ns < DISK_FRESH_NS ? atomic_load(&store->free_bytes) : local_ask_disk(store);
}

/*
 * Refuses while the disk is nearly full, so that what is accepted can be written: a commit that is
 * visible cannot be taken back. Nobody is refused by an old figure.
 */
static cordon_error *check_disk(struct local *store, const struct batch *batch)
{
    const uint64_t cost = disk_cost(store, batch);
    const uint64_t needed = store->disk_reserve_bytes > UINT64_MAX - cost
                                ? UINT64_MAX
                                : store->disk_reserve_bytes + cost;
    uint64_t available = free_bytes(store);
    if (available < needed) {
        available = local_ask_disk(store);
    }
    if (available >= needed) {
        return NULL;
    }
    return cordon_error_new(
        CORDON_E_DISK_FULL,
        "the disk is nearly full: %llu MiB are free and %llu must stay so; nothing was written, "
        "free some space and try again",
        (unsigned long long)(available >> 20), (unsigned long long)(needed >> 20));
}

/*
 * Whether the transaction must wait for room, which a flush makes. Where that waits in turn, for
 * somebody to free space, it is refused.
 */
static cordon_error *wait_for_room(struct local_txn *txn, bool *out_waits)
{
    struct local *store = txn->store;
    *out_waits = local_room_waits(txn);
    if (!*out_waits) {
        return NULL;
    }
    if (!store->flusher.worker.runs) {
        *out_waits = false;
        local_room_leave(txn);
        return local_flush(store);
    }
    if (atomic_load(&store->flush_was_full)) {
        local_room_leave(txn);
        return cordon_error_new(
            CORDON_E_DISK_FULL,
            "the disk is full: there is no room to store %zu MiB that were committed before; "
            "nothing was written, free some space and try again",
            atomic_load(&store->pending_bytes) >> 20);
    }
    return NULL;
}

/* -- Validate and publish -------------------------------------------------------------------- */

/* With the commit lock held. */
static void set_conflict(struct local_txn *txn, const struct slice *key)
{
    struct store_id id;
    local_unexpect(txn);
    txn->phase = TXN_CONFLICT;
    txn->result = (struct store_commit_result){.conflict = true, .ts = txn->snapshot};
    if (key != NULL && layout_document_of(*key, &id)) {
        txn->result.conflict_table = id.table;
        txn->result.conflict_has_id = true;
        memcpy(txn->result.conflict_id, id.internal, sizeof id.internal);
    }
}

/* The first key of an entry that the transaction has read, or NULL. */
static const struct slice *clash(const struct local_txn *txn, const struct log_entry *entry)
{
    for (size_t i = 0; i < entry->count; i++) {
        if (readset_covers(&txn->reads, entry->keys[i])) {
            return &entry->keys[i];
        }
    }
    return NULL;
}

/*
 * Validates against commits after `*from`, with the commit lock held, and moves `*from` on.
 * `*out_more` says that the budget of one hold was spent first.
 */
static void validate_some(struct local_txn *txn, uint64_t *from, bool *out_more)
{
    const struct writelog *log = &txn->store->log;
    size_t keys = 0;
    *out_more = false;
    if (*from < log->floor_ts) {
        set_conflict(txn, NULL); /* what it would be validated against is gone */
        return;
    }
    for (size_t i = writelog_skip(log, *from); i < log->count; i++) {
        const struct log_entry *entry = writelog_at(log, i);
        if (keys > VALIDATE_KEYS_PER_HOLD) {
            *out_more = true;
            return;
        }
        const struct slice *key = clash(txn, entry);
        if (key != NULL) {
            set_conflict(txn, key);
            return;
        }
        keys += entry->count + 1;
        *from = entry->ts;
    }
}

/* Whether a reserved one of the tenant is not to lose by this. With the commit lock held. */
static bool is_held_up(const struct local_txn *txn)
{
    const struct log_entry *entry = txn->entry;
    for (const struct local_txn *other = txn->store->reserved; other != NULL;
         other = other->next_reserved) {
        if (other != txn && other->tenant == txn->tenant &&
            clock_monotonic_ns() < other->reserved_until_ns && clash(other->lost, entry) != NULL) {
            return true;
        }
    }
    return false;
}

static uint64_t next_ts(const struct local *store)
{
    const uint64_t now = clock_wall_ns();
    return now > store->last_ts ? now : store->last_ts + 1;
}

/* Drops what no open transaction needs; one that is open for too long does not count. */
static void trim_log(struct local *store)
{
    const uint64_t oldest = local_oldest_snapshot(store);
    const uint64_t window = 2 * store->window_ns;
    const uint64_t expired = store->last_ts > window ? store->last_ts - window : 0;
    writelog_trim(&store->log, oldest > expired ? oldest : expired);
}

static void add_tables(struct local_txn *txn, uint64_t ts)
{
    struct table_info *table = NULL;
    while ((table = tables_made_take(&txn->made)) != NULL) {
        tables_add(&txn->store->tables, txn->tables, table, ts);
    }
    for (struct made_set *made = txn->sets_made; made != NULL; made = made->next) {
        tables_add_indexes(
            &txn->store->tables, txn->tables, made->table, CORDON_TAKE(made->set), ts);
    }
}

static void add_unlogged(struct local *store, struct batch *batch)
{
    if (store->unlogged_last == NULL) {
        store->unlogged_first = batch;
    } else {
        store->unlogged_last->next_unlogged = batch;
    }
    store->unlogged_last = batch;
}

/* The point of no return: stamps, links and publishes. With the commit lock held; cannot fail. */
static void publish(struct local_txn *txn, struct audit_head *head)
{
    struct local *store = txn->store;
    const uint64_t ts = next_ts(store);
    struct batch *batch = CORDON_TAKE(txn->batch);
    struct log_entry *entry = CORDON_TAKE(txn->entry);
    const size_t bytes = batch->bytes;

    batch_finish(batch, ts, head);
    memtable_add(store->overlay.active, batch, ts);
    if (store->journal != NULL) {
        add_unlogged(store, batch);
    }
    entry->ts = ts;
    writelog_append(&store->log, entry);
    add_tables(txn, ts);
    (void)atomic_fetch_add(&store->pending_bytes, bytes);
    store->last_ts = ts;
    if (txn->quota != NULL) {
        (void)atomic_fetch_add(&txn->quota->changes, 1);
    }
    atomic_store(&store->visible_ts, ts);
    if (txn->quota != NULL) {
        (void)atomic_fetch_add(&txn->quota->used, txn->grows);
        (void)atomic_fetch_add(&txn->quota->changes, 1);
    }
    trim_log(store);

    local_unreserve(txn);
    txn->phase = TXN_VISIBLE;
    txn->result = (struct store_commit_result){.ts = ts};
}

/* -- The audit chain ------------------------------------------------------------------------- */

/* The last record of the tenant in the backend; newer ones would have loaded the head already. */
static cordon_error *load_head(struct local *store, uint32_t tenant, struct audit_head *out_head)
{
    CORDON_CLEANUP(kv_reader_closep) struct kv_reader *reader = NULL;
    TRY(store->kv->ops->reader_open(store->kv, &reader));
    struct layout_key low;
    struct layout_key high;
    layout_keyspace_range(tenant, KEYSPACE_AUDIT, &low, &high);
    struct kv_row row = {0};
    bool found = false;
    TRY(reader->ops->seek_before(reader, layout_slice(&high), &found, &row));
    if (!found || !slice_starts_with(row.key, layout_slice(&low))) {
        return NULL;
    }
    enum layout_kind kind = LAYOUT_TOMBSTONE;
    struct slice body = {0};
    TRY(layout_open(row.key, row.value, &kind, &body));
    if (body.size < LAYOUT_AUDIT_HEAD_BYTES) {
        return cordon_error_new(
            CORDON_E_STORE,
            "the last audit record is too short; restore the data folder from a backup");
    }
    const struct audit_record last = batch_audit_record(row.key, body);
    out_head->sequence = last.sequence;
    memcpy(out_head->hash, last.hash, SHA256_BYTES);
    return NULL;
}

/* The head is made in one block with its node: node, key, head. */
static cordon_error *make_head(struct local *store, uint32_t tenant, struct audit_head **out_head)
{
    struct audit_head loaded = {0};
    TRY(load_head(store, tenant, &loaded));
    uint8_t key[4];
    layout_store32(key, tenant);
    const uint32_t height = skip_height(hash_fast(slice_of(key, sizeof key), 0));
    const size_t node_bytes = skip_node_bytes(height);
    struct skip_node *node = mem_new(node_bytes + sizeof loaded + sizeof key);
    if (node == NULL) {
        return error_no_memory();
    }
    struct audit_head *head = (void *)((char *)node + node_bytes);
    uint8_t *key_copy = (uint8_t *)(head + 1);
    *head = loaded;
    memcpy(key_copy, key, sizeof key);
    node->height = height;
    node->key = slice_of(key_copy, sizeof key);
    node->item = head;
    skip_insert(&store->audit_heads, node);
    *out_head = head;
    return NULL;
}

static cordon_error *find_head(struct local *store, uint32_t tenant, struct audit_head **out_head)
{
    uint8_t key[4];
    layout_store32(key, tenant);
    const struct skip_node *node = skip_find(&store->audit_heads, slice_of(key, sizeof key));
    if (node == NULL) {
        return make_head(store, tenant, out_head);
    }
    *out_head = node->item;
    return NULL;
}

cordon_error *local_audit_meter(
    struct store *base, uint32_t tenant, uint64_t *out_last, uint64_t *out_appended)
{
    struct local *store = (struct local *)base;
    struct audit_head *head = NULL;
    (void)pthread_mutex_lock(&store->commit_lock);
    cordon_error *error = find_head(store, tenant, &head);
    if (error == NULL) {
        *out_last = head->sequence;
        *out_appended = head->appended;
    }
    (void)pthread_mutex_unlock(&store->commit_lock);
    return error;
}

void local_audit_heads_free(struct local *store)
{
    struct skip_node *node = skip_first(&store->audit_heads);
    while (node != NULL) {
        struct skip_node *next = skip_next(node);
        mem_free(node);
        node = next;
    }
}

/* -- Submit ---------------------------------------------------------------------------------- */

/* Everything publish() needs, with the commit lock held. What is claimed in the log is used. */
static cordon_error *reserve(struct local_txn *txn, struct audit_head **out_head)
{
    struct local *store = txn->store;
    TRY(writelog_reserve(&store->log));
    if (store->spare == NULL) {
        TRY(memtable_new(&store->spare));
    }
    struct audit_head *head = NULL;
    TRY(find_head(store, txn->tenant, &head));
    if (store->journal != NULL) {
        TRY(journal_claim(store->journal, txn->batch));
    }
    *out_head = head;
    return NULL;
}

/* Who removes documents may, also by a call whose small result is kept. */
static bool gives_room(const struct local_txn *txn)
{
    return txn->grows <= 0 || (txn->documents_grow < 0 && txn->grows <= RESULT_SMALL_BYTES);
}

/* Whether the quota has no room for it: then nothing of it is written. */
static bool is_too_much(struct local_txn *txn)
{
    if (txn->quota == NULL || gives_room(txn) || atomic_load(&txn->quota->is_unbounded)) {
        return false;
    }
    const bool is_counted = atomic_load(&txn->quota->is_counted); /* after which `used` is whole */
    const long long used = atomic_load(&txn->quota->used) + txn->grows;
    const uint64_t would = used > 0 ? (uint64_t)used : 0;
    const uint64_t allowed = atomic_load(&txn->quota->allowed);
    const bool is_full = would > allowed; /* even of what was added alone */
    if (!is_full && (is_counted || would <= STORE_UNCOUNTED_BYTES_MAX)) {
        return false;
    }
    txn->phase = TXN_FULL;
    txn->result = (struct store_commit_result){
        .is_full = is_full,
        .is_uncounted = !is_full,
        .full_used = would,
        .full_allowed = allowed,
    };
    return true;
}

/* The same of the audit log: what can't be recorded is not done. */
static cordon_error *check_log(struct local_txn *txn, bool *out_full)
{
    struct store_quota *quota = txn->quota;
    *out_full = false;
    if (quota == NULL || txn->audit_grows == 0 || !atomic_load(&quota->bounds_audit)) {
        return NULL;
    }
    struct audit_head *head = NULL;
    TRY(find_head(txn->store, txn->tenant, &head));
    const bool is_counted = atomic_load(&quota->audit_is_counted);
    const long long before = is_counted ? atomic_load(&quota->audit_before) : 0;
    const long long sum = before + (long long)(head->appended + txn->audit_grows);
    const uint64_t would = sum > 0 ? (uint64_t)sum : 0;
    const uint64_t allowed = atomic_load(&quota->audit_allowed);
    const bool is_full = would > allowed; /* even of what was appended alone */
    if (!is_full && (is_counted || would <= STORE_UNCOUNTED_BYTES_MAX)) {
        return NULL;
    }
    *out_full = true;
    txn->phase = TXN_FULL;
    txn->result = (struct store_commit_result){
        .is_full = is_full,
        .is_uncounted = !is_full,
        .is_audit_full = is_full,
        .full_used = would,
        .full_allowed = allowed,
    };
    return NULL;
}

/* One hold of the commit lock. */
static cordon_error *submit_some(
    struct local_txn *txn, uint64_t *validated, bool *out_more, bool *out_held_up)
{
    validate_some(txn, validated, out_more);
    if (txn->phase == TXN_CONFLICT || *out_more) {
        return NULL;
    }
    *out_held_up = is_held_up(txn);
    if (*out_held_up) {
        local_expect(txn);
        return NULL;
    }
    local_unexpect(txn);
    if (is_too_much(txn)) {
        return NULL;
    }
    bool is_full = false;
    TRY(check_log(txn, &is_full));
    if (is_full) {
        return NULL;
    }
    struct audit_head *head = NULL;
    TRY(reserve(txn, &head));
    publish(txn, head);
    return NULL;
}

static cordon_error *submit(struct local_txn *txn, bool *out_held_up)
{
    struct local *store = txn->store;
    uint64_t validated = txn->snapshot;
    bool more = true;
    cordon_error *error = NULL;
    while (more && error == NULL) {
        more = false;
        (void)pthread_mutex_lock(&store->commit_lock);
        error = submit_some(txn, &validated, &more, out_held_up);
        (void)pthread_mutex_unlock(&store->commit_lock);
    }
    return error;
}

/* -- Durable --------------------------------------------------------------------------------- */

/* Waits for the newest thing the transaction wrote or saw. */
static cordon_error *wait_durable(struct local_txn *txn, enum store_step *out_step)
{
    struct local *store = txn->store;
    const uint64_t due = txn->result.ts > txn->seen_ts ? txn->result.ts : txn->seen_ts;
    if (!store->flusher.worker.runs) {
        while (atomic_load(&store->durable_ts) < due) {
            TRY(local_flush(store));
        }
        *out_step = STORE_DONE;
        return NULL;
    }
    txn->waits_in = &store->waiters;
    const bool waits = waiters_add(txn->waits_in, &txn->waiter, due, &store->durable_ts);
    if (waits) {
        local_flusher_poke(store);
    }
    *out_step = waits ? STORE_PENDING : STORE_DONE;
    return NULL;
}

/* Up to the point where the commit is visible, a conflict, or has to wait for room. */
static cordon_error *advance(
    struct local_txn *txn,
    const struct store_commit_facts *facts,
    bool *out_waits,
    bool *out_held_up)
{
    *out_waits = false;
    *out_held_up = false;
    if (txn->phase == TXN_OPEN) {
        TRY(prepare(txn, facts));
    }
    if (txn->phase != TXN_PREPARED) {
        return NULL;
    }
    if (txn->batch == NULL) { /* nothing to write, so nothing to validate */
        txn->phase = TXN_VISIBLE;
        txn->result = (struct store_commit_result){.ts = txn->snapshot};
        return NULL;
    }
    TRY(check_disk(txn->store, txn->batch));
    TRY(wait_for_room(txn, out_waits));
    if (*out_waits) {
        local_flusher_poke(txn->store);
        return NULL;
    }
    cordon_error *error = submit(txn, out_held_up);
    if (txn->phase != TXN_PREPARED) {
        local_room_leave(txn);
    }
    return error;
}

cordon_error *local_commit(
    struct store_txn *base,
    const struct store_commit_facts *facts,
    enum store_step *out_step,
    struct store_commit_result *out_result)
{
    struct local_txn *txn = (struct local_txn *)base;
    bool waits = false;
    bool held_up = false;
    TRY(advance(txn, facts, &waits, &held_up));
    enum store_step step = held_up ? STORE_LATER : STORE_PENDING;
    if (txn->phase == TXN_CONFLICT || txn->phase == TXN_FULL) {
        step = STORE_DONE;
    } else if (!waits && !held_up) {
        TRY(wait_durable(txn, &step));
    }
    *out_step = step;
    if (step == STORE_DONE) {
        *out_result = txn->result;
    }
    return NULL;
}
