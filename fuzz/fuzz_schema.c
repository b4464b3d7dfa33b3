/*
 * A schema from any text: it is refused with words, or each of its tables can be written and read
 * again as the same, and keeps to the bounds that the store counts on.
 */
#include "value/json.h"
#include "value/schema.h"
#include "value/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct json_limits limits = {
    .bytes_max = (size_t)1 << 24, .depth_max = JSON_DEPTH_MAX};

/* False, and the error freed, if there was one. */
static bool succeeded(cordon_error *error)
{
    if (error == NULL) {
        return true;
    }
    const char *words = cordon_error_get_message(error);
    CORDON_ASSERT(words[0] != '\0' && utf8_valid(slice_str(words)));
    cordon_error_free(error);
    return false;
}

static void check_bounds(const struct schema_table *table)
{
    CORDON_ASSERT(table->document != NULL);
    CORDON_ASSERT(table->index_count <= SCHEMA_INDEXES_MAX);
    for (size_t i = 0; i < table->index_count; i++) {
        CORDON_ASSERT(table->indexes[i].field_count > 0);
        CORDON_ASSERT(table->indexes[i].field_count <= SCHEMA_FIELDS_MAX);
    }
}

static void write_and_read(const struct schema_table *table, struct arena *arena)
{
    CORDON_CLEANUP_BUFFER struct buffer first;
    CORDON_CLEANUP_BUFFER struct buffer second;
    buffer_init(&first, (size_t)1 << 24);
    buffer_init(&second, (size_t)1 << 24);
    struct schema_table again;
    struct json_doc *doc = NULL;
    CORDON_ASSERT(succeeded(schema_table_write(table, &first)));
    if (!succeeded(json_parse(buffer_slice(&first), &limits, &doc))) {
        return; /* it takes more memory than that */
    }
    if (succeeded(schema_table_read(json_root(doc), arena, &again))) {
        CORDON_ASSERT(succeeded(schema_table_write(&again, &second)));
        CORDON_ASSERT(slice_equal(buffer_slice(&first), buffer_slice(&second)));
    } else {
        CORDON_ASSERT(arena->full);
    }
    json_free(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_doc *doc = NULL;
    if (!succeeded(json_parse(slice_of(data, size), &limits, &doc))) {
        return 0;
    }
    struct arena arena;
    arena_init(&arena, (size_t)1 << 24);
    struct schema schema;
    if (succeeded(schema_read(json_root(doc), &arena, &schema))) {
        for (size_t i = 0; i < schema.table_count; i++) {
            check_bounds(&schema.tables[i]);
            CORDON_ASSERT(schema_find(&schema, schema.tables[i].name) == &schema.tables[i]);
            write_and_read(&schema.tables[i], &arena);
        }
    }
    arena_done(&arena);
    json_free(doc);
    return 0;
}
