/* Reading and writing a history's lines; see lines.h. */
#include "history/lines.h"

#include "value/json.h"

#include <inttypes.h>

/* A line has an object, in that an array, in that arrays, in those arrays. */
enum { DEPTH = 4 };

/* A tree takes some 24 bytes a value, and the shortest value is two bytes of a line. */
#define TREE_BYTES_MAX (HISTORY_LINE_BYTES_MAX * 16)

static const char *const status_names[] = {
    [HISTORY_COMMITTED] = "committed",
    [HISTORY_ABORTED] = "aborted",
    [HISTORY_UNKNOWN] = "unknown",
};
enum { STATUS_COUNT = sizeof status_names / sizeof status_names[0] };

static const char *const op_names[] = {
    [HISTORY_APPEND] = "append", [HISTORY_LIST] = "list",     [HISTORY_WRITE] = "write",
    [HISTORY_READ] = "read",     [HISTORY_REMOVE] = "remove", [HISTORY_MISS] = "miss",
    [HISTORY_UNDONE] = "undone",
};
enum { OP_COUNT = sizeof op_names / sizeof op_names[0] };

/* -- Writing ----------------------------------------------------------------------------------- */

static cordon_error *write_op(
    struct buffer *out, const struct history *history, const struct history_op *op)
{
    TRY(buffer_printf(out, "[\"%s\",%" PRIu64 ",", op_names[op->kind], op->key));
    if (op->kind == HISTORY_LIST) {
        TRY(buffer_append_byte(out, '['));
        for (size_t i = 0; i < op->count; i++) {
            TRY(json_write_comma(out));
            TRY(json_write_u64(out, history->items[op->first + i]));
        }
        return buffer_append(out, SLICE("]]"));
    }
    if ((op->kind == HISTORY_READ && !op->found) || op->kind == HISTORY_REMOVE) {
        return buffer_append(out, SLICE("null]"));
    }
    TRY(json_write_u64(out, op->value));
    return buffer_append_byte(out, ']');
}

cordon_error *history_write_line(struct buffer *out, const struct history *history, size_t number)
{
    const struct history_txn *const txn = &history->txns[number];
    TRY(buffer_printf(
        out, "{\"process\":%" PRIu64 ",\"begin\":%" PRIu64 ",", txn->process, txn->begin));
    if (txn->status != HISTORY_UNKNOWN) {
        TRY(buffer_printf(out, "\"end\":%" PRIu64 ",", txn->end));
    }
    TRY(buffer_printf(out, "\"status\":\"%s\",", status_names[txn->status]));
    if (txn->ts != 0) {
        TRY(buffer_printf(out, "\"ts\":%" PRIu64 ",", txn->ts));
    }
    TRY(buffer_append(out, SLICE("\"ops\":[")));
    for (size_t i = 0; i < txn->count; i++) {
        TRY(json_write_comma(out));
        TRY(write_op(out, history, &history->ops[txn->first + i]));
    }
    return buffer_append(out, SLICE("]}\n"));
}

/* -- Reading ----------------------------------------------------------------------------------- */

static cordon_error *wrong(const char *what)
{
    return cordon_error_new(CORDON_E_INVALID, "%s", what);
}

static size_t find_name(const char *const *names, size_t count, const struct json_node *node)
{
    const struct slice name = json_string(node);
    size_t i = 0;
    while (i < count &&
           (json_kind(node) != JSON_STRING || !slice_equal(slice_str(names[i]), name))) {
        i++;
    }
    return i;
}

static cordon_error *read_list(struct history *history, uint64_t key, const struct json_node *items)
{
    if (json_kind(items) != JSON_ARRAY) {
        return wrong("what a \"list\" read must be an array of numbers");
    }
    TRY(history_list(history, key));
    struct json_walk walk = json_walk_items(items);
    const struct json_node *item = NULL;
    while ((item = json_next_item(&walk)) != NULL) {
        uint64_t value = 0;
        if (!json_u64(item, &value)) {
            return wrong("what a \"list\" read must be whole numbers");
        }
        TRY(history_item(history, value));
    }
    return NULL;
}

static cordon_error *read_known_op(
    struct history *history, enum history_op_kind kind, uint64_t key, const struct json_node *node)
{
    uint64_t value = 0;
    const bool found = json_u64(node, &value);
    switch (kind) {
    case HISTORY_LIST:
        return read_list(history, key, node);
    case HISTORY_READ:
        return found || json_kind(node) == JSON_NULL
                   ? history_read(history, key, found, value)
                   : wrong("what a \"read\" found must be a whole number or null");
    case HISTORY_APPEND:
        return found ? history_append(history, key, value)
                     : wrong("what is appended must be a whole number");
    case HISTORY_WRITE:
        return found ? history_write(history, key, value)
                     : wrong("what is written must be a whole number");
    case HISTORY_REMOVE:
        return json_kind(node) == JSON_NULL ? history_remove(history, key)
                                            : wrong("what is removed has null for its value");
    case HISTORY_MISS:
        return found && value < HISTORY_GROUPS
                   ? history_miss(history, key, value)
                   : wrong("the group of a \"miss\" must be a whole number from 0 to 3");
    case HISTORY_UNDONE:
        return found ? history_undone(history, key, value)
                     : wrong("what was undone must be a whole number");
    }
    return NULL;
}

static cordon_error *read_op(struct history *history, const struct json_node *op)
{
    struct json_walk walk = json_walk_items(op);
    const struct json_node *const name = json_next_item(&walk);
    const struct json_node *const key = json_next_item(&walk);
    const struct json_node *const value = json_next_item(&walk);
    const size_t kind = find_name(op_names, OP_COUNT, name);
    uint64_t number = 0;
    if (kind == OP_COUNT || !json_u64(key, &number) || json_count(op) != 3) {
        return wrong(
            "an operation is [NAME, KEY, VALUE], where NAME is \"append\", \"list\", \"write\", "
            "\"read\", \"remove\", \"miss\" or \"undone\" and KEY a whole number");
    }
    return read_known_op(history, (enum history_op_kind)kind, number, value);
}

static cordon_error *read_ops(struct history *history, const struct json_node *ops)
{
    struct json_walk walk = json_walk_items(ops);
    const struct json_node *op = NULL;
    while ((op = json_next_item(&walk)) != NULL) {
        TRY(read_op(history, op));
    }
    return NULL;
}

/* A number that need not be there; false if it is there and none. */
static bool read_optional(
    const struct json_node *root, struct slice name, bool *out_found, uint64_t *out_number)
{
    const struct json_node *const node = json_get(root, name);
    *out_found = node != NULL;
    return node == NULL || json_u64(node, out_number);
}

/* What a line says beside its operations. */
static cordon_error *read_facts(const struct json_node *root, struct history_txn *out_txn)
{
    struct history_txn txn = {0};
    bool has_end = false;
    bool has_ts = false;
    const size_t status = find_name(status_names, STATUS_COUNT, json_get(root, SLICE("status")));
    if (!json_u64(json_get(root, SLICE("process")), &txn.process) ||
        !json_u64(json_get(root, SLICE("begin")), &txn.begin) ||
        !read_optional(root, SLICE("end"), &has_end, &txn.end) ||
        !read_optional(root, SLICE("ts"), &has_ts, &txn.ts) ||
        json_kind(json_get(root, SLICE("ops"))) != JSON_ARRAY ||
        json_count(root) != (size_t)4 + has_end + has_ts) {
        return wrong(
            "a line is an object with whole numbers \"process\", \"begin\", \"end\", a \"status\" "
            "and an array \"ops\", perhaps a number \"ts\", and nothing else");
    }
    if (status == STATUS_COUNT || has_end != (status != HISTORY_UNKNOWN)) {
        return wrong(
            "\"status\" is \"committed\", \"aborted\" or \"unknown\", and an unknown one alone has "
            "no \"end\"");
    }
    txn.status = (enum history_status)status;
    if (has_ts && (txn.status != HISTORY_COMMITTED || txn.ts == 0)) {
        return wrong("a \"ts\" must be above 0, and only a committed transaction has one");
    }
    *out_txn = txn;
    return NULL;
}

static cordon_error *read_txn(struct history *history, const struct json_node *root)
{
    struct history_txn txn = {0};
    TRY(read_facts(root, &txn));
    TRY(history_begin(history, txn.process, txn.begin));
    TRY(read_ops(history, json_get(root, SLICE("ops"))));
    history_end(history, txn.status, txn.end);
    if (txn.ts != 0) {
        history_stamp(history, txn.ts);
    }
    return NULL;
}

cordon_error *history_read_line(struct history *history, struct slice line)
{
    static const struct json_limits limits = {.bytes_max = TREE_BYTES_MAX, .depth_max = DEPTH};
    if (line.size > HISTORY_LINE_BYTES_MAX) {
        return cordon_error_new(
            CORDON_E_TOO_LARGE, "a line must have at most %zu bytes", HISTORY_LINE_BYTES_MAX);
    }
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(json_parse(line, &limits, &doc));
    return read_txn(history, json_root(doc));
}

/* The error with the number of its line before its words; `error` is freed. */
static cordon_error *at_line(size_t number, cordon_error *error)
{
    CORDON_CLEANUP(cordon_error_freep) cordon_error *inner = error;
    return cordon_error_new(
        cordon_error_get_code(inner), "line %zu: %s", number, cordon_error_get_message(inner));
}

cordon_error *history_read_lines(struct history *history, struct slice text)
{
    struct slice line = {0};
    for (size_t number = 1; slice_take_line(&text, &line); number++) {
        if (line.size > 0) {
            cordon_error *const error = history_read_line(history, line);
            if (error != NULL) {
                return at_line(number, error);
            }
        }
    }
    return NULL;
}
