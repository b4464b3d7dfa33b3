/*
 * Schemas: which tables there are, their indexes, and what their documents look like, in Convex's
 * schema JSON:
 *
 *     {"tables": [{"tableName": "messages",
 *                  "indexes": [{"indexDescriptor": "by_author", "fields": ["author.name"]}],
 *                  "searchIndexes": [], "vectorIndexes": [], "documentType": validator or null}],
 *      "schemaValidation": true}
 *
 * The text is a tenant's and as hostile as its module; what was read is immutable. The same form,
 * one table at a time, is what the store keeps of a schema.
 */
#ifndef VALUE_SCHEMA_H
#define VALUE_SCHEMA_H

#include "value/validator.h"

#define SCHEMA_TABLES_MAX 10000
#define SCHEMA_INDEXES_MAX 64 /* of a table */
#define SCHEMA_FIELDS_MAX 16  /* of an index */

struct schema_index {
    struct slice name;
    const struct slice *fields; /* paths, as value_at() takes them */
    size_t field_count;
    bool staged; /* filled and kept up, but not to be used yet */
};

struct schema_table {
    struct slice name;
    const struct schema_index *indexes; /* those of `indexes`, then those of `stagedDbIndexes` */
    size_t index_count;
    const struct validator *document; /* what users' fields must match; `any` if none is given */
    struct slice document_json;       /* its JSON; `null` for any */
};

struct schema {
    struct schema_table *tables; /* sorted by name */
    size_t table_count;
    bool validates; /* documents are held against the validators */
};

/*
 * Reads a whole schema into the arena; nothing is borrowed from the JSON.
 * Errors: CORDON_E_BAD_VALUE, which names table and index; those of validator_parse() and of the
 * arena.
 */
CORDON_MUST_USE cordon_error *schema_read(
    const struct json_node *json, struct arena *arena, struct schema *out_schema);

/* The same for one table of it. */
CORDON_MUST_USE cordon_error *schema_table_read(
    const struct json_node *json, struct arena *arena, struct schema_table *out_table);

/* Appends a table as it is read. Errors are those of buffer_append(). */
CORDON_MUST_USE cordon_error *schema_table_write(
    const struct schema_table *table, struct buffer *out);

/* By name; NULL: there is none. */
const struct schema_table *schema_find(const struct schema *schema, struct slice name);

/* Whether two indexes are on the same fields, in the same order. */
bool schema_index_has_fields_of(const struct schema_index *a, const struct schema_index *b);

#endif
