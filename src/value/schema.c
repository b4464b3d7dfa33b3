/* Reading schema JSON, and writing it again a table at a time; see schema.h. */
#include "value/schema.h"

#include "value/json.h"
#include "value/name.h"
#include "value/printable.h"

/* Of the JSON of one validator; a schema's text is smaller than that. */
#define VALIDATOR_BYTES_MAX ((size_t)64 << 20)

/* -- Errors --------------------------------------------------------------------------------- */

#define bad(...) cordon_error_new(CORDON_E_BAD_VALUE, __VA_ARGS__)

static bool is_about_text(const cordon_error *error)
{
    const cordon_error_code code = cordon_error_get_code(error);
    return code != CORDON_E_NO_MEMORY && code != CORDON_E_TOO_LARGE;
}

/* Puts the table's name in front of an error, which it takes over. */
static cordon_error *name_table(struct slice table, cordon_error *error)
{
    if (error == NULL || !is_about_text(error)) {
        return error;
    }
    CORDON_CLEANUP(cordon_error_freep) cordon_error *owned = error;
    return bad("In table \"%s\": %s", printable(table).text, cordon_error_get_message(owned));
}

static cordon_error *name_index(struct slice index, cordon_error *error)
{
    if (error == NULL || !is_about_text(error)) {
        return error;
    }
    CORDON_CLEANUP(cordon_error_freep) cordon_error *owned = error;
    return bad("In index \"%s\": %s", printable(index).text, cordon_error_get_message(owned));
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

static cordon_error *check_index_name(const struct schema_table *table, struct slice name)
{
    if (!name_is_identifier(name)) {
        return bad(
            "Invalid index name: \"%s\". Identifiers must be 64 characters or less, start with a "
            "letter, and only contain letters, digits, underscores.",
            printable(name).text);
    }
    if (name.data[0] == '_' || slice_equal(name, SLICE("by_id")) ||
        slice_equal(name, SLICE("by_creation_time"))) {
        return bad(
            "In table \"%s\" cannot name an index \"%s\" because the name is reserved. Indexes may "
            "not start with an underscore or be named \"by_id\" or \"by_creation_time\".",
            printable(table->name).text, printable(name).text);
    }
    return NULL;
}

static cordon_error *check_not_reserved(struct slice path)
{
    if (slice_equal(path, SLICE("_id"))) {
        return bad("`_id` is not a valid index field. To load documents by ID, use `db.get(id)`.");
    }
    if (slice_equal(path, SLICE("_creationTime"))) {
        return bad(
            "`_creationTime` is automatically added to the end of each index. It should not be "
            "added explicitly in the index definition.");
    }
    if (path.size > 0 && (path.data[0] == '_' || memmem(path.data, path.size, "._", 2) != NULL)) {
        return bad("Reserved fields (starting with `_`) are not allowed in indexes.");
    }
    return NULL;
}

static cordon_error *check_field(const struct schema_index *index, struct slice path)
{
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = name_check_field_path(path);
    if (error != NULL) {
        return bad(
            "Invalid index field: \"%s\": %s", printable(path).text,
            cordon_error_get_message(error));
    }
    TRY(check_not_reserved(path));
    for (size_t i = 0; i < index->field_count; i++) {
        if (slice_equal(index->fields[i], path)) {
            return bad(
                "Duplicate field \"%s\". Index fields must be unique within an index.",
                printable(path).text);
        }
    }
    return NULL;
}

static cordon_error *read_fields(
    const struct json_node *list, struct arena *arena, struct schema_index *index)
{
    const size_t count = json_count(list);
    if (json_kind(list) != JSON_ARRAY) {
        return bad("`fields` must be an array of paths of fields");
    }
    if (count > SCHEMA_FIELDS_MAX) {
        return bad("Indexes may have up to %d fields.", SCHEMA_FIELDS_MAX);
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
    const struct schema_table *table, const struct schema_index *index)
{
    for (size_t i = 0; i < table->index_count; i++) {
        const struct schema_index *other = &table->indexes[i];
        if (slice_equal(other->name, index->name)) {
            return bad(
                "Table \"%s\" has two or more definitions of index \"%s\".",
                printable(table->name).text, printable(index->name).text);
        }
        if (schema_index_has_fields_of(other, index)) {
            return bad(
                "In table \"%s\" index \"%s\" and index \"%s\" have the same fields. Indexes must "
                "be unique within a table.",
                printable(table->name).text, printable(other->name).text,
                printable(index->name).text);
        }
    }
    return NULL;
}

static cordon_error *read_index(
    const struct json_node *json,
    struct arena *arena,
    const struct schema_table *table,
    struct schema_index *index)
{
    const struct slice name = json_string(json_get(json, SLICE("indexDescriptor")));
    const struct json_node *fields = json_get(json, SLICE("fields"));
    *index = (struct schema_index){.field_count = 0};
    TRY(check_index_name(table, name));
    TRY(copy(arena, name, &index->name));
    TRY(name_table(table->name, name_index(name, read_fields(fields, arena, index))));
    if (index->field_count == 0) {
        return bad(
            "In table \"%s\" index \"%s\" must have at least one field.",
            printable(table->name).text, printable(name).text);
    }
    return check_unlike(table, index);
}

/* A list of indexes, behind those that the table has. */
static cordon_error *read_list(
    const struct json_node *list,
    bool staged,
    struct arena *arena,
    struct schema_table *table,
    struct schema_index *indexes)
{
    struct json_walk walk = json_walk_items(list);
    for (const struct json_node *item = json_next_item(&walk); item != NULL;
         item = json_next_item(&walk)) {
        struct schema_index *index = &indexes[table->index_count];
        TRY(read_index(item, arena, table, index));
        index->staged = staged;
        table->index_count++;
    }
    return NULL;
}

static cordon_error *read_indexes(
    const struct json_node *list,
    const struct json_node *staged,
    struct arena *arena,
    struct schema_table *table)
{
    const bool has_staged = json_kind(staged) != JSON_MISSING && json_kind(staged) != JSON_NULL;
    const size_t count = json_count(list) + json_count(staged);
    if (json_kind(list) != JSON_ARRAY || (has_staged && json_kind(staged) != JSON_ARRAY)) {
        return bad(
            "In table \"%s\": `%s` must be an array of indexes", printable(table->name).text,
            json_kind(list) != JSON_ARRAY ? "indexes" : "stagedDbIndexes");
    }
    if (count > SCHEMA_INDEXES_MAX) {
        return bad(
            "Table \"%s\" cannot have more than %d indexes.", printable(table->name).text,
            SCHEMA_INDEXES_MAX);
    }
    void *row = NULL;
    TRY(new_row(arena, count, sizeof(struct schema_index), &row));
    table->indexes = row;
    TRY(read_list(list, false, arena, table, row));
    return read_list(staged, true, arena, table, row);
}

/* What other hosts have and this one does not: it would be missed without a word. */
static cordon_error *check_absent(const struct json_node *json)
{
    static const char *const lists[] = {
        "searchIndexes",
        "vectorIndexes",
        "stagedSearchIndexes",
        "stagedVectorIndexes",
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
    TRY(name_table(table->name, check_absent(json)));
    TRY(read_indexes(
        json_get(json, SLICE("indexes")), json_get(json, SLICE("stagedDbIndexes")), arena, table));
    return name_table(table->name, read_document(json, arena, table));
}

cordon_error *schema_table_read(
    const struct json_node *json, struct arena *arena, struct schema_table *out_table)
{
    struct schema_table table = {.index_count = 0};
    const struct slice name = json_string(json_get(json, SLICE("tableName")));
    if (!name_is_identifier(name)) {
        return bad(
            "Invalid table name: \"%s\". Identifiers must start with a letter and can only contain "
            "letters, digits, and underscores.",
            printable(name).text);
    }
    if (name_is_system_table(name)) {
        return bad("%s is a reserved table name.", printable(name).text);
    }
    TRY(copy(arena, name, &table.name));
    TRY(read_parts(json, arena, &table));
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

static cordon_error *write_list(const struct schema_table *table, bool staged, struct buffer *out)
{
    TRY(buffer_append_byte(out, '['));
    for (size_t i = 0; i < table->index_count; i++) {
        if (table->indexes[i].staged == staged) {
            TRY(write_index(&table->indexes[i], out));
        }
    }
    return buffer_append_byte(out, ']');
}

static bool has_staged(const struct schema_table *table)
{
    return table->index_count > 0 && table->indexes[table->index_count - 1].staged;
}

cordon_error *schema_table_write(const struct schema_table *table, struct buffer *out)
{
    TRY(buffer_append_byte(out, '{'));
    TRY(json_write_key(out, SLICE("tableName")));
    TRY(json_write_string(out, table->name));
    TRY(json_write_key(out, SLICE("indexes")));
    TRY(write_list(table, false, out));
    if (has_staged(table)) {
        TRY(json_write_key(out, SLICE("stagedDbIndexes")));
        TRY(write_list(table, true, out));
    }
    TRY(buffer_append(out, SLICE(",\"documentType\":")));
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
