/* Filters: read into a tree, which is then asked of each document; see filter.h. */
#include "query/filter.h"

#include "value/name.h"
#include "value/sortkey.h"

#include <math.h>

enum filter_op {
    FILTER_LITERAL,
    FILTER_FIELD,
    FILTER_EQ,
    FILTER_NEQ,
    FILTER_LT,
    FILTER_LTE,
    FILTER_GT,
    FILTER_GTE,
    FILTER_ADD,
    FILTER_SUB,
    FILTER_MUL,
    FILTER_DIV,
    FILTER_MOD,
    FILTER_NEG,
    FILTER_AND,
    FILTER_OR,
    FILTER_NOT,
};

struct filter {
    enum filter_op op;
    struct value literal;
    struct slice path; /* of a field */
    const struct filter **operands;
    size_t operand_count;
};

/* How many operands an operator takes. */
enum { ANY_NUMBER = -1 };

struct filter_row {
    const char *name;
    enum filter_op op;
    int operands;
};

static const struct filter_row rows[] = {
    {"$eq", FILTER_EQ, 2},          {"$neq", FILTER_NEQ, 2},
    {"$lt", FILTER_LT, 2},          {"$lte", FILTER_LTE, 2},
    {"$gt", FILTER_GT, 2},          {"$gte", FILTER_GTE, 2},
    {"$add", FILTER_ADD, 2},        {"$sub", FILTER_SUB, 2},
    {"$mul", FILTER_MUL, 2},        {"$div", FILTER_DIV, 2},
    {"$mod", FILTER_MOD, 2},        {"$neg", FILTER_NEG, 1},
    {"$not", FILTER_NOT, 1},        {"$and", FILTER_AND, ANY_NUMBER},
    {"$or", FILTER_OR, ANY_NUMBER},
};

/* -- Reading -------------------------------------------------------------------------------- */

static bool malformed(struct query_fault *fault, const char *what)
{
    return query_fail(
        fault, "InvalidArgument",
        "a filter %s. It is an object with one operator, such as "
        "{\"$eq\":[{\"$field\":\"a\"},{\"$literal\":1}]}.",
        what);
}

/* Bytes of a literal that cost as much as an operation: they may be compared with each document. */
#define LITERAL_BYTES_PER_NODE 512

static bool read_literal(
    const struct json_node *node,
    struct arena *arena,
    uint64_t *nodes,
    struct filter *filter,
    struct query_fault *fault)
{
    filter->op = FILTER_LITERAL;
    cordon_error *error = value_or_undefined_from_json(node, arena, &filter->literal);
    if (error != NULL) {
        return query_fail_error(fault, error);
    }
    *nodes += value_size(&filter->literal) / LITERAL_BYTES_PER_NODE;
    return true;
}

static bool read_field(
    const struct json_node *node, struct filter *filter, struct query_fault *fault)
{
    filter->op = FILTER_FIELD;
    filter->path = json_string(node);
    cordon_error *error = name_check_field_path(filter->path);
    if (error != NULL) {
        cordon_error_free(error);
        return malformed(fault, "names a field by what is no path of field names");
    }
    return true;
}

static bool read_operand(
    const struct json_node *node,
    struct arena *arena,
    uint64_t *nodes,
    const struct filter **out_filter,
    struct query_fault *fault);

/* One operand stands alone, several in an array. */
static bool read_operands(
    const struct json_node *node,
    int wanted,
    struct arena *arena,
    uint64_t *nodes,
    struct filter *filter,
    struct query_fault *fault)
{
    const bool single = wanted == 1;
    const size_t count = single ? 1 : json_count(node);
    if (!single &&
        (json_kind(node) != JSON_ARRAY || (wanted != ANY_NUMBER && count != (size_t)wanted))) {
        return malformed(fault, "has an operator with the wrong number of operands");
    }
    filter->operands = arena_alloc(arena, (count + 1) * sizeof filter->operands[0]);
    if (filter->operands == NULL) {
        return query_fail_memory(fault);
    }
    filter->operand_count = count;
    struct json_walk walk = single ? (struct json_walk){node, 1} : json_walk_items(node);
    for (size_t i = 0; i < count; i++) {
        const struct json_node *item = single ? node : json_next_item(&walk);
        if (!read_operand(item, arena, nodes, &filter->operands[i], fault)) {
            return false;
        }
    }
    return true;
}

/* The nesting of JSON bounds how deep this goes. */
static bool read_operand(
    const struct json_node *node,
    struct arena *arena,
    uint64_t *nodes,
    const struct filter **out_filter,
    struct query_fault *fault)
{
    struct json_walk walk = json_walk_fields(node);
    struct slice name = {0};
    const struct json_node *operands = json_next_field(&walk, &name);
    if (json_kind(node) != JSON_OBJECT || json_count(node) != 1) {
        return malformed(fault, "is no object with one field");
    }
    struct filter *filter = arena_alloc(arena, sizeof *filter);
    if (filter == NULL) {
        return query_fail_memory(fault);
    }
    *filter = (struct filter){.op = FILTER_LITERAL};
    *out_filter = filter;
    ++*nodes;
    if (slice_equal(name, SLICE("$literal"))) {
        return read_literal(operands, arena, nodes, filter, fault);
    }
    if (slice_equal(name, SLICE("$field"))) {
        return read_field(operands, filter, fault);
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (slice_equal(name, slice_str(rows[i].name))) {
            filter->op = rows[i].op;
            return read_operands(operands, rows[i].operands, arena, nodes, filter, fault);
        }
    }
    return malformed(fault, "has an operator that does not exist");
}

bool filter_read(
    const struct json_node *node,
    struct arena *arena,
    uint64_t *nodes,
    const struct filter **out_filter,
    struct query_fault *fault)
{
    return read_operand(node, arena, nodes, out_filter, fault);
}

/* -- Arithmetic ----------------------------------------------------------------------------- */

static const char *verb_of(enum filter_op op)
{
    return op == FILTER_ADD   ? "add"
           : op == FILTER_SUB ? "subtract"
           : op == FILTER_MUL ? "multiply"
           : op == FILTER_DIV ? "divide"
                              : "mod";
}

static bool bad_operands(
    enum filter_op op,
    const struct value *left,
    const struct value *right,
    const char *why,
    struct query_fault *fault)
{
    return query_fail(
        fault, "EvalError", "Cannot %s %s and %s%s", verb_of(op), query_show(left).text,
        query_show(right).text, why);
}

static bool by_zero(const struct value *left, struct query_fault *fault)
{
    return query_fail(fault, "EvalError", "Cannot divide %s by zero", query_show(left).text);
}

static bool of_integers(
    enum filter_op op,
    const struct value *left,
    const struct value *right,
    struct value *out,
    struct query_fault *fault)
{
    const int64_t a = left->as.int64;
    const int64_t b = right->as.int64;
    int64_t result = 0;
    bool overflows = false;
    if ((op == FILTER_DIV || op == FILTER_MOD) && b == 0) {
        return by_zero(left, fault);
    }
    if (op == FILTER_ADD) {
        overflows = __builtin_add_overflow(a, b, &result);
    } else if (op == FILTER_SUB) {
        overflows = __builtin_sub_overflow(a, b, &result);
    } else if (op == FILTER_MUL) {
        overflows = __builtin_mul_overflow(a, b, &result);
    } else if (a == INT64_MIN && b == -1) {
        overflows = true;
    } else {
        result = op == FILTER_DIV ? a / b : a % b;
    }
    if (overflows) {
        return bad_operands(op, left, right, ": the result is out of range for Int64", fault);
    }
    *out = value_int64(result);
    return true;
}

static struct value of_floats(enum filter_op op, double a, double b)
{
    return value_float64(
        op == FILTER_ADD   ? a + b
        : op == FILTER_SUB ? a - b
        : op == FILTER_MUL ? a * b
        : op == FILTER_DIV ? a / b
                           : fmod(a, b));
}

static bool calculate(
    enum filter_op op,
    const struct value *left,
    const struct value *right,
    struct value *out,
    struct query_fault *fault)
{
    if (left->kind == VALUE_INT64 && right->kind == VALUE_INT64) {
        return of_integers(op, left, right, out, fault);
    }
    if (left->kind == VALUE_FLOAT64 && right->kind == VALUE_FLOAT64) {
        *out = of_floats(op, left->as.float64, right->as.float64);
        return true;
    }
    return bad_operands(op, left, right, "", fault);
}

static bool negate(const struct value *operand, struct value *out, struct query_fault *fault)
{
    if (operand->kind == VALUE_FLOAT64) {
        *out = value_float64(-operand->as.float64);
        return true;
    }
    if (operand->kind == VALUE_INT64 && operand->as.int64 != INT64_MIN) {
        *out = value_int64(-operand->as.int64);
        return true;
    }
    return query_fail(
        fault, "EvalError", "Cannot negate %s%s", query_show(operand).text,
        operand->kind == VALUE_INT64 ? ": the result is out of range for Int64" : "");
}

/* -- Evaluating ----------------------------------------------------------------------------- */

static bool evaluate(
    const struct filter *filter,
    const struct value *document,
    struct value *out,
    struct query_fault *fault);

static bool as_boolean(const struct value *value, bool *out, struct query_fault *fault)
{
    if (value->kind != VALUE_BOOL) {
        return query_fail(
            fault, "EvalError", "Cannot use value %s as a Boolean", query_show(value).text);
    }
    *out = value->as.boolean;
    return true;
}

static bool evaluate_boolean(
    const struct filter *filter, const struct value *document, bool *out, struct query_fault *fault)
{
    struct value value = {0};
    return evaluate(filter, document, &value, fault) && as_boolean(&value, out, fault);
}

/* `and` ends at the first false, `or` at the first true. */
static bool evaluate_all(
    const struct filter *filter,
    const struct value *document,
    struct value *out,
    struct query_fault *fault)
{
    const bool ends_at = filter->op == FILTER_OR;
    bool result = !ends_at;
    for (size_t i = 0; i < filter->operand_count && result != ends_at; i++) {
        if (!evaluate_boolean(filter->operands[i], document, &result, fault)) {
            return false;
        }
    }
    *out = value_bool(result);
    return true;
}

static bool compares(enum filter_op op, int order)
{
    return op == FILTER_EQ    ? order == 0
           : op == FILTER_NEQ ? order != 0
           : op == FILTER_LT  ? order < 0
           : op == FILTER_LTE ? order <= 0
           : op == FILTER_GT  ? order > 0
                              : order >= 0;
}

static bool evaluate_two(
    const struct filter *filter,
    const struct value *document,
    struct value *out,
    struct query_fault *fault)
{
    struct value left = {0};
    struct value right = {0};
    if (!evaluate(filter->operands[0], document, &left, fault) ||
        !evaluate(filter->operands[1], document, &right, fault)) {
        return false;
    }
    if (filter->op >= FILTER_ADD) {
        return calculate(filter->op, &left, &right, out, fault);
    }
    *out = value_bool(compares(filter->op, value_compare(&left, &right)));
    return true;
}

static bool evaluate(
    const struct filter *filter,
    const struct value *document,
    struct value *out,
    struct query_fault *fault)
{
    bool operand = false;
    const struct value *field = NULL;
    struct value value = {0};
    switch (filter->op) {
    case FILTER_LITERAL:
        *out = filter->literal;
        return true;
    case FILTER_FIELD:
        field = value_at(document, filter->path);
        value.kind = VALUE_UNDEFINED;
        *out = *(field == NULL ? &value : field);
        return true;
    case FILTER_NOT:
        if (!evaluate_boolean(filter->operands[0], document, &operand, fault)) {
            return false;
        }
        *out = value_bool(!operand);
        return true;
    case FILTER_NEG:
        return evaluate(filter->operands[0], document, &value, fault) && negate(&value, out, fault);
    case FILTER_AND:
    case FILTER_OR:
        return evaluate_all(filter, document, out, fault);
    case FILTER_EQ:
    case FILTER_NEQ:
    case FILTER_LT:
    case FILTER_LTE:
    case FILTER_GT:
    case FILTER_GTE:
    case FILTER_ADD:
    case FILTER_SUB:
    case FILTER_MUL:
    case FILTER_DIV:
    case FILTER_MOD:
        return evaluate_two(filter, document, out, fault);
    }
    return false;
}

bool filter_matches(
    const struct filter *filter,
    const struct value *document,
    bool *out_matches,
    struct query_fault *fault)
{
    return evaluate_boolean(filter, document, out_matches, fault);
}

cordon_error *filter_write(const struct filter *filter, struct buffer *out)
{
    TRY(buffer_printf(
        out, "%d %zu %zu:", (int)filter->op, filter->operand_count, filter->path.size));
    TRY(buffer_append(out, filter->path));
    if (filter->op == FILTER_LITERAL) {
        TRY(sortkey_write(out, &filter->literal));
    }
    for (size_t i = 0; i < filter->operand_count; i++) {
        TRY(filter_write(filter->operands[i], out));
    }
    return NULL;
}
