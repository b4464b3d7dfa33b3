/*
 * The indexes of a table at one time: read from its row and written to one, and what a document's
 * keys in them are. docs/layout.md has the form of the row.
 */
#ifndef STORE_INDEX_SET_H
#define STORE_INDEX_SET_H

#include "base/arena.h"
#include "store/store.h"
#include "value/value.h"

/* Sort keys of one document's fields in one index: escapes make a zero two bytes. */
#define INDEX_FIELDS_BYTES_MAX ((size_t)64 << 20)

/* The tree of a document's body. */
#define INDEX_TREE_BYTES_MAX ((size_t)256 << 20)

/* Never changed once it is made. */
struct index_set {
    struct index_set *older; /* of the same table, for older snapshots */
    uint64_t ts;             /* of the commit that made it */
    uint32_t next_number;    /* of the next index that is new */
    size_t count;
    struct store_index items[]; /* their texts lie behind, in the same block */
};

/* A set with copies of all texts. Errors: CORDON_E_NO_MEMORY. */
CORDON_MUST_USE cordon_error *index_set_new(
    const struct store_index *items,
    size_t count,
    uint32_t next_number,
    struct index_set **out_set);

/* It and all older ones. NULL accepted. */
void index_set_free(struct index_set *set);

/* The row of a set. Errors are those of buffer_append(). */
CORDON_MUST_USE cordon_error *index_set_write(const struct index_set *set, struct buffer *out);

/* Errors: CORDON_E_STORE for a row that is malformed; CORDON_E_NO_MEMORY. */
CORDON_MUST_USE cordon_error *index_set_read(struct slice row, struct index_set **out_set);

/* The newest set that the snapshot sees, from the newest on; NULL: the table has no indexes. */
const struct index_set *index_set_at(const struct index_set *newest, uint64_t snapshot);

/* By number; NULL: there is none. */
const struct store_index *index_set_find(const struct index_set *set, uint32_t number);

/* Whether two are on the same fields, under the same name. */
bool index_is_same(const struct store_index *a, const struct store_index *b);

/*
 * A document's body, taken apart so that its keys in several indexes can be made. The tree lives
 * in the arena. Errors: CORDON_E_STORE for a body that is no row; no memory.
 */
CORDON_MUST_USE cordon_error *index_parse_body(
    struct slice body, struct arena *arena, struct value *out_document);

/* Appends the sort keys of the index's fields. Errors are those of buffer_append(). */
CORDON_MUST_USE cordon_error *index_write_fields(
    const struct store_index *index, const struct value *document, struct buffer *out);

/* The same for a body. Errors are also those of index_parse_body(). */
CORDON_MUST_USE cordon_error *index_write_fields_of(
    const struct store_index *index, struct slice body, struct buffer *out);

#endif
