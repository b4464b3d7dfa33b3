/* Reading schema JSON, and writing it again a table at a time; see schema.h. */
#include "value/schema.h"

#include "value/json.h"
#include "value/name.h"
#include "value/printable.h"

/* Of the JSON of one validator; a schema's text is smaller than that. */
#define VALIDATOR_BYTES_MAX ((size_t)64 << 20)

/* -- Errors --------------------------------------------------------------------------------- */

#define bad(...) cordon_error_new(CORDON_E_BAD_VALUE, __VA_ARGS__)

/* Puts the table's name in front of an error, which it takes over. */
static cordon_error *name_table(struct slice table, cordon_error *error)
{
    if (error == NULL || cordon_error_get_code(error) == CORDON_E_NO_MEMORY ||
        cordon_error_get_code(error) == CORDON_E_TOO_LARGE) {
        return error;
    }
    CORDON_CLEANUP(cordon_error_freep) cordon_error *owned = error;
    return bad("table \"%s\": %s", printable(table).text, cordon_error_get_message(owned));
}

static cordon_error *copy(struct arena *arena, struct slice text, struct slice *out_copy)
{
    *out_copy = arena_copy(arena, text);
    return out_copy->data == NULL ? arena_error(arena) : NULL;
}

static cordon_error *new_row(struct arena *arena, size_t count, size_t item_size, void **out_row)
{
    *out_row = arena_alloc(arena, (count + 1) * item_size);
    return *out_row == NULL ? arena_error(arena) : NULL;
}

/* -- Indexes -------------------------------------------------------------------------------- */

static cordon_error *check_index_name(struct slice name)
{
    if (!name_is_identifier(name) || name.data[0] == '_') {
        return bad(
            "\"%s\" is no name of an index: they are 1 to 64 letters, digits and `_`, beginning "
            "with a letter",
            printable(name).text);
    }
    if (slice_equal(name, SLICE("by_id")) || slice_equal(name, SLICE("by_creation_time"))) {
        return bad("the index \"%s\" is one that every table has", printable(name).text);
    }
    return NULL;
}

static cordon_error *check_field(const struct schema_index *index, struct slice path)
{
    if (path.size > 0 && path.data[0] == '_') {
        return bad(
            "the index \"%s\" has the system's field `%s`; each index ends with `_creationTime` "
            "and `_id` by itself",
            printable(index->name).text, printable(path).text);
    }
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = name_check_field_path(path);
    if (error != NULL) {
        return bad(
            "a field of the index \"%s\": %s", printable(index->name).text,
            cordon_error_get_message(error));
    }
    for (size_t i = 0; i < index->field_count; i++) {
        if (slice_equal(index->fields[i], path)) {
            return bad(
                "the index \"%s\" has the field `%s` twice", printable(index->name).text,
                printable(path).text);
        }
    }
    return NULL;
}

static cordon_error *read_fields(
    const struct json_node *list, struct arena *arena, struct schema_index *index)
{
    const size_t count = json_count(list);
    if (json_kind(list) != JSON_ARRAY || count == 0 || count > SCHEMA_FIELDS_MAX) {
        return bad(
            "the index \"%s\" needs an array `fields` of 1 to %d paths",
            printable(index->name).text, SCHEMA_FIELDS_MAX);
    }
    void *row = NULL;
    TRY(new_row(arena, count, sizeof(struct slice), &row));
    struct slice *fields = row;
    index->fields = fields;
    struct json_walk walk = json_walk_items(list);
    while (index->field_count < count) {
        const struct slice path = json_string(json_next_item(&walk));
        TRY(check_field(index, path));
        TRY(copy(arena, path, &fields[index->field_count]));
        index->field_count++;
    }
    return NULL;
}

bool schema_index_has_fields_of(const struct schema_index *a, const struct schema_index *b)
{
    bool same = a->field_count == b->field_count;
    for (size_t i = 0; same && i < a->field_count; i++) {
        same = slice_equal(a->fields[i], b->fields[i]);
    }
    return same;
}

/* Against those of the table that were read before it. */
static cordon_error *check_unlike(
    const struct schema_index *others, size_t count, const struct schema_index *index)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(others[i].name, index->name)) {
            return bad("two indexes have the name \"%s\"", printable(index->name).text);
        }
        if (schema_index_has_fields_of(&others[i], index)) {
            return bad(
                "the indexes \"%s\" and \"%s\" have the same fields; one of them is enough",
                printable(others[i].name).text, printable(index->name).text);
        }
    }
    return NULL;
}

static cordon_error *read_indexes(
    const struct json_node *list, struct arena *arena, struct schema_table *table)
{
    const size_t count = json_count(list);
    if (json_kind(list) != JSON_ARRAY || count > SCHEMA_INDEXES_MAX) {
        return bad("`indexes` must be an array of at most %d indexes", SCHEMA_INDEXES_MAX);
    }
    void *row = NULL;
    TRY(new_row(arena, count, sizeof(struct schema_index), &row));
    struct schema_index *indexes = row;
    table->indexes = indexes;
    struct json_walk walk = json_walk_items(list);
    while (table->index_count < count) {
        const struct json_node *item = json_next_item(&walk);
        const struct slice name = json_string(json_get(item, SLICE("indexDescriptor")));
        struct schema_index *index = &indexes[table->index_count];
        *index = (struct schema_index){.field_count = 0};
        TRY(check_index_name(name));
        TRY(copy(arena, name, &index->name));
        TRY(read_fields(json_get(item, SLICE("fields")), arena, index));
        TRY(check_unlike(indexes, table->index_count, index));
        table->index_count++;
    }
    return NULL;
}

/* What other hosts have and this one does not: it would be missed without a word. */
static cordon_error *check_absent(const struct json_node *json)
{
    static const char *const lists[] = {
        "searchIndexes",       "vectorIndexes",       "stagedDbIndexes",
        "stagedSearchIndexes", "stagedVectorIndexes",
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const struct json_node *list = json_get(json, slice_str(lists[i]));
        const enum json_kind kind = json_kind(list);
        const bool is_empty = kind == JSON_ARRAY && json_count(list) == 0;
        if (!is_empty && kind != JSON_MISSING && kind != JSON_NULL) {
            return bad("`%s` are not there yet; leave them out", lists[i]);
        }
    }
    return NULL;
}

/* -- Tables --------------------------------------------------------------------------------- */

static cordon_error *read_document(
    const struct json_node *json, struct arena *arena, struct schema_table *table)
{
    const struct json_node *type = json_get(json, SLICE("documentType"));
    TRY(validator_parse_document(type, arena, &table->document));
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, VALIDATOR_BYTES_MAX);
    TRY(type == NULL ? buffer_append(&text, SLICE("null")) : json_write_node(&text, type));
    return copy(arena, buffer_slice(&text), &table->document_json);
}

static cordon_error *read_parts(
    const struct json_node *json, struct arena *arena, struct schema_table *table)
{
    TRY(check_absent(json));
    TRY(read_indexes(json_get(json, SLICE("indexes")), arena, table));
    return read_document(json, arena, table);
}

cordon_error *schema_table_read(
    const struct json_node *json, struct arena *arena, struct schema_table *out_table)
{
    struct schema_table table = {.index_count = 0};
    const struct slice name = json_string(json_get(json, SLICE("tableName")));
    if (!name_is_identifier(name) || name_is_system_table(name)) {
        return bad(
            "`tableName` \"%s\" is no name of a table: they are 1 to 64 letters, digits and `_`, "
            "beginning with a letter",
            printable(name).text);
    }
    TRY(copy(arena, name, &table.name));
    TRY(name_table(name, read_parts(json, arena, &table)));
    *out_table = table;
    return NULL;
}

static cordon_error *write_index(const struct schema_index *index, struct buffer *out)
{
    TRY(json_write_comma(out));
    TRY(buffer_append_byte(out, '{'));
    TRY(json_write_key(out, SLICE("indexDescriptor")));
    TRY(json_write_string(out, index->name));
    TRY(json_write_key(out, SLICE("fields")));
    TRY(buffer_append_byte(out, '['));
    for (size_t i = 0; i < index->field_count; i++) {
        TRY(json_write_comma(out));
        TRY(json_write_string(out, index->fields[i]));
    }
    return buffer_append(out, SLICE("]}"));
}

cordon_error *schema_table_write(const struct schema_table *table, struct buffer *out)
{
    TRY(buffer_append_byte(out, '{'));
    TRY(json_write_key(out, SLICE("tableName")));
    TRY(json_write_string(out, table->name));
    TRY(json_write_key(out, SLICE("indexes")));
    TRY(buffer_append_byte(out, '['));
    for (size_t i = 0; i < table->index_count; i++) {
        TRY(write_index(&table->indexes[i], out));
    }
    TRY(buffer_append(out, SLICE("],\"documentType\":")));
    TRY(buffer_append(out, table->document_json));
    return buffer_append_byte(out, '}');
}

/* -- All of them ---------------------------------------------------------------------------- */

static int compare_tables(const void *a, const void *b)
{
    const struct schema_table *left = a;
    const struct schema_table *right = b;
    return slice_compare(left->name, right->name);
}

static cordon_error *read_tables(
    const struct json_node *list, struct arena *arena, struct schema *schema)
{
    const size_t count = json_count(list);
    if (json_kind(list) != JSON_ARRAY || count > SCHEMA_TABLES_MAX) {
        return bad("`tables` must be an array of at most %d tables", SCHEMA_TABLES_MAX);
    }
    void *row = NULL;
    TRY(new_row(arena, count, sizeof(struct schema_table), &row));
    schema->tables = row;
    struct json_walk walk = json_walk_items(list);
    for (; schema->table_count < count; schema->table_count++) {
        TRY(schema_table_read(json_next_item(&walk), arena, &schema->tables[schema->table_count]));
    }
    qsort(schema->tables, count, sizeof *schema->tables, compare_tables);
    for (size_t i = 1; i < count; i++) {
        if (slice_equal(schema->tables[i - 1].name, schema->tables[i].name)) {
            return bad("two tables have the name \"%s\"", printable(schema->tables[i].name).text);
        }
    }
    return NULL;
}

cordon_error *schema_read(
    const struct json_node *json, struct arena *arena, struct schema *out_schema)
{
    struct schema schema = {.validates = true};
    const struct json_node *validates = json_get(json, SLICE("schemaValidation"));
    if (json_kind(json) != JSON_OBJECT) {
        return bad("a schema is an object with `tables` and `schemaValidation`");
    }
    if (validates != NULL && json_kind(validates) != JSON_BOOL) {
        return bad("`schemaValidation` must be true or false");
    }
    schema.validates = validates == NULL || json_is_true(validates);
    TRY(read_tables(json_get(json, SLICE("tables")), arena, &schema));
    *out_schema = schema;
    return NULL;
}

const struct schema_table *schema_find(const struct schema *schema, struct slice name)
{
    const struct schema_table wanted = {.name = name};
    return schema == NULL || schema->table_count == 0
               ? NULL
               : bsearch(
                     &wanted, schema->tables, schema->table_count, sizeof wanted, compare_tables);
}
