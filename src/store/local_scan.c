/*
 * A part of a table in the order of an index: the snapshot's entries, fetched in chunks, merged
 * one by one with the transaction's own writes.
 *
 * Two speeds meet here. The backend is read in chunks, because a reader may not stay open between
 * calls and opening one per document would cost more than the document. The read set grows one
 * document at a time, because only what was given out was read. The first chunk is small, so that
 * `first` costs little, and each is twice the one before; but none is larger than what the reader
 * says that he will ask for.
 *
 * An entry whose fields are longer than a key is cut. Entries that are alike up to the cut are in
 * no order of use; they are a group, gathered whole when the scan comes to it, put in order by
 * their full keys (local_group.c), and given out from there.
 */
#include "store/local.h"

#include "base/memory.h"

enum { CHUNK_ROWS_FIRST = 8, CHUNK_ROWS_MAX = 128 };
#define CHUNK_BYTES_SOFT ((size_t)512 << 10) /* a chunk ends with the document that passes it */
#define CHUNK_BYTES_MAX ((size_t)160 << 20)  /* that document included */

/* A document of the snapshot; offsets into the chunk's bytes. */
struct chunk_row {
    size_t key_at;
    size_t key_size;
    size_t body_at;
    size_t body_size;
};

struct local_scan {
    struct store_scan base;
    struct local_txn *txn;
    struct local_scan *next; /* of the transaction's */
    enum store_order order;
    const struct store_index *index; /* NULL: the creation order, or that of ids */
    struct slice full_low;           /* the ends of the range as they were asked for, in `ends` */
    struct slice full_high;
    struct buffer ends;
    struct layout_key low;  /* what is not walked over yet: from low, before high; walking moves */
    struct layout_key high; /* the near end */
    bool ended;
    struct local_group *group; /* the scan is in the midst of it; NULL: in none */

    struct layout_key fetch_low; /* the same for what is not fetched yet */
    struct layout_key fetch_high;
    bool fetched_all;
    uint64_t wanted; /* rows that the reader will still ask for; 0: as many as there are */
    size_t chunk_rows_max;
    struct chunk_row rows[CHUNK_ROWS_MAX];
    size_t row_count;
    size_t row_at;
    struct buffer bytes; /* of the rows */
};

/* -- Fetching -------------------------------------------------------------------------------- */

/*
 * The near end of what is left of a range, once `key` has been dealt with: ascending, the low end
 * moves past all its versions; descending, the high end moves to it, and is exclusive as it is.
 */
static void pass(enum store_order order, struct slice key, struct layout_key *out_near_end)
{
    layout_set(out_near_end, key);
    if (order == STORE_ASCENDING) {
        layout_after_prefix(out_near_end);
    }
}

/* What is fetched is no more than is wanted; who asks for more all the same gets more. */
static size_t chunk_rows(const struct local_scan *scan)
{
    const bool few = scan->wanted > 0 && scan->wanted < scan->chunk_rows_max;
    return few ? (size_t)scan->wanted : scan->chunk_rows_max;
}

/* First the keys, by one walk; the walk's cursor would lose its place to the point reads. */
static cordon_error *fetch_keys(struct local_scan *scan, struct reading *reading)
{
    struct walk walk;
    const size_t most = chunk_rows(scan);
    walk_begin(
        &walk, reading, scan->txn->snapshot, scan->order, layout_slice(&scan->fetch_low),
        layout_slice(&scan->fetch_high));
    while (scan->row_count < most) {
        bool found = false;
        struct version entry;
        TRY(walk_next(&walk, &found, &entry));
        if (!found) {
            scan->fetched_all = true;
            return NULL;
        }
        struct chunk_row *row = &scan->rows[scan->row_count];
        row->key_at = scan->bytes.size;
        row->key_size = entry.logical.size;
        TRY(buffer_append(&scan->bytes, entry.logical));
        scan->row_count++;
        if (layout_entry_is_cut(entry.logical)) {
            return NULL; /* a group; what comes after it is fetched when it is over */
        }
    }
    return NULL;
}

static struct slice row_key(const struct local_scan *scan, const struct chunk_row *row)
{
    return slice_of(scan->bytes.data + row->key_at, row->key_size);
}

cordon_error *local_entry_text(
    const struct local_txn *txn,
    struct reading *reading,
    struct slice logical,
    struct slice *out_text)
{
    struct store_id id;
    CORDON_ASSERT(layout_document_of(logical, &id));
    struct layout_key key;
    layout_document(&key, txn->tenant, &id);
    struct version version;
    bool found = false;
    uint64_t time = 0;
    TRY(version_get(reading, layout_slice(&key), txn->snapshot, &found, &version));
    if (!found) {
        TRY(local_check_snapshot(txn));
        return cordon_error_new(
            CORDON_E_STORE,
            "an entry of an index of table %u has no document; restore the folder from a backup",
            id.table);
    }
    return local_document_text(version.body, &time, out_text);
}

static cordon_error *fetch_body(
    struct local_scan *scan, struct reading *reading, struct chunk_row *row)
{
    struct slice text = {0};
    TRY(local_entry_text(scan->txn, reading, row_key(scan, row), &text));
    row->body_at = scan->bytes.size;
    row->body_size = text.size;
    return buffer_append(&scan->bytes, text);
}

/* Then the documents; when they get too many bytes, the rest is fetched again later. */
static cordon_error *fetch_bodies(struct local_scan *scan, struct reading *reading)
{
    for (size_t i = 0; i < scan->row_count; i++) {
        if (layout_entry_is_cut(row_key(scan, &scan->rows[i]))) {
            break; /* the last; its group has the bodies */
        }
        TRY(fetch_body(scan, reading, &scan->rows[i]));
        if (scan->bytes.size > CHUNK_BYTES_SOFT && i + 1 < scan->row_count) {
            scan->row_count = i + 1;
            scan->fetched_all = false;
        }
    }
    return NULL;
}

static cordon_error *fetch(struct local_scan *scan)
{
    buffer_clear(&scan->bytes);
    scan->row_count = 0;
    scan->row_at = 0;
    CORDON_CLEANUP(reading_done) struct reading reading = local_reading(scan->txn);
    cordon_error *error = fetch_keys(scan, &reading);
    if (error == NULL) {
        error = fetch_bodies(scan, &reading);
    }
    if (error == NULL) {
        error = local_check_snapshot(scan->txn);
    }
    if (error != NULL) {
        scan->row_count = 0; /* a repeated call fetches the same again */
        scan->fetched_all = false;
        return error;
    }
    if (scan->row_count > 0) {
        const struct slice last = row_key(scan, &scan->rows[scan->row_count - 1]);
        pass(
            scan->order, last,
            scan->order == STORE_ASCENDING ? &scan->fetch_low : &scan->fetch_high);
    }
    scan->wanted = scan->wanted > scan->row_count ? scan->wanted - scan->row_count : 0;
    if (scan->row_count == scan->chunk_rows_max && scan->chunk_rows_max < CHUNK_ROWS_MAX) {
        scan->chunk_rows_max *= 2;
    }
    return NULL;
}

/* -- Merging --------------------------------------------------------------------------------- */

/* The transaction's own write that is nearest in what is not walked over yet. */
static const struct skip_node *nearest_own(const struct local_scan *scan)
{
    const struct skip *writes = &scan->txn->writes;
    const struct skip_node *node = scan->order == STORE_ASCENDING
                                       ? skip_seek(writes, layout_slice(&scan->low))
                                       : skip_seek_before(writes, layout_slice(&scan->high), false);
    const bool inside = node != NULL && slice_compare(node->key, layout_slice(&scan->low)) >= 0 &&
                        slice_compare(node->key, layout_slice(&scan->high)) < 0;
    return inside ? node : NULL;
}

/* What the scan stands before: a key, and its body unless it is gone. */
struct step {
    bool pending; /* of a group: there is none yet */
    bool found;
    bool live;
    struct slice key;
    struct slice body;
};

static struct step choose(const struct local_scan *scan)
{
    struct step step = {0};
    if (scan->row_at < scan->row_count) {
        const struct chunk_row *row = &scan->rows[scan->row_at];
        step = (struct step){
            .found = true,
            .live = true,
            .key = row_key(scan, row),
            .body = slice_of(scan->bytes.data + row->body_at, row->body_size),
        };
    }
    const struct skip_node *own = nearest_own(scan);
    if (own != NULL) {
        const int order = step.found ? slice_compare(own->key, step.key) : 0;
        if (!step.found || (scan->order == STORE_ASCENDING ? order <= 0 : order >= 0)) {
            const struct write *write = own->item;
            step = (struct step){
                .found = true,
                .live = write->kind == LAYOUT_LIVE,
                .key = own->key,
                .body = write->type == WRITE_ENTRY ? write->document->body : write->body,
            };
        }
    }
    return step;
}

/* Takes a step into the read set and past it in the snapshot's rows. */
static cordon_error *walk_over(struct local_scan *scan, struct slice key)
{
    struct layout_key near_end;
    pass(scan->order, key, &near_end);
    const struct slice past = layout_slice(&near_end);
    const bool in_chunk = scan->row_at < scan->row_count &&
                          slice_equal(row_key(scan, &scan->rows[scan->row_at]), key);
    if (scan->order == STORE_ASCENDING) {
        TRY(readset_add(&scan->txn->reads, layout_slice(&scan->low), past));
        layout_set(&scan->low, past);
    } else {
        TRY(readset_add(&scan->txn->reads, past, layout_slice(&scan->high)));
        layout_set(&scan->high, past);
    }
    scan->row_at += in_chunk;
    return NULL;
}

static cordon_error *finish(struct local_scan *scan)
{
    scan->ended = true;
    if (slice_equal(layout_slice(&scan->low), layout_slice(&scan->high))) {
        return NULL;
    }
    return readset_add(&scan->txn->reads, layout_slice(&scan->low), layout_slice(&scan->high));
}

/* -- Groups ---------------------------------------------------------------------------------- */

/* All entries that are alike up to the cut, from `out_low`, before `out_high`. */
static void group_range(struct slice key, struct layout_key *out_low, struct layout_key *out_high)
{
    layout_set(out_low, slice_of(key.data, key.size - LAYOUT_PLACE_BYTES));
    layout_set(out_high, layout_slice(out_low));
    layout_after_prefix(out_high);
}

/* The scan stands before an entry that was cut. All of its group is read, so all is remembered. */
static cordon_error *enter_group(struct local_scan *scan, struct slice key)
{
    struct layout_key low;
    struct layout_key high;
    group_range(key, &low, &high);
    if (scan->order == STORE_ASCENDING) {
        TRY(readset_add(&scan->txn->reads, layout_slice(&scan->low), layout_slice(&high)));
    } else {
        TRY(readset_add(&scan->txn->reads, layout_slice(&low), layout_slice(&scan->high)));
    }
    const struct local_group_range range = {
        .index = scan->index,
        .order = scan->order,
        .low = low,
        .high = high,
        .full_low = scan->full_low,
        .full_high = scan->full_high,
    };
    TRY(local_group_new(scan->txn, &range, &scan->group));
    /* The scan goes on behind it, and fetches from there. */
    if (scan->order == STORE_ASCENDING) {
        layout_set(&scan->low, layout_slice(&high));
        layout_set(&scan->fetch_low, layout_slice(&high));
    } else {
        layout_set(&scan->high, layout_slice(&low));
        layout_set(&scan->fetch_high, layout_slice(&low));
    }
    scan->row_count = 0;
    scan->row_at = 0;
    scan->fetched_all = false;
    return NULL;
}

static cordon_error *next_of_group(struct local_scan *scan, struct step *out_step)
{
    enum store_step step = STORE_DONE;
    TRY(local_group_next(scan->group, &step, &out_step->live, &out_step->body));
    out_step->pending = step == STORE_PENDING;
    if (!out_step->pending && !out_step->live) {
        local_group_free(scan->group);
        scan->group = NULL;
    }
    return NULL;
}

static cordon_error *next_entry(struct local_scan *scan, struct step *out_step)
{
    if (scan->row_at == scan->row_count && !scan->fetched_all) {
        TRY(fetch(scan));
    }
    *out_step = choose(scan);
    if (!out_step->found) {
        return finish(scan);
    }
    if (scan->index != NULL && layout_entry_is_cut(out_step->key)) {
        out_step->live = false;
        return enter_group(scan, out_step->key);
    }
    return walk_over(scan, out_step->key);
}

static cordon_error *next(
    struct store_scan *base, enum store_step *out_step, bool *out_found, struct slice *out_body)
{
    struct local_scan *scan = (struct local_scan *)base;
    struct step step = {0};
    while (!step.live && !step.pending && (scan->group != NULL || !scan->ended)) {
        TRY(scan->group != NULL ? next_of_group(scan, &step) : next_entry(scan, &step));
    }
    scan->base.ready = scan->group == NULL && scan->row_at < scan->row_count;
    *out_step = step.pending ? STORE_PENDING : STORE_DONE;
    *out_found = step.live;
    if (step.live) {
        *out_body = step.body;
    }
    return NULL;
}

/* -- Life ------------------------------------------------------------------------------------ */

static void scan_free(struct local_scan *scan)
{
    local_group_free(scan->group);
    buffer_done(&scan->bytes);
    buffer_done(&scan->ends);
    mem_free(scan);
}

static void scan_close(struct store_scan *base)
{
    struct local_scan *scan = (struct local_scan *)base;
    struct local_scan **link = &scan->txn->scans;
    while (*link != scan) {
        link = &(*link)->next;
    }
    *link = scan->next;
    scan_free(scan);
}

void local_scan_end_all(struct local_txn *txn)
{
    while (txn->scans != NULL) {
        struct local_scan *scan = txn->scans;
        txn->scans = scan->next;
        scan_free(scan);
    }
}

size_t local_scan_bytes(const struct local_txn *txn)
{
    size_t total = 0;
    for (const struct local_scan *scan = txn->scans; scan != NULL; scan = scan->next) {
        total += sizeof *scan + scan->bytes.capacity + scan->ends.capacity;
        total += local_group_bytes(scan->group);
    }
    return total;
}

static const struct store_scan_ops scan_ops = {.next = next, .close = scan_close};

/* The index of a range, or NULL for the two orders that every table has. */
static cordon_error *find_index(
    struct local_txn *txn, const struct store_range *range, const struct store_index **out_index)
{
    *out_index = NULL;
    if (range->index == STORE_BY_CREATION || range->index == STORE_BY_ID) {
        return NULL;
    }
    const struct index_set *set = NULL;
    TRY(local_indexes(txn, range->table, &set));
    *out_index = index_set_find(set, range->index);
    if (*out_index == NULL || (*out_index)->state != STORE_INDEX_ENABLED) {
        return cordon_error_new(
            CORDON_E_INVALID, "the table has no enabled index of number %u; use one that it has",
            range->index);
    }
    return NULL;
}

/* Keeps the ends as they are asked for; full keys are held against them. */
static cordon_error *copy_ends(struct local_scan *scan, const struct store_range *range)
{
    buffer_init(&scan->ends, SIZE_MAX);
    TRY(buffer_append(&scan->ends, range->low));
    TRY(buffer_append(&scan->ends, range->high));
    const struct slice both = buffer_slice(&scan->ends);
    scan->full_low = slice_of(both.data, range->low.size);
    scan->full_high = slice_from(both, range->low.size);
    return NULL;
}

/* One end as a key: an end behind the cut begins with the whole group that it divides. */
static void append_end(struct layout_key *key, struct slice end, size_t room, bool is_high)
{
    const bool cut = end.size > room;
    const size_t size = cut ? room : end.size;
    memcpy(key->bytes + key->size, end.data, size);
    key->size += size;
    if (cut && is_high) {
        layout_after_prefix(key);
    }
}

static void set_ends(struct local_scan *scan, const struct store_range *range)
{
    if (range->index == STORE_BY_ID) {
        layout_documents_range(scan->txn->tenant, range->table, &scan->low, &scan->high);
    } else {
        layout_index_range(scan->txn->tenant, range->table, range->index, &scan->low, &scan->high);
    }
    /* Without fields nothing is cut, and an end is no longer than a place and one byte. */
    const size_t room =
        scan->index == NULL ? LAYOUT_PLACE_BYTES + 1 : (size_t)LAYOUT_FIELDS_BYTES_MAX;
    if (range->high.size > 0) {
        layout_set(&scan->high, layout_slice(&scan->low));
        append_end(&scan->high, range->high, room, true);
    }
    if (range->low.size > 0) {
        append_end(&scan->low, range->low, room, false);
    }
    if (slice_compare(layout_slice(&scan->low), layout_slice(&scan->high)) > 0) {
        layout_set(&scan->high, layout_slice(&scan->low)); /* empty, and nothing is read */
    }
    layout_set(&scan->fetch_low, layout_slice(&scan->low));
    layout_set(&scan->fetch_high, layout_slice(&scan->high));
}

static void scan_freep(struct local_scan **scan)
{
    if (*scan != NULL) {
        scan_free(*scan);
    }
}

cordon_error *local_scan_open(
    struct store_txn *base, const struct store_range *range, struct store_scan **out_scan)
{
    struct local_txn *txn = (struct local_txn *)base;
    CORDON_CLEANUP(scan_freep) struct local_scan *scan = MEM_NEW(struct local_scan);
    if (scan == NULL) {
        return error_no_memory();
    }
    scan->base.ops = &scan_ops;
    scan->txn = txn;
    scan->order = range->order;
    scan->wanted = range->most;
    scan->chunk_rows_max = CHUNK_ROWS_FIRST;
    buffer_init(&scan->bytes, CHUNK_BYTES_MAX);
    TRY(find_index(txn, range, &scan->index));
    TRY(copy_ends(scan, range));
    set_ends(scan, range);
    scan->next = txn->scans;
    txn->scans = scan;
    *out_scan = &CORDON_TAKE(scan)->base;
    return NULL;
}
