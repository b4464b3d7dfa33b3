/* Reading a query's JSON; see query.h. */
#include "query/query.h"

#include "value/name.h"

static bool read_table(struct slice table, struct query_fault *fault)
{
    if (!name_is_identifier(table)) {
        return query_fail(
            fault, "InvalidArgument",
            "the source names no table; table names are 1 to 64 "
            "letters, digits and `_`, beginning with a letter.");
    }
    if (name_is_system_table(table)) {
        return query_fail(
            fault, "SystemTableError", "System tables can only be accessed with db.system.");
    }
    return true;
}

/* "table.index" */
static bool read_index_name(struct slice name, struct query *query, struct query_fault *fault)
{
    const uint8_t *dot = name.size == 0 ? NULL : memchr(name.data, '.', name.size);
    const size_t table_size = dot == NULL ? 0 : (size_t)(dot - name.data);
    query->table = slice_of(name.data, table_size);
    if (dot != NULL) {
        query->index = slice_from(name, table_size + 1);
    }
    if (!name_is_identifier(query->index)) {
        return query_fail(
            fault, "InvalidArgument",
            "`indexName` is a table and an index of it, such as \"messages.by_author\".");
    }
    return read_table(query->table, fault);
}

static bool read_bound(
    const struct json_node *node,
    struct arena *arena,
    struct query_bound *bound,
    struct query_fault *fault)
{
    static const char *const ops[] = {
        [QUERY_EQ] = "Eq", [QUERY_GT] = "Gt",   [QUERY_GTE] = "Gte",
        [QUERY_LT] = "Lt", [QUERY_LTE] = "Lte",
    };
    const struct slice type = json_string(json_get(node, SLICE("type")));
    size_t op = 0;
    while (op < sizeof ops / sizeof ops[0] && !slice_equal(type, slice_str(ops[op]))) {
        op++;
    }
    *bound = (struct query_bound){
        .op = (enum query_bound_op)op,
        .path = json_string(json_get(node, SLICE("fieldPath"))),
    };
    if (op == sizeof ops / sizeof ops[0] || bound->path.size == 0) {
        return query_fail(
            fault, "InvalidArgument",
            "a condition of a range must have a `type` of Eq, Gt, Gte, Lt or Lte, a `fieldPath` "
            "and a `value`.");
    }
    cordon_error *error =
        value_or_undefined_from_json(json_get(node, SLICE("value")), arena, &bound->value);
    return error == NULL || query_fail_error(fault, error);
}

static bool read_bounds(
    const struct json_node *range,
    struct arena *arena,
    struct query *query,
    struct query_fault *fault)
{
    const size_t count = json_count(range);
    if (json_kind(range) != JSON_ARRAY || count > QUERY_OPERATORS_MAX) {
        return query_fail(
            fault, "InvalidArgument", "`range` is an array of at most %d conditions.",
            QUERY_OPERATORS_MAX);
    }
    struct query_bound *bounds = arena_alloc(arena, (count + 1) * sizeof *bounds);
    if (bounds == NULL) {
        return query_fail_memory(fault);
    }
    struct json_walk walk = json_walk_items(range);
    for (size_t i = 0; i < count; i++) {
        if (!read_bound(json_next_item(&walk), arena, &bounds[i], fault)) {
            return false;
        }
    }
    query->bounds = bounds;
    query->bound_count = count;
    return true;
}

static bool read_order(
    const struct json_node *order, struct query *query, struct query_fault *fault)
{
    const struct slice text = json_string(order);
    const bool is_null = json_kind(order) == JSON_NULL || json_kind(order) == JSON_MISSING;
    query->descending = slice_equal(text, SLICE("desc"));
    if (is_null || query->descending || slice_equal(text, SLICE("asc"))) {
        return true;
    }
    return query_fail(fault, "InvalidArgument", "`order` is \"asc\", \"desc\" or null.");
}

static bool read_source(
    const struct json_node *source,
    struct arena *arena,
    struct query *query,
    struct query_fault *fault)
{
    const struct slice type = json_string(json_get(source, SLICE("type")));
    if (!read_order(json_get(source, SLICE("order")), query, fault)) {
        return false;
    }
    if (slice_equal(type, SLICE("FullTableScan"))) {
        query->table = json_string(json_get(source, SLICE("tableName")));
        return read_table(query->table, fault);
    }
    if (slice_equal(type, SLICE("IndexRange"))) {
        return read_index_name(json_string(json_get(source, SLICE("indexName"))), query, fault) &&
               read_bounds(json_get(source, SLICE("range")), arena, query, fault);
    }
    return query_fail(
        fault, "UnsupportedQuery",
        "this source can't be used; use `FullTableScan` or `IndexRange`.");
}

static bool read_operator(
    const struct json_node *node,
    struct arena *arena,
    struct query *query,
    struct query_operator *out,
    struct query_fault *fault)
{
    const struct json_node *filter = json_get(node, SLICE("filter"));
    if (filter != NULL) {
        query->has_filters = true;
        return filter_read(filter, arena, &query->filter_nodes, &out->filter, fault);
    }
    if (!json_u64(json_get(node, SLICE("limit")), &out->limit)) {
        return query_fail(
            fault, "InvalidArgument",
            "an operator must be {\"filter\": ...} or {\"limit\": n}, n a whole number.");
    }
    return true;
}

static bool read_operators(
    const struct json_node *operators,
    struct arena *arena,
    struct query *query,
    struct query_fault *fault)
{
    const size_t count = json_count(operators);
    if (json_kind(operators) != JSON_ARRAY || count > QUERY_OPERATORS_MAX) {
        return query_fail(
            fault, "InvalidArgument", "`operators` is an array of at most %d operators.",
            QUERY_OPERATORS_MAX);
    }
    query->operators = arena_alloc(arena, (count + 1) * sizeof query->operators[0]);
    if (query->operators == NULL) {
        return query_fail_memory(fault);
    }
    query->operator_count = count;
    struct json_walk walk = json_walk_items(operators);
    for (size_t i = 0; i < count; i++) {
        query->operators[i] = (struct query_operator){0};
        if (!read_operator(json_next_item(&walk), arena, query, &query->operators[i], fault)) {
            return false;
        }
    }
    return true;
}

bool query_read(
    const struct json_node *node,
    struct arena *arena,
    struct query *out_query,
    struct query_fault *fault)
{
    *out_query = (struct query){0};
    return read_source(json_get(node, SLICE("source")), arena, out_query, fault) &&
           read_operators(json_get(node, SLICE("operators")), arena, out_query, fault);
}

cordon_error *query_write_operators(const struct query *query, struct buffer *out)
{
    for (size_t i = 0; i < query->operator_count; i++) {
        const struct query_operator *one = &query->operators[i];
        if (one->filter != NULL) {
            TRY(buffer_append(out, SLICE("filter ")));
            TRY(filter_write(one->filter, out));
        } else {
            TRY(buffer_printf(out, "limit %llu ", (unsigned long long)one->limit));
        }
    }
    return NULL;
}
