/*
 * Functions that show to a test what cordon.h does: each hands on its arguments and says what came
 * of it.
 */
#include <stdio.h>
#include <string.h>

#include "cordon.h"

#define ANY_OBJECT CORDON_RECORD(CORDON_STRING, CORDON_ANY)
#define ID CORDON_OBJECT(CORDON_FIELD("id", CORDON_STRING))
#define JSON CORDON_OBJECT(CORDON_FIELD("json", CORDON_STRING))
#define COUNT CORDON_OBJECT(CORDON_FIELD("count", CORDON_NUMBER))
#define MS CORDON_OBJECT(CORDON_FIELD("ms", CORDON_NUMBER))
#define NUMBERS CORDON_ARRAY(CORDON_NUMBER)
#define TIMES CORDON_OBJECT(CORDON_FIELD("from", CORDON_NUMBER), CORDON_FIELD("to", CORDON_NUMBER))
#define CALL                                                                                       \
    CORDON_OBJECT(                                                                                 \
        CORDON_FIELD("kind", CORDON_STRING), CORDON_FIELD("name", CORDON_STRING),                  \
        CORDON_FIELD("args", CORDON_ANY))
#define FAILURE CORDON_OBJECT(CORDON_FIELD("n", CORDON_NUMBER), CORDON_FIELD("data", CORDON_ANY))
#define MAYBE_TEXT CORDON_OBJECT(CORDON_OPTIONAL("text", CORDON_STRING))
#define ID_AND_FIELDS                                                                              \
    CORDON_OBJECT(CORDON_FIELD("id", CORDON_STRING), CORDON_FIELD("fields", ANY_OBJECT))

/* clang-format off */
CORDON_SCHEMA(
    CORDON_TABLE("things", CORDON_ANY, CORDON_INDEX("by_a_and_n", "a", "n")),
    CORDON_TABLE("strict", CORDON_OBJECT(CORDON_FIELD("n", CORDON_NUMBER))))

CORDON_FUNCTIONS(
    CORDON_QUERY("values:same", same, CORDON_ANY, CORDON_ANY),
    CORDON_QUERY("values:rebuild", rebuild, CORDON_ANY, CORDON_ANY),
    CORDON_QUERY("values:parse", parse, JSON, CORDON_ANY),
    CORDON_QUERY("values:wrong", wrong, CORDON_ANY, CORDON_ANY),
    CORDON_QUERY("values:edit", edit, CORDON_NO_ARGS, CORDON_ANY),
    CORDON_MUTATION("db:insert", insert, CORDON_ANY, CORDON_ID("things")),
    CORDON_QUERY("db:get", get, ID, CORDON_ANY),
    CORDON_MUTATION("db:patch", patch, ID_AND_FIELDS, CORDON_ANY),
    CORDON_MUTATION("db:replace", replace, ID_AND_FIELDS, CORDON_ANY),
    CORDON_MUTATION("db:forget", forget, ID, CORDON_ANY),
    CORDON_MUTATION("db:delete", delete, ID, CORDON_ANY),
    CORDON_MUTATION("db:refused", refused, ID, CORDON_ANY),
    CORDON_QUERY("db:newest", newest, COUNT, CORDON_ANY),
    CORDON_QUERY("db:stopped", stopped, CORDON_NO_ARGS, CORDON_NULL),
    CORDON_QUERY("db:sum", sum, CORDON_NO_ARGS, CORDON_NUMBER),
    CORDON_QUERY("db:writes", writes, CORDON_NO_ARGS, CORDON_ANY),
    CORDON_QUERY("query:since", since, TIMES, NUMBERS),
    CORDON_QUERY("query:between", between, TIMES, NUMBERS),
    CORDON_QUERY("query:by_id", by_id, ID, NUMBERS),
    CORDON_QUERY("query:by_a_and_n", by_a_and_n,
        CORDON_OBJECT(
            CORDON_OPTIONAL("a", CORDON_NUMBER),
            CORDON_OPTIONAL("above", CORDON_NUMBER)),
        NUMBERS),
    CORDON_MUTATION("db:strict", strict, CORDON_ANY, CORDON_ID("strict")),
    CORDON_QUERY("query:odd", odd, CORDON_NO_ARGS, NUMBERS),
    CORDON_QUERY("query:computed", computed, CORDON_NO_ARGS, NUMBERS),
    CORDON_QUERY("query:before", before, TIMES, NUMBERS),
    CORDON_QUERY("query:json", query_json, CORDON_NO_ARGS, CORDON_STRING),
    CORDON_QUERY("query:without_b", without_b, CORDON_NO_ARGS, NUMBERS),
    CORDON_QUERY("query:limited", limited, CORDON_NO_ARGS, NUMBERS),
    CORDON_QUERY("query:first", first, CORDON_NO_ARGS, CORDON_ANY),
    CORDON_QUERY("query:unique", unique, COUNT, CORDON_ANY),
    CORDON_QUERY("query:evil", evil, CORDON_NO_ARGS, CORDON_ANY),
    CORDON_QUERY("query:cost", cost, CORDON_NO_ARGS, NUMBERS),
    CORDON_QUERY("query:page", page,
        CORDON_OBJECT(CORDON_FIELD("paginationOpts", CORDON_PAGINATION_OPTIONS)),
        CORDON_PAGINATION_RESULT(CORDON_NUMBER)),
    CORDON_QUERY("query:normalize", normalize,
        CORDON_OBJECT(CORDON_FIELD("text", CORDON_STRING)), CORDON_ANY),
    CORDON_QUERY("query:no_index", no_index, CORDON_NO_ARGS, CORDON_ANY),
    CORDON_QUERY("call:in_query", in_query, CALL, CORDON_ANY),
    CORDON_MUTATION("call:in_mutation", in_mutation, CALL, CORDON_ANY),
    CORDON_ACTION("call:in_action", in_action, CALL, CORDON_ANY),
    CORDON_INTERNAL_MUTATION("call:fails", fails_with, FAILURE, CORDON_NULL),
    CORDON_MUTATION("call:goes_on", goes_on, CORDON_NO_ARGS, NUMBERS),
    CORDON_ACTION("call:stays", stays, FAILURE, CORDON_NULL),
    CORDON_MUTATION("call:passes_on", passes_on, FAILURE, CORDON_NULL),
    CORDON_QUERY("call:newest", newest_by_call, CORDON_NO_ARGS, CORDON_ANY),
    CORDON_QUERY("call:action_in_query", action_in_query, CORDON_NO_ARGS, CORDON_ANY),
    CORDON_ACTION("call:transaction_in_action", transaction_in_action, CORDON_NO_ARGS, CORDON_ANY),
    CORDON_ACTION("run:logs", logs, CORDON_NO_ARGS, CORDON_NULL),
    CORDON_INTERNAL_ACTION("run:fails", fails, MAYBE_TEXT, CORDON_NULL),
    CORDON_INTERNAL_QUERY("run:left", left, CORDON_NO_ARGS, CORDON_ANY),
    CORDON_QUERY("run:env", env,
        CORDON_OBJECT(CORDON_FIELD("name", CORDON_STRING)),
        CORDON_UNION(CORDON_STRING, CORDON_NULL)),
    CORDON_MUTATION("run:identity", identity, CORDON_NO_ARGS, CORDON_ANY),
    CORDON_ACTION("run:identity_of_called", identity_of_called, CORDON_NO_ARGS, CORDON_ANY),
    CORDON_QUERY("run:random", random_bytes, CORDON_NO_ARGS, CORDON_BYTES),
    CORDON_ACTION("effect:sleeps", sleeps, MS, CORDON_NUMBER),
    CORDON_QUERY("effect:sleeps_in_query", sleeps_in_query, CORDON_NO_ARGS, CORDON_NULL),
    CORDON_ACTION("effect:draws", draws, COUNT, CORDON_BYTES),
    CORDON_INTERNAL_MUTATION("run:hungry", hungry, CORDON_NO_ARGS, CORDON_NULL))
/* clang-format on */

cordon_value *same(void)
{
    return cordon_args();
}

/* A copy made by readers and makers alone. */
static cordon_value *copy_of(const cordon_value *value)
{
    cordon_value *made = NULL;
    switch (cordon_type_of(value)) {
    case CORDON_TYPE_NONE:
    case CORDON_TYPE_NULL:
        return cordon_null();
    case CORDON_TYPE_BOOLEAN:
        return cordon_boolean(cordon_to_boolean(value));
    case CORDON_TYPE_NUMBER:
        return cordon_number(cordon_to_number(value));
    case CORDON_TYPE_INT64:
        return cordon_int64(cordon_to_int64(value));
    case CORDON_TYPE_STRING:
        return cordon_string_of_size(cordon_to_string(value), cordon_size(value));
    case CORDON_TYPE_BYTES:
        return cordon_bytes(cordon_to_bytes(value), cordon_size(value));
    case CORDON_TYPE_ARRAY:
        made = cordon_array();
        for (size_t i = 0; i < cordon_count(value); i++) {
            cordon_push(made, copy_of(cordon_at(value, i)));
        }
        return made;
    case CORDON_TYPE_OBJECT:
        made = cordon_object();
        for (size_t i = 0; i < cordon_count(value); i++) {
            cordon_set(made, cordon_name_at(value, i), copy_of(cordon_at(value, i)));
        }
        return made;
    }
    return NULL;
}

cordon_value *rebuild(void)
{
    return copy_of(cordon_args());
}

static cordon_value *argument(const char *name)
{
    return cordon_get(cordon_args(), name);
}

/* The JSON of the value, in a string; null if the text is malformed. */
cordon_value *parse(void)
{
    const cordon_value *const json = argument("json");
    const cordon_value *const value = cordon_parse(cordon_to_string(json), cordon_size(json));
    return value == NULL ? NULL : cordon_string(cordon_print(value, NULL));
}

cordon_value *wrong(void)
{
    return cordon_number(cordon_to_number(argument("number")));
}

/* Every field is set, set again in its place, or removed. */
cordon_value *edit(void)
{
    cordon_value *const object = cordon_object();
    for (int i = 0; i < 20; i++) {
        cordon_set(object, cordon_format("field%d", i), cordon_number(i));
    }
    for (int i = 0; i < 20; i++) {
        cordon_set(object, cordon_format("field%d", i), i % 3 == 0 ? cordon_int64(i) : NULL);
    }
    cordon_set(object, "missing", NULL);
    return object;
}

cordon_value *insert(void)
{
    return cordon_string(cordon_db_insert("things", cordon_args()));
}

/* Into a table whose documents have a number each. */
cordon_value *strict(void)
{
    return cordon_string(cordon_db_insert("strict", cordon_args()));
}

static const char *id(void)
{
    return cordon_to_string(argument("id"));
}

cordon_value *get(void)
{
    return cordon_db_get(id());
}

cordon_value *patch(void)
{
    return cordon_db_patch(id(), argument("fields"));
}

cordon_value *replace(void)
{
    return cordon_db_replace(id(), argument("fields"));
}

cordon_value *forget(void)
{
    return cordon_db_patch(id(), cordon_set(cordon_object(), "a", cordon_undefined()));
}

cordon_value *delete(void)
{
    return cordon_db_delete(id());
}

cordon_value *refused(void)
{
    cordon_value *reply;
    const cordon_value *const unknown = cordon_set(cordon_object(), "id", cordon_string(id()));
    const bool done = cordon_call(cordon_host_remove, unknown, &reply);
    return cordon_set(reply, "done", cordon_boolean(done));
}

cordon_value *newest(void)
{
    const uint32_t count = (uint32_t)cordon_to_number(argument("count"));
    cordon_query *const query = cordon_query_table("things");
    const cordon_value *const documents =
        cordon_query_take(cordon_query_order(query, CORDON_DESC), count);
    cordon_value *const list = cordon_array();
    for (size_t i = 0; i < cordon_count(documents); i++) {
        cordon_push(list, cordon_get(cordon_at(documents, i), "_id"));
    }
    return list;
}

cordon_value *stopped(void)
{
    cordon_scan *const scan = cordon_query_scan(cordon_query_table("things"));
    cordon_db_stop(scan);
    cordon_db_stop(scan);
    return cordon_db_next(scan);
}

/* Over many documents in little memory; the arguments are first asked for within a mark. */
cordon_value *sum(void)
{
    double total = 0;
    cordon_scan *const scan = cordon_query_scan(cordon_query_table("things"));
    for (;;) {
        const cordon_mark mark = cordon_mark_now();
        const cordon_value *const document = cordon_db_next(scan);
        if (document == NULL) {
            break;
        }
        total += cordon_to_number(cordon_get(document, "n")) + (double)cordon_count(cordon_args());
        cordon_release(mark);
    }
    return cordon_number(total);
}

cordon_value *writes(void)
{
    return cordon_string(cordon_db_insert("things", cordon_object()));
}

/* The field `n` of each document. */
static cordon_value *numbers_of(const cordon_value *documents)
{
    cordon_value *const numbers = cordon_array();
    for (size_t i = 0; i < cordon_count(documents); i++) {
        cordon_push(numbers, cordon_get(cordon_at(documents, i), "n"));
    }
    return numbers;
}

cordon_value *since(void)
{
    cordon_query *const query = cordon_query_index("things", "by_creation_time");
    cordon_query_gte(query, "_creationTime", argument("from"));
    return numbers_of(cordon_query_collect(query));
}

/* The newest first. */
cordon_value *between(void)
{
    cordon_query *const query = cordon_query_index("things", "by_creation_time");
    cordon_query_gt(query, "_creationTime", argument("from"));
    cordon_query_lte(query, "_creationTime", argument("to"));
    return numbers_of(cordon_query_collect(cordon_query_order(query, CORDON_DESC)));
}

cordon_value *by_id(void)
{
    cordon_query *const query = cordon_query_index("things", "by_id");
    return numbers_of(cordon_query_collect(cordon_query_eq(query, "_id", argument("id"))));
}

/* Those with this `a`, or without any, in the order of their numbers. */
cordon_value *by_a_and_n(void)
{
    cordon_query *const query = cordon_query_index("things", "by_a_and_n");
    cordon_query_eq(query, "a", argument("a"));
    if (argument("above") != NULL) {
        cordon_query_gt(query, "n", argument("above"));
    }
    return numbers_of(cordon_query_collect(query));
}

static cordon_expression *number(double n)
{
    return cordon_q_value(cordon_number(n));
}

/* Odd, and below 3 or above 6. */
cordon_value *odd(void)
{
    const cordon_expression *const n = cordon_q_field("n");
    const cordon_expression *const is_odd = cordon_q_eq(cordon_q_mod(n, number(2)), number(1));
    const cordon_expression *const is_far = cordon_q_or(
        cordon_q_lt(n, number(3)),
        cordon_q_not(cordon_q_lte(n, cordon_q_add(number(4), number(2)))));
    cordon_query *const query = cordon_query_table("things");
    cordon_query_filter(query, cordon_q_and(is_odd, is_far));
    return numbers_of(cordon_query_collect(query));
}

/* All arithmetic: those whose n is 3 or more and not 8, as (-n * 3 - 3) / -3 - 1 is n. */
cordon_value *computed(void)
{
    const cordon_expression *const n = cordon_q_field("n");
    const cordon_expression *const product = cordon_q_mul(cordon_q_neg(n), number(3));
    const cordon_expression *const quotient =
        cordon_q_div(cordon_q_sub(product, number(3)), number(-3));
    const cordon_expression *const same = cordon_q_sub(quotient, number(1));
    cordon_query *const query = cordon_query_table("things");
    cordon_query_filter(query, cordon_q_gte(same, number(3)));
    cordon_query_filter(query, cordon_q_neq(same, number(8)));
    return numbers_of(cordon_query_collect(query));
}

cordon_value *before(void)
{
    cordon_query *const query = cordon_query_index("things", "by_creation_time");
    cordon_query_lt(query, "_creationTime", argument("to"));
    return numbers_of(cordon_query_collect(query));
}

cordon_value *query_json(void)
{
    size_t size;
    cordon_query *const query = cordon_query_limit(cordon_query_table("things"), 2);
    const char *const json = cordon_query_print(query, &size);
    return cordon_string_of_size(json, size);
}

cordon_value *without_b(void)
{
    cordon_query *const query = cordon_query_table("things");
    cordon_query_filter(query, cordon_q_eq(cordon_q_field("b"), cordon_q_value(NULL)));
    return numbers_of(cordon_query_collect(query));
}

/* Of the first three those above 1. */
cordon_value *limited(void)
{
    cordon_query *const query = cordon_query_limit(cordon_query_table("things"), 3);
    cordon_query_filter(query, cordon_q_gt(cordon_q_field("n"), number(1)));
    return numbers_of(cordon_query_collect(query));
}

cordon_value *first(void)
{
    return cordon_query_first(cordon_query_order(cordon_query_table("things"), CORDON_DESC));
}

static cordon_query *where_n_is(const cordon_value *n)
{
    cordon_query *const query = cordon_query_table("things");
    return cordon_query_filter(query, cordon_q_eq(cordon_q_field("n"), cordon_q_value(n)));
}

/* Those whose number is `count`. */
cordon_value *unique(void)
{
    return cordon_query_unique(where_n_is(argument("count")));
}

/* A filter that cannot be evaluated. */
cordon_value *evil(void)
{
    cordon_query *const query = cordon_query_table("things");
    return cordon_query_first(cordon_query_filter(query, cordon_q_field("n")));
}

/* How many documents were read since the last call. */
static cordon_value *read_since(double *before)
{
    const double now = cordon_to_number(cordon_get(cordon_left(), "documents_read"));
    const double read = *before - now;
    *before = now;
    return cordon_number(read);
}

/*
 * How many documents are read for the first, for two of all, for the only one and for the first
 * that a filter lets pass.
 */
cordon_value *cost(void)
{
    cordon_value *const costs = cordon_array();
    double before = 0;
    (void)read_since(&before);
    (void)cordon_query_first(cordon_query_table("things"));
    cordon_push(costs, read_since(&before));
    (void)cordon_query_take(cordon_query_table("things"), 2);
    cordon_push(costs, read_since(&before));
    (void)cordon_query_unique(cordon_query_limit(cordon_query_table("things"), 1));
    cordon_push(costs, read_since(&before));
    (void)cordon_query_first(where_n_is(cordon_number(3)));
    return cordon_push(costs, read_since(&before));
}

cordon_value *page(void)
{
    cordon_query *const query = cordon_query_table("things");
    cordon_value *const result = cordon_query_page(query, argument("paginationOpts"));
    return cordon_set(result, "page", numbers_of(cordon_get(result, "page")));
}

cordon_value *normalize(void)
{
    const char *const text = cordon_to_string(argument("text"));
    const char *const known = cordon_db_normalize_id("things", text);
    return known == NULL ? NULL : cordon_string(known);
}

/* A condition where there is no index. */
cordon_value *no_index(void)
{
    return cordon_query_first(cordon_query_eq(cordon_query_table("things"), "n", NULL));
}

typedef cordon_value *runs(const char *path, const cordon_value *args, cordon_value **out_failure);

/* What comes of the call that the arguments describe. */
static cordon_value *tell(runs *run)
{
    cordon_value *failure;
    cordon_value *const value = run(cordon_to_string(argument("name")), argument("args"), &failure);
    return failure == NULL ? cordon_set(cordon_object(), "value", value) : failure;
}

static bool is_kind(const char *kind)
{
    return strcmp(cordon_to_string(argument("kind")), kind) == 0;
}

cordon_value *in_query(void)
{
    return tell(is_kind("query") ? cordon_run_query : cordon_run_mutation);
}

cordon_value *in_mutation(void)
{
    return tell(is_kind("query") ? cordon_run_query : cordon_run_mutation);
}

cordon_value *in_action(void)
{
    if (is_kind("query")) {
        return tell(cordon_action_run_query);
    }
    return tell(is_kind("mutation") ? cordon_action_run_mutation : cordon_action_run_action);
}

static cordon_value *numbered(double n)
{
    return cordon_set(cordon_object(), "n", cordon_number(n));
}

/* Writes a thing, a line to the log, and fails with those data. */
cordon_value *fails_with(void)
{
    (void)cordon_run_mutation("db:insert", numbered(cordon_to_number(argument("n"))), NULL);
    cordon_log(CORDON_INFO, "fails");
    cordon_fail_data(argument("data"));
}

/* What is left of three writes whose second fails; all of them within this transaction. */
cordon_value *goes_on(void)
{
    cordon_value *failure;
    (void)cordon_run_mutation("db:insert", numbered(1), NULL);
    (void)cordon_run_mutation(
        "call:fails", cordon_set(numbered(2), "data", cordon_null()), &failure);
    if (failure == NULL) {
        cordon_fail("it did not fail");
    }
    (void)cordon_run_mutation("db:insert", numbered(7), &failure);
    return failure == NULL ? cordon_run_query("query:odd", NULL, NULL) : failure;
}

/* The first of two calls of an action stays, whatever the second does. */
cordon_value *stays(void)
{
    (void)cordon_action_run_mutation("db:insert", numbered(1), NULL);
    return cordon_action_run_mutation("call:fails", cordon_args(), NULL);
}

/* The failure is the caller's too. */
cordon_value *passes_on(void)
{
    (void)cordon_run_mutation("db:insert", numbered(1), NULL);
    return cordon_run_mutation("call:fails", cordon_args(), NULL);
}

cordon_value *newest_by_call(void)
{
    return cordon_run_query("query:first", NULL, NULL);
}

cordon_value *action_in_query(void)
{
    return cordon_action_run_query("query:first", NULL, NULL);
}

cordon_value *transaction_in_action(void)
{
    return cordon_run_query("query:first", NULL, NULL);
}

cordon_value *logs(void)
{
    cordon_log(CORDON_DEBUG, "one");
    cordon_log(CORDON_ERROR, "t\"w\"o\n");
    printf("three %d\n", 3);
    fputs("four\n", stderr);
    return NULL;
}

cordon_value *fails(void)
{
    const cordon_value *const text = argument("text");
    if (text == NULL) {
        cordon_fail("a \"message\"");
    }
    cordon_fail_data(text);
}

cordon_value *left(void)
{
    return cordon_left();
}

cordon_value *env(void)
{
    const char *const value = cordon_env_get(cordon_to_string(argument("name")));
    return value == NULL ? cordon_null() : cordon_string(value);
}

cordon_value *identity(void)
{
    cordon_value *const told = cordon_identity();
    return told == NULL ? cordon_null() : told;
}

cordon_value *identity_of_called(void)
{
    return cordon_action_run_mutation("run:identity", NULL, NULL);
}

/* More than one call of the host can give. */
cordon_value *random_bytes(void)
{
    const size_t count = 100000;
    void *const bytes = cordon_alloc(count);
    cordon_random_fill(bytes, count);
    return cordon_bytes(bytes, count);
}

cordon_value *hungry(void)
{
    (void)cordon_alloc(SIZE_MAX - 64);
    return NULL;
}

/* By how much the clock has moved. */
cordon_value *sleeps(void)
{
    const int64_t began = cordon_now_ms();
    cordon_effect_sleep((uint32_t)cordon_to_number(argument("ms")));
    return cordon_number((double)(cordon_now_ms() - began));
}

cordon_value *sleeps_in_query(void)
{
    cordon_effect_sleep(0);
    return NULL;
}

cordon_value *draws(void)
{
    const size_t count = (size_t)cordon_to_number(argument("count"));
    void *const bytes = cordon_alloc(count);
    cordon_effect_crypto_random(bytes, count);
    return cordon_bytes(bytes, count);
}
