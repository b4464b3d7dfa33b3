/*
 * Queries: what their JSON is taken for, what filters say of documents, and the ends of ranges.
 * Ends are held against the conditions themselves, evaluated on many values one by one.
 */
#include "query/range.h"

#include "base/memory.h"
#include "value/id.h"
#include "value/sortkey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct read {
    struct arena arena;
    struct json_doc *doc;
    struct query query;
    struct query_fault fault;
    bool good;
};

static void read_query(struct read *read, const char *json)
{
    const struct json_limits limits = {.bytes_max = SIZE_MAX, .depth_max = 72};
    arena_init(&read->arena, SIZE_MAX);
    assert_null(json_parse(slice_str(json), &limits, &read->doc));
    read->good = query_read(json_root(read->doc), &read->arena, &read->query, &read->fault);
}

static void read_done(struct read *read)
{
    json_free(read->doc);
    arena_done(&read->arena);
}

/* -- Reading -------------------------------------------------------------------------------- */

#define TABLE "{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"t\",\"order\":null},"
#define INDEX(range)                                                                               \
    "{\"source\":{\"type\":\"IndexRange\",\"indexName\":\"t.by_a\",\"range\":" range               \
    ",\"order\":\"desc\"},\"operators\":[]}"

struct read_case {
    const char *json;
    const char *code; /* NULL: it is good */
    const char *words;
};

static const struct read_case read_cases[] = {
    {TABLE "\"operators\":[]}", NULL, NULL},
    {TABLE "\"operators\":[{\"limit\":0},{\"filter\":{\"$literal\":true}}]}", NULL, NULL},
    {INDEX("[]"), NULL, NULL},
    {INDEX("[{\"type\":\"Eq\",\"fieldPath\":\"a\",\"value\":1}]"), NULL, NULL},
    {INDEX("[{\"type\":\"Eq\",\"fieldPath\":\"a\",\"value\":{\"$undefined\":null}}]"), NULL, NULL},
    {"{}", "UnsupportedQuery", "this source"},
    {"{\"source\":{\"type\":\"Search\"},\"operators\":[]}", "UnsupportedQuery", "this source"},
    {"{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"\"}}", "InvalidArgument", "no table"},
    {"{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"_t\"}}", "SystemTableError",
     "db.system"},
    {"{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"t\",\"order\":\"up\"}}",
     "InvalidArgument", "`order`"},
    {"{\"source\":{\"type\":\"IndexRange\",\"indexName\":\"by_a\",\"range\":[]}}",
     "InvalidArgument", "`indexName`"},
    {"{\"source\":{\"type\":\"IndexRange\",\"indexName\":\"t.\",\"range\":[]}}", "InvalidArgument",
     "`indexName`"},
    {"{\"source\":{\"type\":\"IndexRange\",\"indexName\":\"t.by_a\"}}", "InvalidArgument",
     "`range`"},
    {INDEX("[{\"type\":\"Is\",\"fieldPath\":\"a\",\"value\":1}]"), "InvalidArgument", "condition"},
    {INDEX("[{\"type\":\"Eq\",\"value\":1}]"), "InvalidArgument", "condition"},
    {INDEX("[{\"type\":\"Eq\",\"fieldPath\":\"a\",\"value\":{\"$x\":1}}]"), "InvalidArgument",
     "$x"},
    {TABLE "\"operators\":{\"limit\":1}}", "InvalidArgument", "`operators`"},
    {TABLE "\"operators\":null}", "InvalidArgument", "`operators`"},
    {TABLE "\"order\":null}", "InvalidArgument", "`operators`"},
    {TABLE "\"operators\":[{}]}", "InvalidArgument", "an operator must be"},
    {TABLE "\"operators\":[{\"limit\":-1}]}", "InvalidArgument", "an operator must be"},
    {TABLE "\"operators\":[{\"limit\":1.5}]}", "InvalidArgument", "an operator must be"},
    {TABLE "\"operators\":[{\"filter\":1}]}", "InvalidArgument", "one field"},
    {TABLE "\"operators\":[{\"filter\":{}}]}", "InvalidArgument", "one field"},
    {TABLE "\"operators\":[{\"filter\":{\"$eq\":[{\"$literal\":1}]}}]}", "InvalidArgument",
     "number of operands"},
    {TABLE "\"operators\":[{\"filter\":{\"$and\":{}}}]}", "InvalidArgument", "number of operands"},
    {TABLE "\"operators\":[{\"filter\":{\"$like\":[]}}]}", "InvalidArgument", "does not exist"},
    {TABLE "\"operators\":[{\"filter\":{\"$field\":\"a..b\"}}]}", "InvalidArgument", "path"},
};

static void queries_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof read_cases / sizeof read_cases[0]; i++) {
        const struct read_case *one = &read_cases[i];
        struct read read = {0};
        read_query(&read, one->json);
        if (read.good != (one->code == NULL) ||
            (one->code != NULL && (strcmp(read.fault.code, one->code) != 0 ||
                                   strstr(read.fault.text, one->words) == NULL))) {
            fail_msg("%s: %s: %s", one->json, read.fault.code, read.fault.text);
        }
        read_done(&read);
    }
}

static void operators_have_a_bound(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        char json[QUERY_OPERATORS_MAX * 16 + 200];
        size_t size = (size_t)snprintf(json, sizeof json, TABLE "\"operators\":[");
        for (int i = 0; i < QUERY_OPERATORS_MAX + over; i++) {
            size += (size_t)snprintf(
                json + size, sizeof json - size, "%s{\"limit\":1}", i == 0 ? "" : ",");
        }
        (void)snprintf(json + size, sizeof json - size, "]}");
        struct read read = {0};
        read_query(&read, json);
        assert_int_equal(read.good, over == 0);
        read_done(&read);
    }
}

/* -- Filters -------------------------------------------------------------------------------- */

struct filter_case {
    const char *filter;
    const char *document;
    const char *result; /* "true", "false", or the words of the fault */
};

#define INT(text) "{\"$literal\":{\"$integer\":\"" text "\"}}"
#define ONE INT("AQAAAAAAAAA=")
#define ZERO INT("AAAAAAAAAAA=")
#define MINUS INT("//////////8=")
#define LEAST INT("AAAAAAAAAIA=")
#define MOST INT("/////////38=")
#define F(path) "{\"$field\":\"" path "\"}"
#define L(json) "{\"$literal\":" json "}"
#define OP(op, a, b) "{\"" op "\":[" a "," b "]}"

static const struct filter_case filter_cases[] = {
    {OP("$eq", F("a"), L("1")), "{\"a\":1}", "true"},
    {OP("$eq", F("a"), L("1")), "{\"a\":2}", "false"},
    {OP("$eq", F("a"), ONE), "{\"a\":1}", "false"}, /* Int64 is no Float64 */
    {OP("$neq", F("a"), L("1")), "{\"a\":2}", "true"},
    {OP("$lt", F("a"), L("1")), "{\"a\":1}", "false"},
    {OP("$lte", F("a"), L("1")), "{\"a\":1}", "true"},
    {OP("$gt", F("a"), L("1")), "{\"a\":1}", "false"},
    {OP("$gte", F("a"), L("1")), "{\"a\":1}", "true"},
    {OP("$lt", F("a"), L("null")), "{}", "true"}, /* a missing field comes first */
    {OP("$eq", F("a"), L("{\"$undefined\":null}")), "{}", "true"},
    {OP("$eq", F("a.b"), L("\"x\"")), "{\"a\":{\"b\":\"x\"}}", "true"},
    {OP("$eq", F("a.b"), L("\"x\"")), "{\"a\":\"b\"}", "false"},
    {OP("$gt", L("\"a\""), L("true")), "{}", "true"}, /* types in their order */
    {OP("$gt", L("[]"), L("\"a\"")), "{}", "true"},
    {OP("$eq", OP("$add", L("1"), L("2")), L("3")), "{}", "true"},
    {OP("$eq", OP("$sub", L("1"), L("2")), L("-1")), "{}", "true"},
    {OP("$eq", OP("$mul", L("2"), L("2")), L("4")), "{}", "true"},
    {OP("$eq", OP("$div", L("1"), L("2")), L("0.5")), "{}", "true"},
    {OP("$eq", OP("$mod", L("5"), L("3")), L("2")), "{}", "true"},
    {OP("$eq", OP("$add", ONE, MINUS), ZERO), "{}", "true"},
    {OP("$eq", OP("$sub", ZERO, ONE), MINUS), "{}", "true"},
    {OP("$eq", OP("$mul", MINUS, MINUS), ONE), "{}", "true"},
    {OP("$eq", OP("$div", MINUS, ONE), MINUS), "{}", "true"},
    {OP("$eq", OP("$mod", MINUS, ONE), ZERO), "{}", "true"},
    {OP("$gt", OP("$div", L("1"), L("0")), MOST), "{}", "true"}, /* infinity */
    {OP("$eq", "{\"$neg\":" ONE "}", MINUS), "{}", "true"},
    {OP("$eq", "{\"$neg\":" L("1") "}", L("-1")), "{}", "true"},
    {"{\"$not\":" L("true") "}", "{}", "false"},
    {"{\"$and\":[]}", "{}", "true"},
    {"{\"$or\":[]}", "{}", "false"},
    {OP("$and", L("false"), F("a")), "{\"a\":1}", "false"}, /* what decides comes first */
    {OP("$or", L("true"), F("a")), "{\"a\":1}", "true"},
    {OP("$and", L("true"), F("a")), "{\"a\":1}",
     "Cannot use value 1.0 (type Float64) as a Boolean"},
    {F("a"), "{}", "as a Boolean"},
    {"{\"$not\":" L("null") "}", "{}", "Cannot use value null (type Null) as a Boolean"},
    {OP("$add", L("1"), ONE), "{}", "Cannot add 1.0 (type Float64) and 1 (type Int64)"},
    {OP("$sub", L("\"a\""), L("1")), "{}", "Cannot subtract \"a\" (type String) and 1.0"},
    {OP("$mul", L("null"), L("1")), "{}", "Cannot multiply null"},
    {OP("$div", L("true"), L("1")), "{}", "Cannot divide true"},
    {OP("$mod", F("a"), L("1")), "{}", "Cannot mod undefined"},
    {OP("$add", MOST, ONE), "{}", "the result is out of range for Int64"},
    {OP("$sub", LEAST, ONE), "{}", "the result is out of range for Int64"},
    {OP("$mul", LEAST, MINUS), "{}", "the result is out of range for Int64"},
    {OP("$div", LEAST, MINUS), "{}", "the result is out of range for Int64"},
    {OP("$mod", LEAST, MINUS), "{}", "the result is out of range for Int64"},
    {OP("$div", ONE, ZERO), "{}", "Cannot divide 1 (type Int64) by zero"},
    {OP("$mod", ONE, ZERO), "{}", "by zero"},
    {"{\"$neg\":" LEAST "}", "{}", "Cannot negate"},
    {"{\"$neg\":" L("\"a\"") "}", "{}", "Cannot negate \"a\" (type String)"},
};

static const char *ask(const struct filter_case *one, struct read *read)
{
    char json[1000];
    (void)snprintf(json, sizeof json, TABLE "\"operators\":[{\"filter\":%s}]}", one->filter);
    read_query(read, json);
    if (!read->good) {
        return read->fault.text;
    }
    assert_true(read->query.has_filters && read->query.filter_nodes > 0);
    struct value document = {0};
    bool matches = false;
    assert_null(value_parse(slice_str(one->document), &read->arena, &document));
    if (!filter_matches(read->query.operators[0].filter, &document, &matches, &read->fault)) {
        assert_string_equal(read->fault.code, "EvalError");
        return read->fault.text;
    }
    return matches ? "true" : "false";
}

static void filters_say_what_convexs_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof filter_cases / sizeof filter_cases[0]; i++) {
        const struct filter_case *one = &filter_cases[i];
        struct read read = {0};
        const char *result = ask(one, &read);
        if (strstr(result, one->result) == NULL) {
            fail_msg("%s of %s: %s", one->filter, one->document, result);
        }
        read_done(&read);
    }
}

/* What is shown of a value is cut, and whole characters are left. */
static void long_values_are_cut_in_words(void **state)
{
    (void)state;
    struct buffer text;
    buffer_init(&text, SIZE_MAX);
    for (int i = 0; i < 1000; i++) {
        assert_null(buffer_append(&text, SLICE("\xc3\xa9")));
    }
    const struct value value = value_string(buffer_slice(&text));
    const struct query_shown shown = query_show(&value);
    assert_non_null(strstr(shown.text, "\xc3\xa9... (type String)"));
    buffer_done(&text);
}

/* -- Ranges --------------------------------------------------------------------------------- */

static const struct slice two_fields[] = {
    {(const uint8_t *)"a", 1},
    {(const uint8_t *)"b.c", 3},
};

static const struct query_index by_two = {.fields = two_fields, .field_count = 2, .table = 10001};
static const struct query_index by_creation = {.table = 10001};
static const struct query_index by_id = {.by_id = true, .table = 10001};

struct fault_case {
    const struct query_index *index;
    const char *range;
    const char *code; /* NULL: good */
    const char *words;
};

#define C(type, path, value)                                                                       \
    "{\"type\":\"" type "\",\"fieldPath\":\"" path "\",\"value\":" value "}"

static const struct fault_case fault_cases[] = {
    {&by_two, "[]", NULL, NULL},
    {&by_two, "[" C("Eq", "b.c", "1") "," C("Eq", "a", "1") "]", NULL, NULL},
    {&by_two, "[" C("Eq", "a", "1") "," C("Gt", "b.c", "1") "," C("Lt", "b.c", "2") "]", NULL,
     NULL},
    {&by_two, "[" C("Gt", "a", "1") "," C("Lte", "a", "2") "]", NULL, NULL},
    {&by_two, "[" C("Eq", "a", "1") "," C("Eq", "b.c", "1") "," C("Gt", "_creationTime", "1") "]",
     NULL, NULL},
    {&by_creation, "[" C("Gt", "_creationTime", "1") "]", NULL, NULL},
    {&by_id, "[" C("Eq", "_id", "\"x\"") "]", NULL, NULL},
    {&by_two, "[" C("Eq", "d", "1") "]", "FieldNotInIndex",
     "The index range included a comparison with \"d\", but t.i with fields [\"a\", \"b.c\", "
     "\"_creationTime\"] doesn't index this field."},
    {&by_two, "[" C("Eq", "b", "1") "]", "FieldNotInIndex", "comparison with \"b\", "},
    {&by_id, "[" C("Eq", "_creationTime", "1") "]", "FieldNotInIndex",
     "with fields [\"_id\"] doesn't"},
    {&by_two, "[" C("Eq", "b.c", "1") "]", "InvalidIndexRange",
     "Tried to query index t.i but the query didn't use the index fields in order.\nIndex fields: "
     "[\"a\", \"b.c\", \"_creationTime\"]\nQuery fields: [\"b.c\"]\nFirst incorrect field: "
     "\"b.c\""},
    {&by_two, "[" C("Gt", "b.c", "1") "]", "InvalidIndexRange", "First incorrect field: \"b.c\""},
    {&by_two, "[" C("Gt", "a", "1") "," C("Eq", "b.c", "1") "]", "InvalidIndexRange",
     "Query fields: [\"a\", \"b.c\"]\nFirst incorrect field: \"b.c\""},
    {&by_two, "[" C("Eq", "a", "1") "," C("Gt", "a", "1") "]", "InvalidIndexRange",
     "didn't use the index fields in order"},
    {&by_two, "[" C("Eq", "a", "1") "," C("Eq", "a", "2") "]", "AlreadyDefinedBound",
     "Already defined equality bound in index range. Can't add \"a\" == 2.0."},
    {&by_two, "[" C("Gt", "a", "1") "," C("Gte", "a", "\"x\"") "]", "AlreadyDefinedBound",
     "Already defined lower bound in index range. Can't add \"a\" >= \"x\"."},
    {&by_two, "[" C("Lt", "a", "1") "," C("Lte", "a", "{\"$undefined\":null}") "]",
     "AlreadyDefinedBound",
     "Already defined upper bound in index range. Can't add \"a\" <= undefined."},
    {&by_two, "[" C("Gt", "a", "1") "," C("Lt", "b.c", "1") "]", "BoundsOnMultipleFields",
     "This query against index t.i attempted to set a range bound on both \"a\" and \"b.c\"."},
};

/* Reads the conditions and makes the ends. */
static bool make_range(
    struct read *read,
    const struct query_index *index,
    const char *range,
    struct buffer ends[2],
    bool *out_empty)
{
    char json[4000];
    (void)snprintf(
        json, sizeof json,
        "{\"source\":{\"type\":\"IndexRange\",\"indexName\":\"t.i\",\"range\":%s},"
        "\"operators\":[]}",
        range);
    read_query(read, json);
    assert_true(read->good);
    buffer_init(&ends[0], SIZE_MAX);
    buffer_init(&ends[1], SIZE_MAX);
    return query_range(&read->query, index, &ends[0], &ends[1], out_empty, &read->fault);
}

static void conditions_follow_the_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fault_cases / sizeof fault_cases[0]; i++) {
        const struct fault_case *one = &fault_cases[i];
        struct read read = {0};
        struct buffer ends[2];
        bool empty = false;
        const bool good = make_range(&read, one->index, one->range, ends, &empty);
        if (good != (one->code == NULL) ||
            (one->code != NULL && (strcmp(read.fault.code, one->code) != 0 ||
                                   strstr(read.fault.text, one->words) == NULL))) {
            fail_msg("%s: %s: %s", one->range, good ? "good" : read.fault.code, read.fault.text);
        }
        buffer_done(&ends[0]);
        buffer_done(&ends[1]);
        read_done(&read);
    }
}

/* Values of all types, in order, as texts of encoded JSON. */
static const char *const ordered[] = {
    "{\"$undefined\":null}",
    "null",
    "{\"$integer\":\"//////////8=\"}",
    "{\"$integer\":\"AQAAAAAAAAA=\"}",
    "{\"$float\":\"AAAAAAAA8P8=\"}",
    "-1.5",
    "0",
    "1",
    "1700000000000",
    "{\"$float\":\"AAAAAAAA+H8=\"}",
    "false",
    "true",
    "\"\"",
    "\"\\u0000\"",
    "\"j57\"",
    "\"j57\\u0000\"", /* what the key of the one before begins with, this one's does too */
    "\"j57\\u0000\\u0000\"",
    "\"j57\\u0000a\"",
    "\"j57\\u0001\"",
    "\"j57000820c20a1g7104gm2rc1m70ynr8\"", /* an id of the table 10001 */
    "\"j57000820c20a1g7104gm2rc1m70ynr9\"", /* none, right behind it */
    "\"j57200820c20a1g7104gm2rc1m70ynr8\"",
    "\"zzz\"",
    "{\"$bytes\":\"\"}",
    "{\"$bytes\":\"AA==\"}",
    "{\"$bytes\":\"AAA=\"}",
    "{\"$bytes\":\"AP8=\"}",
    "{\"$bytes\":\"AQ==\"}",
    "{\"$bytes\":\"/w==\"}",
    "[]",
    "[\"\"]",
    "[\"\\u0000\"]",
    "[[]]",
    "{}",
    "{\"a\":1}",
};
enum { ORDERED = sizeof ordered / sizeof ordered[0] };

static const char *const ops[] = {"Eq", "Gt", "Gte", "Lt", "Lte"};

static bool holds(size_t op, int order)
{
    return op == 0   ? order == 0
           : op == 1 ? order > 0
           : op == 2 ? order >= 0
           : op == 3 ? order < 0
                     : order <= 0;
}

static bool is_inside(const struct buffer ends[2], bool empty, struct slice key)
{
    return !empty && slice_compare(key, buffer_slice(&ends[0])) >= 0 &&
           (ends[1].size == 0 || slice_compare(key, buffer_slice(&ends[1])) < 0);
}

static void parse(const char *json, struct arena *arena, struct value *out)
{
    struct json_doc *doc = NULL;
    char text[400];
    (void)snprintf(text, sizeof text, "[%s]", json);
    const struct json_limits limits = {.bytes_max = SIZE_MAX, .depth_max = 72};
    assert_null(json_parse_in_arena(slice_str(text), &limits, arena, &doc));
    assert_null(value_or_undefined_from_json(json_at(json_root(doc), 0), arena, out));
    json_free(doc);
}

static void append_place(struct buffer *key, double time, const uint8_t id[16])
{
    const struct value number = value_float64(time);
    struct buffer tagged;
    buffer_init(&tagged, SIZE_MAX);
    assert_null(sortkey_write(&tagged, &number));
    assert_null(buffer_append(key, slice_from(buffer_slice(&tagged), 1)));
    assert_null(buffer_append(key, slice_of(id, 16)));
    buffer_done(&tagged);
}

/* A key whose first field is one of the values, or whose time or id stands for it. */
enum part_of_key { FIRST_FIELD, CREATION_TIME, ID };

static bool make_key(
    enum part_of_key part, const struct value *value, struct buffer *key, struct arena *arena)
{
    static const uint8_t some_id[16] = {7};
    (void)arena;
    buffer_init(key, SIZE_MAX);
    if (part == FIRST_FIELD) {
        const struct value second = value_null();
        assert_null(sortkey_write(key, value));
        assert_null(sortkey_write(key, &second));
        append_place(key, 5, some_id);
        return true;
    }
    if (part == CREATION_TIME) {
        if (value->kind != VALUE_FLOAT64) {
            return false;
        }
        append_place(key, value->as.float64, some_id);
        return true;
    }
    struct document_id id;
    if (value->kind != VALUE_STRING || !document_id_decode(value_slice(value), &id)) {
        return false;
    }
    assert_null(buffer_append(key, slice_of(id.internal, 16)));
    return true;
}

static void check_condition(
    const struct query_index *index,
    enum part_of_key part,
    const char *path,
    size_t op,
    size_t with)
{
    char range[400];
    (void)snprintf(
        range, sizeof range, "[{\"type\":\"%s\",\"fieldPath\":\"%s\",\"value\":%s}]", ops[op], path,
        ordered[with]);
    struct read read = {0};
    struct buffer ends[2];
    bool empty = false;
    assert_true(make_range(&read, index, range, ends, &empty));
    for (size_t i = 0; i < ORDERED; i++) {
        struct value value = {0};
        struct value bound = {0};
        struct buffer key;
        parse(ordered[i], &read.arena, &value);
        parse(ordered[with], &read.arena, &bound);
        if (make_key(part, &value, &key, &read.arena)) {
            const bool wanted = holds(op, value_compare(&value, &bound));
            if (is_inside(ends, empty, buffer_slice(&key)) != wanted) {
                fail_msg("%s: %s is %s", range, ordered[i], wanted ? "left out" : "let in");
            }
        }
        buffer_done(&key);
    }
    buffer_done(&ends[0]);
    buffer_done(&ends[1]);
    read_done(&read);
}

static void ends_are_where_the_conditions_say(void **state)
{
    (void)state;
    for (size_t op = 0; op < 5; op++) {
        for (size_t with = 0; with < ORDERED; with++) {
            check_condition(&by_two, FIRST_FIELD, "a", op, with);
            check_condition(&by_creation, CREATION_TIME, "_creationTime", op, with);
            check_condition(&by_id, ID, "_id", op, with);
        }
    }
}

/* An equality in front narrows both ends. */
static void equalities_come_first(void **state)
{
    (void)state;
    struct read read = {0};
    struct buffer ends[2];
    bool empty = false;
    assert_true(make_range(
        &read, &by_two, "[" C("Eq", "a", "1") "," C("Gt", "b.c", "1") "," C("Lte", "b.c", "2") "]",
        ends, &empty));
    static const double cases[][3] = {
        {1, 1, 0}, {1, 1.5, 1}, {1, 2, 1}, {1, 2.5, 0}, {0, 1.5, 0}, {2, 1.5, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct value a = value_float64(cases[i][0]);
        const struct value c = value_float64(cases[i][1]);
        static const uint8_t id[16] = {1};
        struct buffer key;
        buffer_init(&key, SIZE_MAX);
        assert_null(sortkey_write(&key, &a));
        assert_null(sortkey_write(&key, &c));
        append_place(&key, 5, id);
        assert_int_equal(is_inside(ends, empty, buffer_slice(&key)), cases[i][2] != 0);
        buffer_done(&key);
    }
    buffer_done(&ends[0]);
    buffer_done(&ends[1]);
    read_done(&read);
}

/* Bounds that cross leave nothing, whatever is between. */
static void crossed_bounds_are_empty(void **state)
{
    (void)state;
    static const char *const ranges[] = {
        "[" C("Gt", "a", "1") "," C("Lt", "a", "1") "]",
        "[" C("Gte", "a", "1") "," C("Lt", "a", "1") "]",
        "[" C("Gt", "a", "2") "," C("Lt", "a", "1") "]",
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        struct read read = {0};
        struct buffer ends[2];
        bool empty = false;
        assert_true(make_range(&read, &by_two, ranges[i], ends, &empty));
        assert_true(empty);
        buffer_done(&ends[0]);
        buffer_done(&ends[1]);
        read_done(&read);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_are_read),
        cmocka_unit_test(operators_have_a_bound),
        cmocka_unit_test(filters_say_what_convexs_do),
        cmocka_unit_test(long_values_are_cut_in_words),
        cmocka_unit_test(conditions_follow_the_rule),
        cmocka_unit_test(ends_are_where_the_conditions_say),
        cmocka_unit_test(equalities_come_first),
        cmocka_unit_test(crossed_bounds_are_empty),
    };
    return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
