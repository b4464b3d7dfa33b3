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
#define MAYBE_TEXT CORDON_OBJECT(CORDON_OPTIONAL("text", CORDON_STRING))
#define ID_AND_FIELDS                                                                              \
    CORDON_OBJECT(CORDON_FIELD("id", CORDON_STRING), CORDON_FIELD("fields", ANY_OBJECT))

/* clang-format off */
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
    CORDON_ACTION("run:logs", logs, CORDON_NO_ARGS, CORDON_NULL),
    CORDON_INTERNAL_ACTION("run:fails", fails, MAYBE_TEXT, CORDON_NULL),
    CORDON_INTERNAL_QUERY("run:left", left, CORDON_NO_ARGS, CORDON_ANY),
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
