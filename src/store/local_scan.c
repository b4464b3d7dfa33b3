/*
 * A table in creation order: the snapshot's index entries, fetched in chunks, merged one by one
 * with the transaction's own writes.
 *
 * Two speeds meet here. The backend is read in chunks, because a reader may not stay open between
 * calls and opening one per document would cost more than the document. The read set grows one
 * document at a time, because only what was given out was read. The first chunk is small, so that
 * `first` costs little, and each is twice the one before.
 */
#include "store/local.h"

#include "base/memory.h"

enum { CHUNK_ROWS_FIRST = 4, CHUNK_ROWS_MAX = 128 };
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
    struct layout_key low;  /* what is not walked over yet: from low, before high; walking moves */
    struct layout_key high; /* the near end */
    bool ended;

    struct layout_key fetch_low; /* the same for what is not fetched yet */
    struct layout_key fetch_high;
    bool fetched_all;
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

/* First the keys, by one walk; the walk's cursor would lose its place to the point reads. */
static cordon_error *fetch_keys(struct local_scan *scan, struct reading *reading)
{
    struct walk walk;
    walk_begin(
        &walk, reading, scan->txn->snapshot, scan->order, layout_slice(&scan->fetch_low),
        layout_slice(&scan->fetch_high));
    while (scan->row_count < scan->chunk_rows_max) {
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
    }
    return NULL;
}

static struct slice row_key(const struct local_scan *scan, const struct chunk_row *row)
{
    return slice_of(scan->bytes.data + row->key_at, row->key_size);
}

static cordon_error *fetch_body(
    struct local_scan *scan, struct reading *reading, struct chunk_row *row)
{
    struct store_id id;
    CORDON_ASSERT(layout_document_of(row_key(scan, row), &id));
    struct layout_key key;
    layout_document(&key, scan->txn->tenant, &id);
    struct version version;
    bool found = false;
    TRY(version_get(reading, layout_slice(&key), scan->txn->snapshot, &found, &version));
    if (!found) {
        TRY(local_check_snapshot(scan->txn));
        return cordon_error_new(
            CORDON_E_STORE,
            "an entry of the creation order of table %u has no document; restore the folder from "
            "a backup",
            id.table);
    }
    uint64_t time = 0;
    struct slice text = {0};
    TRY(local_document_text(version.body, &time, &text));
    row->body_at = scan->bytes.size;
    row->body_size = text.size;
    return buffer_append(&scan->bytes, text);
}

/* Then the documents; when they get too many bytes, the rest is fetched again later. */
static cordon_error *fetch_bodies(struct local_scan *scan, struct reading *reading)
{
    for (size_t i = 0; i < scan->row_count; i++) {
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
    if (scan->chunk_rows_max < CHUNK_ROWS_MAX) {
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
                .body = write->body,
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
    TRY(readset_add(&scan->txn->reads, layout_slice(&scan->low), layout_slice(&scan->high)));
    scan->ended = true;
    return NULL;
}

static cordon_error *next(
    struct store_scan *base, enum store_step *out_step, bool *out_found, struct slice *out_body)
{
    struct local_scan *scan = (struct local_scan *)base;
    struct step step = {0};
    while (!scan->ended && !step.live) {
        if (scan->row_at == scan->row_count && !scan->fetched_all) {
            TRY(fetch(scan));
        }
        step = choose(scan);
        if (step.found) {
            TRY(walk_over(scan, step.key));
        } else {
            TRY(finish(scan));
        }
    }
    *out_step = STORE_DONE;
    *out_found = step.live;
    if (step.live) {
        *out_body = step.body;
    }
    return NULL;
}

/* -- Life ------------------------------------------------------------------------------------ */

static void scan_free(struct local_scan *scan)
{
    buffer_done(&scan->bytes);
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
        total += sizeof *scan + scan->bytes.capacity;
    }
    return total;
}

static const struct store_scan_ops scan_ops = {.next = next, .close = scan_close};

cordon_error *local_scan_open(
    struct store_txn *base, uint32_t table, enum store_order order, struct store_scan **out_scan)
{
    struct local_txn *txn = (struct local_txn *)base;
    struct local_scan *scan = MEM_NEW(struct local_scan);
    if (scan == NULL) {
        return error_no_memory();
    }
    scan->base.ops = &scan_ops;
    scan->txn = txn;
    scan->order = order;
    scan->chunk_rows_max = CHUNK_ROWS_FIRST;
    buffer_init(&scan->bytes, CHUNK_BYTES_MAX);
    layout_index_range(txn->tenant, table, 0, &scan->low, &scan->high);
    layout_set(&scan->fetch_low, layout_slice(&scan->low));
    layout_set(&scan->fetch_high, layout_slice(&scan->high));
    scan->next = txn->scans;
    txn->scans = scan;
    *out_scan = &scan->base;
    return NULL;
}
