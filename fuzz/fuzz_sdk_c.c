/*
 * The reader of values in the C SDK, which runs in guests, against the host's own. Whatever text it
 * is given it reads within its bounds, and what it has read it writes so that it is read again as
 * the same. Every value that the host writes for a guest comes back from it as an equal value, and
 * a query that the SDK makes of it is one that the host reads, of the same parts.
 *
 * The SDK is compiled for this machine here. No host call is made.
 */
#include "../sdk/c/cordon.h"

#include "base/arena.h"
#include "query/query.h"
#include "value/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define UNUSED_CALL(name)                                                                          \
    int64_t name(const void *range, size_t size)                                                   \
    {                                                                                              \
        (void)range;                                                                               \
        (void)size;                                                                                \
        const bool is_host_call = true;                                                            \
        CORDON_ASSERT(!is_host_call);                                                              \
        return 0;                                                                                  \
    }

UNUSED_CALL(cordon_host_input_read)
UNUSED_CALL(cordon_host_reply_read)
UNUSED_CALL(cordon_host_output_write)
UNUSED_CALL(cordon_host_fail)
UNUSED_CALL(cordon_host_log)
UNUSED_CALL(cordon_host_random_fill)
UNUSED_CALL(cordon_host_left)
UNUSED_CALL(cordon_host_env_get)
UNUSED_CALL(cordon_host_get_user_identity)
UNUSED_CALL(cordon_host_get)
UNUSED_CALL(cordon_host_query_stream)
UNUSED_CALL(cordon_host_query_stream_next)
UNUSED_CALL(cordon_host_query_cleanup)
UNUSED_CALL(cordon_host_query_page)
UNUSED_CALL(cordon_host_normalize_id)
UNUSED_CALL(cordon_host_insert)
UNUSED_CALL(cordon_host_shallow_merge)
UNUSED_CALL(cordon_host_replace)
UNUSED_CALL(cordon_host_remove)
UNUSED_CALL(cordon_host_run_udf)
UNUSED_CALL(cordon_host_action_query)
UNUSED_CALL(cordon_host_action_mutation)
UNUSED_CALL(cordon_host_action_action)
UNUSED_CALL(cordon_host_crypto_random)
UNUSED_CALL(cordon_host_sleep)

int64_t cordon_host_now_ms(void)
{
    return 0;
}

/* What the guest makes of a text; NULL data: it does not read it. */
static struct slice through_guest(struct slice text)
{
    const cordon_value *const value = cordon_parse((const char *)text.data, text.size);
    if (value == NULL) {
        return (struct slice){0};
    }
    size_t size = 0;
    const char *const printed = cordon_print(value, &size);
    return slice_of(printed, size);
}

static void check_stable(struct slice text)
{
    const struct slice once = through_guest(text);
    if (once.data != NULL) {
        const struct slice twice = through_guest(once);
        CORDON_ASSERT(twice.data != NULL && slice_equal(once, twice));
    }
}

/* Each part that a query can have, with the value wherever one can stand. */
static struct slice make_query(const cordon_value *value, uint32_t limit)
{
    cordon_query *const query = cordon_query_index("t", "by_a_b");
    cordon_query_eq(query, "a", value);
    cordon_query_gte(query, "b", NULL);
    cordon_query_lt(query, "b", value);
    cordon_query_order(query, CORDON_DESC);
    const cordon_expression *const sum =
        cordon_q_add(cordon_q_field("a.b"), cordon_q_neg(cordon_q_value(value)));
    const cordon_expression *const is_less = cordon_q_lt(cordon_q_value(NULL), sum);
    cordon_query_filter(query, cordon_q_or(is_less, cordon_q_not(is_less)));
    cordon_query_limit(query, limit);
    size_t size = 0;
    const char *const json = cordon_query_print(query, &size);
    return slice_of(json, size);
}

static void check_bound(
    const struct query_bound *bound,
    enum query_bound_op op,
    struct slice path,
    const struct value *value)
{
    CORDON_ASSERT(bound->op == op && slice_equal(bound->path, path));
    CORDON_ASSERT(value_equal(&bound->value, value));
}

static void check_query(struct slice text, const struct value *value, struct arena *arena)
{
    const uint32_t limit = (uint32_t)text.size * 0x9e3779b1u;
    const struct slice json = make_query(cordon_parse((const char *)text.data, text.size), limit);
    const struct json_limits limits = {.bytes_max = SIZE_MAX, .depth_max = 80};
    struct json_doc *doc = NULL;
    cordon_error *const error = json_parse(json, &limits, &doc);
    CORDON_ASSERT(error == NULL);

    struct query query = {0};
    struct query_fault fault = {0};
    const bool is_read = query_read(json_root(doc), arena, &query, &fault);
    CORDON_ASSERT(is_read && query.descending && query.bound_count == 3);
    CORDON_ASSERT(
        slice_equal(query.table, SLICE("t")) && slice_equal(query.index, SLICE("by_a_b")));
    check_bound(&query.bounds[0], QUERY_EQ, SLICE("a"), value);
    check_bound(&query.bounds[1], QUERY_GTE, SLICE("b"), &(struct value){.kind = VALUE_UNDEFINED});
    check_bound(&query.bounds[2], QUERY_LT, SLICE("b"), value);
    CORDON_ASSERT(query.operator_count == 2 && query.operators[0].filter != NULL);
    CORDON_ASSERT(query.operators[1].limit == limit);
    json_free(doc);
}

static void check_against_host(struct slice text, struct arena *arena, struct buffer *sent)
{
    struct value value = {0};
    cordon_error *error = value_parse(text, arena, &value);
    if (error != NULL) {
        cordon_error_free(error);
        return;
    }
    error = value_write_encoded(sent, &value);
    CORDON_ASSERT(error == NULL);
    const struct slice back = through_guest(buffer_slice(sent));
    CORDON_ASSERT(back.data != NULL);
    struct value again = {0};
    error = value_parse(back, arena, &again);
    CORDON_ASSERT(error == NULL && value_equal(&value, &again));
    check_query(buffer_slice(sent), &value, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    CORDON_CLEANUP_BUFFER struct buffer sent;
    arena_init(&arena, (size_t)1 << 30);
    buffer_init(&sent, SIZE_MAX);
    const cordon_mark mark = cordon_mark_now();
    check_stable(slice_of(data, size));
    check_against_host(slice_of(data, size), &arena, &sent);
    cordon_release(mark);
    return 0;
}
