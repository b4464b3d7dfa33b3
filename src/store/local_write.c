/*
 * What a transaction means to write: a map by logical key, with documents under their
 * creation-order key too, so that scans meet them in their place.
 *
 * A write needs to know whether the snapshot holds the thing: only a new document gets an index
 * entry, and only a superseded version is garbage. Looking makes the key part of the read set, so
 * two transactions that write one key always conflict, and what was seen here still holds when the
 * commit is validated.
 */
#include "store/local.h"

struct write *local_write_find(const struct local_txn *txn, struct slice logical)
{
    if (txn->writes.count == 0) {
        return NULL;
    }
    const struct skip_node *node = skip_find(&txn->writes, logical);
    return node == NULL ? NULL : node->item;
}

/* A node under `key` that stands for `write`. */
static cordon_error *add_node(
    struct local_txn *txn, struct slice key, struct write *write, struct skip_node **out_node)
{
    uint8_t *bytes = NULL;
    struct skip_node *node = skip_node_in_arena(&txn->arena, skip_key_bits(key), key.size, &bytes);
    if (node == NULL) {
        return error_no_memory();
    }
    memcpy(bytes, key.data, key.size);
    node->item = write;
    skip_insert(&txn->writes, node);
    *out_node = node;
    return NULL;
}

/* Whether the snapshot holds the key, and as what; remembers that it was asked. */
static cordon_error *look(
    struct local_txn *txn, struct slice logical, bool *out_existed, uint64_t *out_ordered_time)
{
    TRY(readset_add_key(&txn->reads, logical));
    CORDON_CLEANUP(reading_done) struct reading reading = local_reading(txn);
    struct version version;
    bool found = false;
    TRY(version_get(&reading, logical, txn->snapshot, &found, &version));
    TRY(local_check_snapshot(txn));
    if (found && out_ordered_time != NULL) {
        struct slice text = {0};
        TRY(local_document_text(version.body, out_ordered_time, &text));
    }
    *out_existed = found;
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

/* -- Documents ------------------------------------------------------------------------------- */

static cordon_error *add_document(
    struct local_txn *txn,
    const struct store_id *id,
    double creation_time,
    struct slice logical,
    struct write **out_write)
{
    bool existed = false;
    uint64_t stored_time = 0;
    TRY(look(txn, logical, &existed, &stored_time));
    if (existed && stored_time != layout_ordered_double(creation_time)) {
        return cordon_error_new(
            CORDON_E_INVALID, "the creation time of a document differs from the stored one");
    }
    struct write *write = arena_alloc(&txn->arena, sizeof *write);
    if (write == NULL) {
        return error_no_memory();
    }
    *write = (struct write){
        .kind = LAYOUT_TOMBSTONE,
        .existed = existed,
        .is_document = true,
        .id = *id,
        .creation_time = creation_time,
    };
    struct layout_key index;
    layout_creation(&index, txn->tenant, id, creation_time);
    TRY(add_node(txn, layout_slice(&index), write, &write->index));
    struct skip_node *node = NULL;
    cordon_error *error = add_node(txn, logical, write, &node);
    if (error != NULL) {
        skip_remove(&txn->writes, write->index);
        return error;
    }
    write->logical = node->key;
    *out_write = write;
    return NULL;
}

/* A document made, removed and made again within one transaction may get another place. */
static cordon_error *move_document(struct local_txn *txn, struct write *write, double creation_time)
{
    if (layout_ordered_double(write->creation_time) == layout_ordered_double(creation_time)) {
        return NULL;
    }
    if (write->existed || write->kind == LAYOUT_LIVE) {
        return cordon_error_new(
            CORDON_E_INVALID, "the creation time of a document differs from the one before");
    }
    struct layout_key index;
    layout_creation(&index, txn->tenant, &write->id, creation_time);
    struct skip_node *moved = NULL;
    TRY(add_node(txn, layout_slice(&index), write, &moved));
    skip_remove(&txn->writes, write->index);
    write->index = moved;
    write->creation_time = creation_time;
    return NULL;
}

static cordon_error *document_write(
    struct local_txn *txn,
    const struct store_id *id,
    double creation_time,
    enum layout_kind kind,
    struct slice body)
{
    CORDON_ASSERT(txn->phase == TXN_OPEN);
    struct layout_key key;
    layout_document(&key, txn->tenant, id);
    struct slice copy = {0};
    TRY(copy_body(txn, body, &copy));
    struct write *write = local_write_find(txn, layout_slice(&key));
    if (write == NULL) {
        TRY(add_document(txn, id, creation_time, layout_slice(&key), &write));
    } else {
        TRY(move_document(txn, write, creation_time));
    }
    write->kind = kind;
    write->body = copy;
    return NULL;
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

/* -- Other rows ------------------------------------------------------------------------------ */

static cordon_error *add_row(struct local_txn *txn, struct slice logical, struct write **out_write)
{
    bool existed = false;
    TRY(look(txn, logical, &existed, NULL));
    struct write *write = arena_alloc(&txn->arena, sizeof *write);
    if (write == NULL) {
        return error_no_memory();
    }
    *write = (struct write){.kind = LAYOUT_TOMBSTONE, .existed = existed};
    struct skip_node *node = NULL;
    TRY(add_node(txn, logical, write, &node));
    write->logical = node->key;
    *out_write = write;
    return NULL;
}

cordon_error *local_write_row(
    struct local_txn *txn, struct slice logical, enum layout_kind kind, struct slice body)
{
    CORDON_ASSERT(txn->phase == TXN_OPEN);
    struct slice copy = {0};
    TRY(copy_body(txn, body, &copy));
    struct write *write = local_write_find(txn, logical);
    if (write == NULL) {
        TRY(add_row(txn, logical, &write));
    }
    write->kind = kind;
    write->body = copy;
    return NULL;
}
