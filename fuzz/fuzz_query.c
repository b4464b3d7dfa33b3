/* Queries: their JSON, and the ends of their ranges in an index that has the fields they name. */
#include "query/range.h"

#include "value/document.h"

static void make_range(const struct query *query)
{
    struct slice fields[16];
    size_t count = 0;
    for (size_t i = 0; i < query->bound_count && count < 16; i++) {
        const struct slice path = query->bounds[i].path;
        const bool is_systems = path.size > 0 && path.data[0] == '_'; /* every index ends so */
        const bool is_there = count > 0 && slice_equal(path, fields[count - 1]);
        if (!is_systems && !is_there) {
            fields[count++] = path;
        }
    }
    const struct query_index index = {.fields = fields, .field_count = count, .table = 10001};
    struct buffer low;
    struct buffer high;
    struct query_fault fault;
    bool empty = false;
    buffer_init(&low, (size_t)1 << 24);
    buffer_init(&high, (size_t)1 << 24);
    if (query_range(query, &index, &low, &high, &empty, &fault) && !empty && high.size > 0) {
        CORDON_ASSERT(slice_compare(buffer_slice(&low), buffer_slice(&high)) < 0);
    }
    buffer_done(&low);
    buffer_done(&high);
}

static void ask_filters(const struct query *query, struct arena *arena)
{
    struct value document = {0};
    cordon_error *error = value_parse(
        SLICE("{\"a\":1,\"b\":{\"c\":\"x\"},\"t\":true,\"i\":{\"$integer\":\"AQAAAAAAAAA=\"}}"),
        arena, &document);
    for (size_t i = 0; error == NULL && i < query->operator_count; i++) {
        struct query_fault fault;
        bool matches = false;
        if (query->operators[i].filter != NULL) {
            (void)!filter_matches(query->operators[i].filter, &document, &matches, &fault);
        }
    }
    cordon_error_free(error);
}

/* What stands in the seal of a cursor: the same each time. */
static void write_operators(const struct query *query)
{
    CORDON_CLEANUP_BUFFER struct buffer first;
    CORDON_CLEANUP_BUFFER struct buffer second;
    buffer_init(&first, (size_t)1 << 24);
    buffer_init(&second, (size_t)1 << 24);
    cordon_error *error = query_write_operators(query, &first);
    if (error == NULL) {
        error = query_write_operators(query, &second);
    }
    CORDON_ASSERT(error == NULL && slice_equal(buffer_slice(&first), buffer_slice(&second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct json_limits limits = {.bytes_max = (size_t)1 << 24, .depth_max = 72};
    struct json_doc *doc = NULL;
    cordon_error *error = json_parse(slice_of(data, size), &limits, &doc);
    if (error != NULL) {
        cordon_error_free(error);
        return 0;
    }
    struct arena arena;
    arena_init(&arena, (size_t)1 << 24);
    struct query query;
    struct query_fault fault;
    if (query_read(json_root(doc), &arena, &query, &fault)) {
        make_range(&query);
        ask_filters(&query, &arena);
        write_operators(&query);
    }
    arena_done(&arena);
    json_free(doc);
    return 0;
}
