/*
 * The indexes of tables: what they are, and the work that a change of them leaves.
 *
 * A table's indexes are one row, and every write of a document reads it. So whoever writes with an
 * older set of them than the newest is in conflict with the commit that changed it, and from that
 * commit on every document that is written has its entries in the new index. What is missing are
 * the entries of documents from before: they are filled in, in creation order, some at a time, in
 * transactions of their own that remember how far they came. The last one enables the index. An
 * index that was dropped is marked, and its entries, which nobody writes any more, are taken out
 * in the same way.
 */
#include "store/local.h"

#include "base/memory.h"

#define ROW_BYTES_MAX ((size_t)1 << 20)

/* -- Looking --------------------------------------------------------------------------------- */

static const struct made_set *find_made(const struct local_txn *txn, uint32_t table)
{
    const struct made_set *made = txn->sets_made;
    while (made != NULL && made->table != table) {
        made = made->next;
    }
    return made;
}

cordon_error *local_indexes(struct local_txn *txn, uint32_t table, const struct index_set **out_set)
{
    if (txn->indexed_table != table) {
        struct layout_key key;
        layout_table_row(&key, txn->tenant, TABLE_INDEXES, table, 0);
        TRY(readset_add_key(&txn->reads, layout_slice(&key)));
        TRY(local_tables_load(txn));
        const struct made_set *made = find_made(txn, table);
        txn->indexed_by =
            made != NULL ? made->set
                         : tables_indexes(&txn->store->tables, txn->tables, table, txn->snapshot);
        txn->indexed_table = table;
    }
    *out_set = txn->indexed_by;
    return NULL;
}

cordon_error *local_indexes_get(
    struct store_txn *base,
    uint32_t table,
    enum store_step *out_step,
    struct store_indexes *out_indexes)
{
    const struct index_set *set = NULL;
    TRY(local_indexes((struct local_txn *)base, table, &set));
    *out_step = STORE_DONE;
    *out_indexes = (struct store_indexes){0};
    if (set != NULL) {
        *out_indexes = (struct store_indexes){set->items, set->count};
    }
    return NULL;
}

/* -- Changing -------------------------------------------------------------------------------- */

void local_sets_made_free(struct local_txn *txn)
{
    for (struct made_set *made = txn->sets_made; made != NULL; made = made->next) {
        index_set_free(made->set);
    }
    txn->sets_made = NULL; /* the list itself is in the arena */
}

static void index_set_freep(struct index_set **set)
{
    index_set_free(*set);
}

/* Writes a set and takes it over. */
static cordon_error *write_set(
    struct local_txn *txn,
    uint32_t table,
    const struct store_index *items,
    size_t count,
    uint32_t next)
{
    CORDON_CLEANUP(index_set_freep) struct index_set *set = NULL;
    CORDON_CLEANUP_BUFFER struct buffer row;
    buffer_init(&row, ROW_BYTES_MAX);
    TRY(index_set_new(items, count, next, &set));
    TRY(index_set_write(set, &row));
    struct layout_key key;
    layout_table_row(&key, txn->tenant, TABLE_INDEXES, table, 0);
    TRY(local_write_row(txn, layout_slice(&key), LAYOUT_LIVE, buffer_slice(&row)));
    struct made_set *made = arena_alloc(&txn->arena, sizeof *made);
    if (made == NULL) {
        return error_no_memory();
    }
    *made = (struct made_set){.next = txn->sets_made, .table = table, .set = CORDON_TAKE(set)};
    txn->sets_made = made;
    txn->indexed_table = 0; /* what was asked for before is no longer so */
    return NULL;
}

static cordon_error *remove_row(
    struct local_txn *txn, enum layout_table_row row, uint32_t table, uint32_t index)
{
    struct layout_key key;
    layout_table_row(&key, txn->tenant, row, table, index);
    return local_write_row(txn, layout_slice(&key), LAYOUT_TOMBSTONE, (struct slice){0});
}

static cordon_error *drop(struct local_txn *txn, uint32_t table, const struct store_index *index)
{
    struct layout_key key;
    layout_table_row(&key, txn->tenant, TABLE_DROPPED, table, index->number);
    TRY(local_write_row(txn, layout_slice(&key), LAYOUT_LIVE, (struct slice){0}));
    return index->state == STORE_INDEX_FILLING ? remove_row(txn, TABLE_FILLED, table, index->number)
                                               : NULL;
}

static const struct store_index *find_same(
    const struct store_index *items, size_t count, const struct store_index *index)
{
    for (size_t i = 0; i < count; i++) {
        if (index_is_same(&items[i], index)) {
            return &items[i];
        }
    }
    return NULL;
}

/* Whether the table has no documents; if so, whoever makes the first is a conflict. */
static cordon_error *is_empty(struct local_txn *txn, uint32_t table, bool *out_empty)
{
    struct layout_key low;
    struct layout_key high;
    layout_index_range(txn->tenant, table, STORE_BY_CREATION, &low, &high);
    CORDON_CLEANUP(reading_done) struct reading reading = local_reading(txn);
    struct walk walk;
    walk_begin(
        &walk, &reading, txn->snapshot, STORE_ASCENDING, layout_slice(&low), layout_slice(&high));
    bool found = false;
    struct version version;
    TRY(walk_next(&walk, &found, &version));
    TRY(local_check_snapshot(txn));
    *out_empty = !found;
    return found ? NULL : readset_add(&txn->reads, layout_slice(&low), layout_slice(&high));
}

cordon_error *local_indexes_put(
    struct store_txn *base,
    uint32_t table,
    const struct store_index *indexes,
    size_t count,
    enum store_step *out_step)
{
    struct local_txn *txn = (struct local_txn *)base;
    const struct index_set *set = NULL;
    TRY(local_indexes(txn, table, &set));
    const struct store_index *old = set == NULL ? NULL : set->items;
    const size_t old_count = set == NULL ? 0 : set->count;
    uint32_t next = set == NULL ? 1 : set->next_number;
    struct store_index *items = arena_alloc(&txn->arena, (count + 1) * sizeof *items);
    if (items == NULL) {
        return error_no_memory();
    }
    bool empty = false;
    bool changed = count != old_count;
    TRY(is_empty(txn, table, &empty));
    for (size_t i = 0; i < count; i++) {
        const struct store_index *same = find_same(old, old_count, &indexes[i]);
        items[i] = same != NULL ? *same : indexes[i];
        changed = changed || items[i].staged != indexes[i].staged;
        items[i].staged = indexes[i].staged;
        if (same == NULL) {
            changed = true;
            items[i].number = next++;
            items[i].state = empty ? STORE_INDEX_ENABLED : STORE_INDEX_FILLING;
        }
    }
    for (size_t i = 0; i < old_count; i++) {
        if (find_same(indexes, count, &old[i]) == NULL) {
            changed = true;
            TRY(drop(txn, table, &old[i]));
        }
    }
    *out_step = STORE_DONE;
    return changed ? write_set(txn, table, items, count, next) : NULL;
}

/* -- Work ------------------------------------------------------------------------------------ */

/* Of one transaction. */
struct work {
    struct local_txn *txn;
    enum store_index_share share;
    size_t rows_max;
    size_t rows; /* done */
};

/* The first row of that sort, with its key; false: there is none. */
static cordon_error *first_row(
    struct local_txn *txn, enum layout_table_row row, bool *out_found, struct layout_key *out_key)
{
    struct layout_key low;
    struct layout_key high;
    layout_table_row_range(txn->tenant, row, &low, &high);
    CORDON_CLEANUP(reading_done) struct reading reading = local_reading(txn);
    struct walk walk;
    walk_begin(
        &walk, &reading, txn->snapshot, STORE_ASCENDING, layout_slice(&low), layout_slice(&high));
    struct version version;
    TRY(walk_next(&walk, out_found, &version));
    if (*out_found) {
        layout_set(out_key, version.logical);
    }
    return local_check_snapshot(txn);
}

/* Keys of a range, as many as the work has room for; copied into the transaction. */
static cordon_error *gather_keys(
    struct work *work,
    struct slice low,
    struct slice high,
    struct slice **out_keys,
    size_t *out_count)
{
    struct local_txn *txn = work->txn;
    struct slice *keys = arena_alloc(&txn->arena, work->rows_max * sizeof *keys);
    if (keys == NULL) {
        return error_no_memory();
    }
    CORDON_CLEANUP(reading_done) struct reading reading = local_reading(txn);
    struct walk walk;
    walk_begin(&walk, &reading, txn->snapshot, STORE_ASCENDING, low, high);
    size_t count = 0;
    while (count < work->rows_max) {
        bool found = false;
        struct version version;
        TRY(walk_next(&walk, &found, &version));
        if (!found) {
            break;
        }
        keys[count] = arena_copy(&txn->arena, version.logical);
        if (keys[count++].data == NULL) {
            return error_no_memory();
        }
    }
    *out_keys = keys;
    *out_count = count;
    return local_check_snapshot(txn);
}

/* Takes out entries of a dropped index, and its mark with the last of them. */
static cordon_error *drop_entries(struct work *work, const struct layout_key *mark)
{
    struct local_txn *txn = work->txn;
    const uint32_t table = layout_table_of_row(layout_slice(mark));
    const uint32_t index = layout_index_of_row(layout_slice(mark));
    struct layout_key low;
    struct layout_key high;
    layout_index_range(txn->tenant, table, index, &low, &high);
    struct slice *keys = NULL;
    size_t count = 0;
    TRY(gather_keys(work, layout_slice(&low), layout_slice(&high), &keys, &count));
    for (size_t i = 0; i < count; i++) {
        TRY(local_write_entry(txn, keys[i], LAYOUT_TOMBSTONE));
    }
    work->rows = count + 1;
    return count < work->rows_max ? remove_row(txn, TABLE_DROPPED, table, index) : NULL;
}

/* The entry of one document, found by its place in the creation order. */
static cordon_error *fill_entry(
    struct local_txn *txn, const struct store_index *index, struct slice creation_key)
{
    TRY(readset_add_key(&txn->reads, creation_key)); /* whoever writes the document logs it */
    struct store_id id;
    CORDON_ASSERT(layout_document_of(creation_key, &id));
    CORDON_CLEANUP_BUFFER struct buffer fields;
    buffer_init(&fields, INDEX_FIELDS_BYTES_MAX);
    {
        CORDON_CLEANUP(reading_done) struct reading reading = local_reading(txn);
        struct slice text = {0};
        TRY(local_entry_text(txn, &reading, creation_key, &text));
        TRY(local_check_snapshot(txn));
        TRY(index_write_fields_of(index, text, &fields));
    }
    struct layout_key key;
    layout_entry(
        &key, txn->tenant, &id, index->number, buffer_slice(&fields),
        layout_creation_time(creation_key));
    return local_write_entry(txn, layout_slice(&key), LAYOUT_LIVE);
}

/* Where the last commit of this index's filling ended, or the beginning of the creation order. */
static cordon_error *fill_from(
    struct local_txn *txn, const struct layout_key *mark, struct layout_key *low)
{
    TRY(readset_add_key(&txn->reads, layout_slice(mark)));
    CORDON_CLEANUP(reading_done) struct reading reading = local_reading(txn);
    struct version version;
    bool found = false;
    TRY(version_get(&reading, layout_slice(mark), txn->snapshot, &found, &version));
    if (found) {
        if (version.body.size > LAYOUT_KEY_BYTES_MAX) {
            return cordon_error_new(
                CORDON_E_STORE, "the mark of an index that is filling is malformed; restore the "
                                "folder from a backup");
        }
        layout_set(low, version.body);
        layout_after_prefix(low);
    }
    return local_check_snapshot(txn);
}

/* The same indexes with one of them enabled. */
static cordon_error *enable(
    struct local_txn *txn, uint32_t table, const struct index_set *set, uint32_t number)
{
    struct store_index *items = arena_alloc(&txn->arena, set->count * sizeof *items);
    if (items == NULL) {
        return error_no_memory();
    }
    for (size_t i = 0; i < set->count; i++) {
        items[i] = set->items[i];
        if (items[i].number == number) {
            items[i].state = STORE_INDEX_ENABLED;
        }
    }
    TRY(remove_row(txn, TABLE_FILLED, table, number));
    return write_set(txn, table, items, set->count, set->next_number);
}

static cordon_error *fill(
    struct work *work, uint32_t table, const struct index_set *set, const struct store_index *index)
{
    struct local_txn *txn = work->txn;
    struct layout_key mark;
    struct layout_key low;
    struct layout_key high;
    layout_table_row(&mark, txn->tenant, TABLE_FILLED, table, index->number);
    layout_index_range(txn->tenant, table, STORE_BY_CREATION, &low, &high);
    TRY(fill_from(txn, &mark, &low));
    struct slice *keys = NULL;
    size_t count = 0;
    TRY(gather_keys(work, layout_slice(&low), layout_slice(&high), &keys, &count));
    for (size_t i = 0; i < count; i++) {
        TRY(fill_entry(txn, index, keys[i]));
    }
    work->rows = count + 1;
    return count < work->rows_max
               ? enable(txn, table, set, index->number)
               : local_write_row(txn, layout_slice(&mark), LAYOUT_LIVE, keys[count - 1]);
}

static bool is_to_fill(const struct store_index *index, enum store_index_share share)
{
    return index->state == STORE_INDEX_FILLING && (share == STORE_INDEX_ALL || !index->staged);
}

/*
 * Whether a table's row says that one of its indexes is filling. The row is read and not the map: a
 * reading is open, and the map is locked before one is opened, never after.
 */
static cordon_error *is_filling(struct slice row, enum store_index_share share, bool *out_filling)
{
    CORDON_CLEANUP(index_set_freep) struct index_set *set = NULL;
    TRY(index_set_read(row, &set));
    *out_filling = false;
    for (size_t i = 0; i < set->count; i++) {
        *out_filling = *out_filling || is_to_fill(&set->items[i], share);
    }
    return NULL;
}

/* The number of the first table that has an index to fill, or 0. */
static cordon_error *next_filling(
    struct local_txn *txn, enum store_index_share share, uint32_t *out_table)
{
    struct layout_key low;
    struct layout_key high;
    layout_table_row_range(txn->tenant, TABLE_INDEXES, &low, &high);
    CORDON_CLEANUP(reading_done) struct reading reading = local_reading(txn);
    struct walk walk;
    walk_begin(
        &walk, &reading, txn->snapshot, STORE_ASCENDING, layout_slice(&low), layout_slice(&high));
    bool found = true;
    *out_table = 0;
    while (found && *out_table == 0) {
        struct version version;
        bool filling = false;
        TRY(walk_next(&walk, &found, &version));
        if (found) {
            TRY(is_filling(version.body, share, &filling));
        }
        if (filling) {
            *out_table = layout_table_of_row(version.logical);
        }
    }
    return local_check_snapshot(txn);
}

static cordon_error *fill_some(struct work *work)
{
    uint32_t table = 0;
    const struct index_set *set = NULL;
    TRY(next_filling(work->txn, work->share, &table));
    if (table == 0) {
        return NULL;
    }
    TRY(local_indexes(work->txn, table, &set));
    const struct store_index *index = set->items;
    while (!is_to_fill(index, work->share)) {
        index++;
    }
    return fill(work, table, set, index);
}

cordon_error *local_index_work(
    struct store_txn *base,
    enum store_index_share share,
    size_t rows_max,
    enum store_step *out_step,
    size_t *out_rows)
{
    struct work work = {.txn = (struct local_txn *)base, .share = share, .rows_max = rows_max};
    struct layout_key mark;
    bool found = false;
    if (share == STORE_INDEX_ALL) {
        TRY(first_row(work.txn, TABLE_DROPPED, &found, &mark));
    }
    TRY(found ? drop_entries(&work, &mark) : fill_some(&work));
    *out_step = STORE_DONE;
    *out_rows = work.rows;
    return NULL;
}
