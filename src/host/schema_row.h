/*
 * What the store keeps of a schema, in KEYSPACE_MODULE of its tenant:
 *   "schema/" table u32 BE  {"now": TABLE, "next": TABLE}, of a table that a schema names
 *   "schema-unfit/" ID      true, of a document that was written and does not fit `next`
 * `now` holds; `next` is what a deploy that is under way will put in its place. Either may be null.
 * TABLE is as value/schema.h has it.
 *
 * Whoever writes a document has read its table's row, so a commit that changes the row is in
 * conflict with every write that was made without it. From the commit that makes `next` known,
 * each write is held against it too; one that does not match goes through, as it is right by the
 * functions that are there, and its document is noted under "schema-unfit/". Before it puts `next`
 * in the place of `now`, the deploy looks at those again, and is refused by one that still does not
 * fit: not by one that is gone or was mended since, nor by a write that was undone.
 */
#ifndef HOST_SCHEMA_ROW_H
#define HOST_SCHEMA_ROW_H

#include "base/arena.h"
#include "base/buffer.h"
#include "value/id.h"
#include "value/schema.h"

#define SCHEMA_ROW_PREFIX "schema/"
#define SCHEMA_UNFIT_PREFIX "schema-unfit/"

/* Of a row: two tables, each out of a section of at most 1 MiB, written without escapes. */
#define SCHEMA_ROW_BYTES_MAX ((size_t)16 << 20)

struct schema_row_key {
    uint8_t bytes[sizeof SCHEMA_ROW_PREFIX - 1 + 4];
};

struct schema_unfit_key {
    char text[sizeof SCHEMA_UNFIT_PREFIX - 1 + DOCUMENT_ID_TEXT_MAX + 1];
};

struct schema_row {
    const struct schema_table *now; /* NULL: none */
    const struct schema_table *next;
};

/* The slice borrows `key`. */
struct slice schema_row_key(struct schema_row_key *key, uint32_t table);

/* The table of such a key; false: it is another. */
bool schema_row_is_key(struct slice key, uint32_t *out_table);

/* The same for a document that does not fit; false too: the id is damaged. */
struct slice schema_unfit_key(struct schema_unfit_key *key, const struct document_id *id);
bool schema_unfit_is_key(struct slice key, struct document_id *out_id);

/* Errors are those of buffer_append(). */
CORDON_MUST_USE cordon_error *schema_row_write(const struct schema_row *row, struct buffer *out);

/*
 * Both tables live in the arena. `account` pays for the JSON while it is read; NULL: nobody.
 * Errors: CORDON_E_STORE for a row that is damaged; those of the arena and of account_error().
 */
CORDON_MUST_USE cordon_error *schema_row_read(
    struct slice bytes, struct arena *arena, struct account *account, struct schema_row *out_row);

/* Whether two are alike to the byte; NULL is alike to NULL alone. */
bool schema_same_documents(const struct schema_table *a, const struct schema_table *b);

#endif
