/*
 * A group: entries of an index whose fields are alike as far as a key keeps them. Their full keys
 * are made from the documents, those of the snapshot and the transaction's own, and put in order.
 * A document that the transaction writes while a scan is in the group makes it gather again, from
 * behind what was given out.
 *
 * A group may be large, and a call of the store must not be long: some members are gathered in one
 * call, which is then pending, and rung for at once.
 */
#include "store/local.h"

#include "base/memory.h"

#include <stdlib.h>

/* Full keys of one group: some ten thousand, which are put in order within some milliseconds. */
#define KEYS_BYTES_MAX ((size_t)16 << 20)
#define BODY_BYTES_MAX ((size_t)80 << 20)

/* Members gathered in one call. */
#define GATHER_ROWS 256

struct member {
    size_t at; /* its full key, in `keys` */
    size_t size;
    struct slice key; /* the same, once all are gathered */
    struct store_id id;
};

struct local_group {
    struct local_txn *txn;
    struct local_group_range range;
    bool gathered;
    struct layout_key from;   /* what is not gathered yet */
    uint64_t document_writes; /* of the transaction, when the gathering began */
    struct buffer keys;
    struct buffer members; /* of struct member, in order */
    size_t next;
    struct buffer position; /* the full key given out last */
    struct buffer body;
};

/* -- Gathering ------------------------------------------------------------------------------- */

/* Whether the full key is in the scan's range, and not behind it. */
static bool is_wanted(const struct local_group *group, struct slice full)
{
    const struct slice position = buffer_slice(&group->position);
    if (slice_compare(full, group->range.full_low) < 0 ||
        (group->range.full_high.size > 0 && slice_compare(full, group->range.full_high) >= 0)) {
        return false;
    }
    const int order = position.size == 0 ? 0 : slice_compare(full, position);
    return position.size == 0 || (group->range.order == STORE_ASCENDING ? order > 0 : order < 0);
}

static cordon_error *add_member(struct local_group *group, struct slice logical, struct slice body)
{
    struct member member = {.at = group->keys.size};
    CORDON_ASSERT(layout_document_of(logical, &member.id));
    TRY(index_write_fields_of(group->range.index, body, &group->keys));
    TRY(buffer_append(&group->keys, slice_from(logical, logical.size - LAYOUT_PLACE_BYTES)));
    member.size = group->keys.size - member.at;
    if (!is_wanted(group, slice_of(group->keys.data + member.at, member.size))) {
        group->keys.size = member.at;
        return NULL;
    }
    return buffer_append(&group->members, slice_of(&member, sizeof member));
}

/* The next rows of the snapshot that no own write covers; `*out_more`: there may be others. */
static cordon_error *gather_keys(
    struct local_group *group, struct reading *reading, struct buffer *keys, bool *out_more)
{
    struct walk walk;
    walk_begin(
        &walk, reading, group->txn->snapshot, STORE_ASCENDING, layout_slice(&group->from),
        layout_slice(&group->range.high));
    *out_more = true;
    for (size_t rows = 0; rows < GATHER_ROWS; rows++) {
        bool found = false;
        struct version entry;
        TRY(walk_next(&walk, &found, &entry));
        if (!found) {
            *out_more = false;
            return NULL;
        }
        layout_set(&group->from, entry.logical);
        layout_after_prefix(&group->from);
        if (local_write_find(group->txn, entry.logical) == NULL) {
            TRY(buffer_append(keys, entry.logical)); /* all of the same size */
        }
    }
    return NULL;
}

static cordon_error *gather_stored(struct local_group *group, bool *out_more)
{
    CORDON_CLEANUP(reading_done) struct reading reading = local_reading(group->txn);
    CORDON_CLEANUP_BUFFER struct buffer keys;
    buffer_init(&keys, KEYS_BYTES_MAX);
    TRY(gather_keys(group, &reading, &keys, out_more));
    const size_t size = group->range.low.size + LAYOUT_PLACE_BYTES;
    for (size_t at = 0; at < keys.size; at += size) {
        struct slice text = {0};
        const struct slice logical = slice_of(keys.data + at, size);
        TRY(local_entry_text(group->txn, &reading, logical, &text));
        TRY(add_member(group, logical, text));
    }
    return local_check_snapshot(group->txn);
}

static cordon_error *gather_own(struct local_group *group)
{
    const struct skip_node *node = skip_seek(&group->txn->writes, layout_slice(&group->range.low));
    for (; node != NULL && slice_compare(node->key, layout_slice(&group->range.high)) < 0;
         node = skip_next(node)) {
        const struct write *write = node->item;
        if (write->kind == LAYOUT_LIVE) {
            TRY(add_member(group, node->key, write->document->body));
        }
    }
    return NULL;
}

static int compare_members(const void *a, const void *b)
{
    return slice_compare(((const struct member *)a)->key, ((const struct member *)b)->key);
}

static struct member *members(const struct local_group *group)
{
    return (void *)group->members.data;
}

static size_t member_count(const struct local_group *group)
{
    return group->members.size / sizeof(struct member);
}

static cordon_error *too_large(cordon_error *error)
{
    if (cordon_error_get_code(error) != CORDON_E_TOO_LARGE) {
        return error;
    }
    cordon_error_free(error);
    return cordon_error_new(
        CORDON_E_TOO_LARGE,
        "too many documents are alike in the first %d bytes of an index to be put in order; "
        "index a shorter field",
        LAYOUT_FIELDS_BYTES_MAX);
}

static void put_in_order(struct local_group *group)
{
    for (size_t i = 0; i < member_count(group); i++) {
        struct member *member = &members(group)[i];
        member->key = slice_of(group->keys.data + member->at, member->size);
    }
    if (member_count(group) > 1) {
        qsort(group->members.data, member_count(group), sizeof(struct member), compare_members);
    }
}

/* Forgets the members: they are gathered from the beginning. */
static void begin_gathering(struct local_group *group)
{
    buffer_clear(&group->keys);
    buffer_clear(&group->members);
    group->next = 0;
    group->gathered = false;
    group->from = group->range.low;
    group->document_writes = group->txn->document_writes;
}

/* A part of the work; the group is gathered when there is no more. */
static cordon_error *gather(struct local_group *group)
{
    bool more = false;
    cordon_error *error = gather_stored(group, &more);
    if (error == NULL && !more) {
        error = gather_own(group);
    }
    if (error != NULL) {
        return too_large(error);
    }
    if (!more) {
        put_in_order(group);
        group->gathered = true;
    }
    return NULL;
}

/* -- Giving out ------------------------------------------------------------------------------ */

static cordon_error *copy_body(struct local_group *group, const struct store_id *id)
{
    struct layout_key key;
    layout_document(&key, group->txn->tenant, id);
    buffer_clear(&group->body);
    const struct write *own = local_write_find(group->txn, layout_slice(&key));
    if (own != NULL) {
        return buffer_append(&group->body, own->body);
    }
    CORDON_CLEANUP(reading_done) struct reading reading = local_reading(group->txn);
    struct slice text = {0};
    TRY(local_entry_text(group->txn, &reading, layout_slice(&key), &text));
    TRY(buffer_append(&group->body, text));
    return local_check_snapshot(group->txn);
}

/* The caller asks again: who rings is the one who is called. */
static void ring(struct local_group *group)
{
    const struct store_wake *wake = &group->txn->waiter.wake;
    wake->call(wake->arg);
}

cordon_error *local_group_next(
    struct local_group *group, enum store_step *out_step, bool *out_found, struct slice *out_body)
{
    if (group->document_writes != group->txn->document_writes) {
        begin_gathering(group);
    }
    if (!group->gathered) {
        TRY(gather(group));
    }
    *out_step = group->gathered ? STORE_DONE : STORE_PENDING;
    if (!group->gathered) {
        ring(group);
        return NULL;
    }
    const size_t count = member_count(group);
    *out_found = group->next < count;
    if (!*out_found) {
        return NULL;
    }
    const bool ascending = group->range.order == STORE_ASCENDING;
    const struct member *member =
        &members(group)[ascending ? group->next : count - 1 - group->next];
    TRY(copy_body(group, &member->id));
    buffer_clear(&group->position);
    TRY(buffer_append(&group->position, member->key));
    group->next++;
    *out_body = buffer_slice(&group->body);
    return NULL;
}

/* -- Life ------------------------------------------------------------------------------------ */

void local_group_free(struct local_group *group)
{
    if (group != NULL) {
        buffer_done(&group->keys);
        buffer_done(&group->members);
        buffer_done(&group->position);
        buffer_done(&group->body);
        mem_free(group);
    }
}

size_t local_group_bytes(const struct local_group *group)
{
    return group == NULL ? 0
                         : sizeof *group + group->keys.capacity + group->members.capacity +
                               group->position.capacity + group->body.capacity;
}

cordon_error *local_group_new(
    struct local_txn *txn, const struct local_group_range *range, struct local_group **out_group)
{
    struct local_group *group = MEM_NEW(struct local_group);
    if (group == NULL) {
        return error_no_memory();
    }
    group->txn = txn;
    group->range = *range;
    buffer_init(&group->keys, KEYS_BYTES_MAX);
    buffer_init(&group->members, KEYS_BYTES_MAX);
    buffer_init(&group->position, KEYS_BYTES_MAX);
    buffer_init(&group->body, BODY_BYTES_MAX);
    begin_gathering(group);
    *out_group = group;
    return NULL;
}
