/*
 * What a transaction means to write: a map by logical key of rows, documents and the entries of
 * documents in the orders of their table, so that scans meet them in their place.
 *
 * A write needs to know whether the snapshot holds the thing: only a new document gets a place in
 * the creation order, and only a superseded version is garbage. Looking makes the key part of the
 * read set, so two transactions that write one key always conflict, and what was seen here still
 * holds when the commit is validated. An entry needs no look of its own: what the snapshot's
 * version of the document says decides where its entries are.
 */
#include "store/local.h"

#include "base/memory.h"

struct write *local_write_find(const struct local_txn *txn, struct slice logical)
{
    if (txn->writes.count == 0) {
        return NULL;
    }
    const struct skip_node *node = skip_find(&txn->writes, logical);
    return node == NULL ? NULL : node->item;
}

/* A write under `logical` that removes, so far. */
static cordon_error *add_write(
    struct local_txn *txn,
    enum write_type type,
    struct slice logical,
    bool existed,
    struct write **out_write)
{
    struct write *write = arena_alloc(&txn->arena, sizeof *write);
    uint8_t *bytes = NULL;
    struct skip_node *node = skip_node_in_arena(
        &txn->arena, skip_key_bits(logical, txn->reads.seed), logical.size, &bytes);
    if (write == NULL || node == NULL) {
        return error_no_memory();
    }
    *write =
        (struct write){.type = type, .kind = LAYOUT_TOMBSTONE, .existed = existed, .node = node};
    memcpy(bytes, logical.data, logical.size);
    node->item = write;
    skip_insert(&txn->writes, node);
    *out_write = write;
    return NULL;
}

static cordon_error *copy_body(struct local_txn *txn, struct slice body, struct slice *out_copy)
{
    const struct slice copy = arena_copy(&txn->arena, body);
    if (copy.data == NULL) {
        return error_no_memory();
    }
    *out_copy = copy;
    return NULL;
}

/* The snapshot's version of a key, borrowed from the reading; remembers that it was asked for. */
static cordon_error *look(
    struct local_txn *txn,
    struct reading *reading,
    struct slice logical,
    bool *out_found,
    struct version *out_version)
{
    TRY(readset_add_key(&txn->reads, logical));
    TRY(version_get(reading, logical, txn->snapshot, out_found, out_version));
    return local_check_snapshot(txn);
}

/* -- Entries --------------------------------------------------------------------------------- */

static struct write *find_entry(const struct write *document, struct slice logical)
{
    struct write *entry = document->entries;
    while (entry != NULL && !slice_equal(entry->node->key, logical)) {
        entry = entry->next;
    }
    return entry;
}

static cordon_error *add_entry(
    struct local_txn *txn,
    struct write *document,
    const struct layout_key *key,
    bool existed,
    struct write **out_entry)
{
    struct write *entry = NULL;
    TRY(add_write(txn, WRITE_ENTRY, layout_slice(key), existed, &entry));
    entry->document = document;
    entry->next = document->entries;
    document->entries = entry;
    *out_entry = entry;
    return NULL;
}

/* What is done with the entries of a document. */
struct placing {
    struct local_txn *txn;
    struct write *document;
    const struct index_set *set; /* of its table; NULL: none */
    struct reading *reading;     /* of the snapshot's version */
};

/* Calls `use` with the key of each entry that a version of the document has. */
static cordon_error *each_entry(
    const struct placing *placing,
    struct slice body,
    cordon_error *(*use)(
        const struct placing *placing,
        const struct layout_key *key,
        const struct store_index *index))
{
    const struct local_txn *txn = placing->txn;
    const struct write *document = placing->document;
    const struct index_set *set = placing->set;
    struct layout_key key;
    layout_entry(
        &key, txn->tenant, &document->id, STORE_BY_CREATION, (struct slice){0},
        document->creation_time);
    TRY(use(placing, &key, NULL));
    if (set == NULL || set->count == 0) {
        return NULL;
    }
    CORDON_CLEANUP_ARENA struct arena arena;
    CORDON_CLEANUP_BUFFER struct buffer fields;
    arena_init(&arena, INDEX_TREE_BYTES_MAX);
    buffer_init(&fields, INDEX_FIELDS_BYTES_MAX);
    struct value tree = {0};
    TRY(index_parse_body(body, &arena, &tree));
    for (size_t i = 0; i < set->count; i++) {
        const struct store_index *index = &set->items[i];
        buffer_clear(&fields);
        TRY(index_write_fields(index, &tree, &fields));
        layout_entry(
            &key, txn->tenant, &document->id, index->number, buffer_slice(&fields),
            document->creation_time);
        TRY(use(placing, &key, index));
    }
    return NULL;
}

/* An entry of the snapshot's version. One of an index that is filling may not be there yet. */
static cordon_error *note_old_entry(
    const struct placing *placing, const struct layout_key *key, const struct store_index *index)
{
    bool existed = true;
    if (index != NULL && index->state == STORE_INDEX_FILLING) {
        struct version version;
        TRY(look(placing->txn, placing->reading, layout_slice(key), &existed, &version));
    }
    struct write *entry = NULL;
    return add_entry(placing->txn, placing->document, key, existed, &entry);
}

/* An entry of the version that is written. */
static cordon_error *note_new_entry(
    const struct placing *placing, const struct layout_key *key, const struct store_index *index)
{
    (void)index;
    struct write *entry = find_entry(placing->document, layout_slice(key));
    if (entry == NULL) {
        TRY(add_entry(placing->txn, placing->document, key, false, &entry));
    }
    entry->kind = LAYOUT_LIVE;
    return NULL;
}

/* Entries that neither the snapshot has nor the transaction wants, leave it. */
static void forget_entries(struct local_txn *txn, struct write *document)
{
    struct write **link = &document->entries;
    while (*link != NULL) {
        struct write *entry = *link;
        if (entry->kind == LAYOUT_TOMBSTONE && !entry->existed) {
            skip_remove(&txn->writes, entry->node);
            *link = entry->next;
        } else {
            link = &entry->next;
        }
    }
}

/* The entries are those of the document as it is now. */
static cordon_error *place(
    struct local_txn *txn, struct write *document, const struct index_set *set)
{
    const struct placing placing = {.txn = txn, .document = document, .set = set};
    for (struct write *entry = document->entries; entry != NULL; entry = entry->next) {
        entry->kind = LAYOUT_TOMBSTONE;
    }
    if (document->kind == LAYOUT_LIVE) {
        TRY(each_entry(&placing, document->body, note_new_entry));
    }
    forget_entries(txn, document);
    return NULL;
}

/* -- Documents ------------------------------------------------------------------------------- */

static cordon_error *add_document(
    struct local_txn *txn,
    const struct store_id *id,
    double creation_time,
    struct slice logical,
    const struct index_set *set,
    struct write **out_write)
{
    CORDON_CLEANUP(reading_done) struct reading reading = local_reading(txn);
    struct version version;
    bool existed = false;
    uint64_t stored_time = 0;
    struct slice text = {0};
    TRY(look(txn, &reading, logical, &existed, &version));
    if (existed) {
        TRY(local_document_text(version.body, &stored_time, &text));
    }
    if (existed && stored_time != layout_ordered_double(creation_time)) {
        return cordon_error_new(
            CORDON_E_INVALID, "the creation time of a document must be the stored one");
    }
    struct write *write = NULL;
    TRY(add_write(txn, WRITE_DOCUMENT, logical, existed, &write));
    write->id = *id;
    write->creation_time = creation_time;
    write->old_bytes = existed ? text.size : 0;
    if (existed) {
        const struct placing placing = {txn, write, set, &reading};
        TRY(each_entry(&placing, text, note_old_entry));
    }
    *out_write = write;
    return NULL;
}

/* A document made, removed and made again within one transaction may get another place. */
static cordon_error *set_creation_time(struct write *write, double creation_time)
{
    const bool same =
        layout_ordered_double(write->creation_time) == layout_ordered_double(creation_time);
    if (!same && (write->existed || write->kind == LAYOUT_LIVE)) {
        return cordon_error_new(
            CORDON_E_INVALID, "the creation time of a document must be the one before");
    }
    write->creation_time = creation_time;
    return NULL;
}

/* Once there is a savepoint, what each write was before is kept. */
static cordon_error *keep_undo(struct local_txn *txn, struct write *write, bool is_first)
{
    if (!txn->keeps_undo) {
        return NULL;
    }
    struct undo *undo = arena_alloc(&txn->arena, sizeof *undo);
    if (undo == NULL) {
        return error_no_memory();
    }
    *undo = (struct undo){
        .before = txn->undo,
        .write = write,
        .is_first = is_first,
        .kind = write->kind,
        .creation_time = write->creation_time,
        .body = write->body,
    };
    txn->undo = undo;
    txn->undo_count++;
    return NULL;
}

static cordon_error *document_write(
    struct local_txn *txn,
    const struct store_id *id,
    double creation_time,
    enum layout_kind kind,
    struct slice body)
{
    CORDON_ASSERT(txn->phase == TXN_OPEN && txn->sets_made == NULL);
    struct layout_key key;
    layout_document(&key, txn->tenant, id);
    struct slice copy = {0};
    const struct index_set *set = NULL;
    TRY(local_indexes(txn, id->table, &set));
    TRY(copy_body(txn, body, &copy));
    struct write *write = local_write_find(txn, layout_slice(&key));
    const bool is_first = write == NULL;
    if (is_first) {
        TRY(add_document(txn, id, creation_time, layout_slice(&key), set, &write));
    } else {
        TRY(set_creation_time(write, creation_time));
    }
    TRY(keep_undo(txn, write, is_first));
    write->kind = kind;
    write->body = copy;
    txn->document_writes++;
    return place(txn, write, set);
}

cordon_error *local_put(
    struct store_txn *txn, const struct store_id *id, double creation_time, struct slice body)
{
    return document_write((struct local_txn *)txn, id, creation_time, LAYOUT_LIVE, body);
}

cordon_error *local_remove(struct store_txn *txn, const struct store_id *id, double creation_time)
{
    return document_write(
        (struct local_txn *)txn, id, creation_time, LAYOUT_TOMBSTONE, (struct slice){0});
}

/* -- Savepoints ------------------------------------------------------------------------------ */

cordon_error *local_savepoint(struct store_txn *base, uint64_t *out_point)
{
    struct local_txn *txn = (struct local_txn *)base;
    txn->keeps_undo = true;
    *out_point = txn->undo_count;
    return NULL;
}

/* The transaction has never written the document. */
static void forget_document(struct local_txn *txn, struct write *document)
{
    for (struct write *entry = document->entries; entry != NULL; entry = entry->next) {
        skip_remove(&txn->writes, entry->node);
    }
    skip_remove(&txn->writes, document->node);
}

static cordon_error *bring_back(struct local_txn *txn, const struct undo *undo)
{
    struct write *write = undo->write;
    const struct index_set *set = NULL;
    if (undo->is_first) {
        forget_document(txn, write);
        return NULL;
    }
    TRY(local_indexes(txn, write->id.table, &set));
    write->kind = undo->kind;
    write->creation_time = undo->creation_time;
    write->body = undo->body;
    return place(txn, write, set);
}

cordon_error *local_rollback(struct store_txn *base, uint64_t point)
{
    struct local_txn *txn = (struct local_txn *)base;
    CORDON_ASSERT(txn->phase == TXN_OPEN && point <= txn->undo_count);
    while (txn->undo_count > point) {
        TRY(bring_back(txn, txn->undo));
        txn->document_writes++;
        txn->undo = txn->undo->before;
        txn->undo_count--;
    }
    return NULL;
}

/* -- Other rows ------------------------------------------------------------------------------ */

static cordon_error *find_or_add(
    struct local_txn *txn, enum write_type type, struct slice logical, struct write **out_write)
{
    *out_write = local_write_find(txn, logical);
    if (*out_write != NULL) {
        return NULL;
    }
    CORDON_CLEANUP(reading_done) struct reading reading = local_reading(txn);
    struct version version;
    bool existed = false;
    TRY(look(txn, &reading, logical, &existed, &version));
    TRY(add_write(txn, type, logical, existed, out_write));
    (*out_write)->old_bytes = existed ? version.body.size : 0;
    return NULL;
}

cordon_error *local_write_row(
    struct local_txn *txn, struct slice logical, enum layout_kind kind, struct slice body)
{
    CORDON_ASSERT(txn->phase == TXN_OPEN);
    struct slice copy = {0};
    struct write *write = NULL;
    TRY(copy_body(txn, body, &copy));
    TRY(find_or_add(txn, WRITE_ROW, logical, &write));
    write->kind = kind;
    write->body = copy;
    return NULL;
}

cordon_error *local_write_entry(struct local_txn *txn, struct slice logical, enum layout_kind kind)
{
    CORDON_ASSERT(txn->phase == TXN_OPEN);
    struct write *write = NULL;
    TRY(find_or_add(txn, WRITE_ENTRY, logical, &write));
    write->kind = kind;
    return NULL;
}
