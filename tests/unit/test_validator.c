/* Validators: parsing, display, and Convex's words for every way a value can fail to match. */
#include "value/validator.h"

#include "support/expect.h"
#include "value/id.h"
#include "value/json.h"

/* Tables of these tests: 10001 is messages, 10002 users, 5 _storage; 10003 is not known yet. */
static enum validator_table lookup(void *arg, uint32_t table, struct slice *out_name)
{
    unsigned *calls = arg;
    *calls += 1;
    switch (table) {
    case 10001:
        *out_name = SLICE("messages");
        return VALIDATOR_TABLE_NAMED;
    case 10002:
        *out_name = SLICE("users");
        return VALIDATOR_TABLE_NAMED;
    case 5:
        *out_name = SLICE("_storage");
        return VALIDATOR_TABLE_NAMED;
    case 10003:
        return VALIDATOR_TABLE_PENDING;
    default:
        return VALIDATOR_TABLE_UNKNOWN;
    }
}

static cordon_error *parse(
    const char *text, struct arena *arena, const struct validator **out_validator)
{
    const struct json_limits limits = {.bytes_max = (size_t)1 << 24, .depth_max = JSON_DEPTH_MAX};
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(json_parse(slice_str(text), &limits, &doc));
    return validator_parse(json_root(doc), arena, out_validator);
}

static const struct validator *parsed(const char *text, struct arena *arena)
{
    const struct validator *validator = NULL;
    expect_ok(parse(text, arena, &validator));
    return validator;
}

static struct value value_of(const char *text, struct arena *arena)
{
    struct value value = {0};
    expect_ok(value_parse(slice_str(text), arena, &value));
    return value;
}

#define FIELD(name, type) "\"" name "\":{\"fieldType\":" type ",\"optional\":false}"
#define OPTIONAL(name, type) "\"" name "\":{\"fieldType\":" type ",\"optional\":true}"
#define OBJECT(fields) "{\"type\":\"object\",\"value\":{" fields "}}"
#define ARRAY(type) "{\"type\":\"array\",\"value\":" type "}"
#define UNION(members) "{\"type\":\"union\",\"value\":[" members "]}"
#define LITERAL(value) "{\"type\":\"literal\",\"value\":" value "}"
#define RECORD(keys, values)                                                                       \
    "{\"type\":\"record\",\"keys\":" keys ",\"values\":{\"fieldType\":" values                     \
    ",\"optional\":false}}"
#define ID(table) "{\"type\":\"id\",\"tableName\":\"" table "\"}"
#define STRING "{\"type\":\"string\"}"
#define NUMBER "{\"type\":\"number\"}"
#define ANY "{\"type\":\"any\"}"

#define MESSAGE_ID "j57000820c20a1g7104gm2rc1m70ynr8" /* table 10001 */

static void displays(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *display;
    } cases[] = {
        {"null", "v.any()"},
        {ANY, "v.any()"},
        {"{\"type\":\"null\"}", "v.null()"},
        {NUMBER, "v.float64()"},
        {"{\"type\":\"bigint\"}", "v.int64()"},
        {"{\"type\":\"boolean\"}", "v.boolean()"},
        {STRING, "v.string()"},
        {"{\"type\":\"bytes\"}", "v.bytes()"},
        {LITERAL("\"a\\\"b\""), "v.literal(\"a\\\"b\")"},
        {LITERAL("1"), "v.literal(1.0)"},
        {LITERAL("{\"$integer\":\"KgAAAAAAAAA=\"}"), "v.literal(42)"},
        {LITERAL("true"), "v.literal(true)"},
        {ID("messages"), "v.id(\"messages\")"},
        {ID("_storage"), "v.id(\"_storage\")"},
        {ARRAY(ARRAY(NUMBER)), "v.array(v.array(v.float64()))"},
        {OBJECT(""), "v.object({})"},
        {OBJECT(OPTIONAL("b", NUMBER) "," FIELD("a", STRING)),
         "v.object({a: v.string(), b: v.optional(v.float64())})"},
        {OBJECT(FIELD("a b", ANY)), "v.object({\"a b\": v.any()})"},
        {OBJECT(FIELD("a", STRING) "," FIELD("a", NUMBER)), "v.object({a: v.float64()})"},
        {RECORD(STRING, NUMBER), "v.record(v.string(), v.float64())"},
        {UNION(""), "v.union()"},
        {UNION(STRING "," NUMBER), "v.union(v.string(), v.float64())"},
        {"{\"type\":\"string\",\"new\":1}", "v.string()"},
        {"{\"type\":\"object\",\"value\":{\"a\":{\"fieldType\":" STRING "}}}",
         "v.object({a: v.string()})"},
    };
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 20);
    CORDON_CLEANUP_BUFFER struct buffer buffer;
    buffer_init(&buffer, 4096);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct validator *validator = parsed(cases[i].json, &arena);
        buffer_clear(&buffer);
        expect_ok(validator_write_display(&buffer, validator));
        expect_text(&buffer, cases[i].display);
        assert_int_equal(validator_is_any(validator), strcmp(cases[i].display, "v.any()") == 0);
    }
    const struct validator *missing = NULL;
    expect_ok(validator_parse(NULL, &arena, &missing));
    assert_true(validator_is_any(missing));
}

static void refuses_what_is_no_validator(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *error;
    } cases[] = {
        {"1", "in the validator: a validator is an object with a string `type`"},
        {"{}", "string `type`"},
        {"{\"type\":1}", "string `type`"},
        {"{\"type\":\"String\"}", "in the validator: the type \"String\" is unknown"},
        {"{\"type\":\"commitTs\"}", "the type \"commitTs\" is unknown"},
        {"{\"type\":\"a\\u0000b\"}", "in the validator: the type \"a\\x00b\" is unknown"},
        {"{\"type\":\"array\"}", "in the validator at []: a validator is an object"},
        {"{\"type\":\"object\"}", "`value` of an object is not an object"},
        {"{\"type\":\"object\",\"value\":[]}", "`value` of an object is not an object"},
        {"{\"type\":\"object\",\"value\":{\"a\":{}}}", "in the validator at .a: a field is {"},
        {"{\"type\":\"object\",\"value\":{\"a\":{\"fieldType\":" ANY ",\"optional\":1}}}",
         "in the validator at .a: a field is {"},
        {OBJECT(FIELD("$a", ANY)), "Field name $a starts with a '$'"},
        {OBJECT(FIELD("a", ARRAY(OBJECT(FIELD("b", "7"))))), "in the validator at .a[].b: a val"},
        {"{\"type\":\"union\",\"value\":{}}", "`value` of a union is not an array"},
        {UNION(STRING "," ARRAY("{}")), "in the validator at <1>[]: "},
        {"{\"type\":\"literal\"}", "there is no value"},
        {LITERAL("null"), "a literal is a string, a number, a bigint or a boolean"},
        {LITERAL("[]"), "a literal is"},
        {LITERAL("{\"$bytes\":\"\"}"), "a literal is"},
        {LITERAL("{\"$integer\":\"\"}"), "got 0"},
        {"{\"type\":\"id\"}", "`tableName` of an id"},
        {ID("a b"), "`tableName` of an id"},
        {"{\"type\":\"record\"}", "in the validator at <keys>: "},
        {"{\"type\":\"record\",\"keys\":" STRING "}", "in the validator at <values>: a field is"},
        {"{\"type\":\"record\",\"keys\":" STRING ",\"values\":{\"fieldType\":" ANY
         ",\"optional\":true}}",
         "in the validator at <values>: the values of a record can't be optional"},
    };
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct validator *validator = NULL;
        expect_error(parse(cases[i].json, &arena, &validator), CORDON_E_BAD_VALUE, cases[i].error);
        assert_null(validator);
    }
}

static void arguments_are_an_object_or_any(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bool fine;
    } cases[] = {
        {"null", true},
        {ANY, true},
        {OBJECT(""), true},
        {STRING, false},
        {UNION(OBJECT("")), false},
        {RECORD(STRING, ANY), false},
    };
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 20);
    const struct json_limits limits = {.bytes_max = 1 << 20, .depth_max = 64};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct json_doc *doc = NULL;
        expect_ok(json_parse(slice_str(cases[i].json), &limits, &doc));
        const struct validator *validator = NULL;
        cordon_error *error = validator_parse_args(json_root(doc), &arena, &validator);
        if (cases[i].fine) {
            expect_ok(error);
        } else {
            expect_error(error, CORDON_E_BAD_VALUE, "must be an object or any");
            assert_null(validator);
        }
        json_free(doc);
    }
}

static void matches_or_says_why(void **state)
{
    (void)state;
    static const struct {
        const char *validator;
        const char *value;
        const char *message; /* NULL: it matches */
    } cases[] = {
        {ANY, "{\"a\":[1]}", NULL},
        {"{\"type\":\"null\"}", "null", NULL},
        {NUMBER, "1", NULL},
        {NUMBER, "{\"$float\":\"AAAAAAAA+H8=\"}", NULL},
        {"{\"type\":\"bigint\"}", "{\"$integer\":\"KgAAAAAAAAA=\"}", NULL},
        {"{\"type\":\"boolean\"}", "false", NULL},
        {STRING, "\"\"", NULL},
        {"{\"type\":\"bytes\"}", "{\"$bytes\":\"\"}", NULL},
        {LITERAL("\"y\""), "\"y\"", NULL},
        {ARRAY(STRING), "[]", NULL},
        {ARRAY(STRING), "[\"a\",\"b\"]", NULL},
        {OBJECT(""), "{}", NULL},
        {OBJECT(FIELD("a", STRING) "," OPTIONAL("b", NUMBER)), "{\"a\":\"\"}", NULL},
        {OBJECT(FIELD("a", STRING) "," OPTIONAL("b", NUMBER)), "{\"a\":\"\",\"b\":1}", NULL},
        {RECORD(STRING, NUMBER), "{\"a\":1,\"b\":2}", NULL},
        {RECORD(ID("messages"), NUMBER), "{\"" MESSAGE_ID "\":1}", NULL},
        {UNION(STRING "," NUMBER), "1", NULL},
        {ID("messages"), "\"" MESSAGE_ID "\"", NULL},

        {STRING, "1", "Value does not match validator.\n\nValue: 1.0\nValidator: v.string()"},
        {NUMBER, "{\"$integer\":\"KgAAAAAAAAA=\"}",
         "Value does not match validator.\n\nValue: 42\nValidator: v.float64()"},
        {"{\"type\":\"bigint\"}", "42",
         "Value does not match validator.\n\nValue: 42.0\nValidator: v.int64()"},
        {OBJECT(FIELD("a", STRING)), "[1]",
         "Value does not match validator.\n\nValue: [1.0]\nValidator: v.object({a: v.string()})"},
        {OBJECT(FIELD("a", OBJECT(FIELD("b", STRING)))), "{\"a\":{\"b\":null}}",
         "Value does not match validator.\nPath: .a.b\nValue: null\nValidator: v.string()"},
        {OBJECT(FIELD("a", ARRAY(NUMBER))), "{\"a\":[1,\"x\"]}",
         "Value does not match validator.\nPath: .a[1]\nValue: \"x\"\nValidator: v.float64()"},
        {OBJECT(FIELD("x", STRING)), "{}",
         "Object is missing the required field `x`. Consider wrapping the field validator in "
         "`v.optional(...)` if this is expected.\n\nObject: {}\nValidator: v.object({x: "
         "v.string()})"},
        {OBJECT(FIELD("a", OBJECT(FIELD("x", STRING)))), "{\"a\":{\"y\":1}}",
         "Object is missing the required field `x`. Consider wrapping the field validator in "
         "`v.optional(...)` if this is expected.\nPath: .a\nObject: {y: 1.0}\nValidator: "
         "v.object({x: v.string()})"},
        {OBJECT(FIELD("companyId", ID("users"))), "{\"companyId\":1}",
         "Value does not match validator.\nPath: .companyId\nValue: 1.0\nValidator: "
         "v.id(\"users\")"},
        {OBJECT(""), "{\"x\":1}",
         "Object contains extra field `x` that is not in the validator.\n\nObject: {x: "
         "1.0}\nValidator: v.object({})"},
        {OBJECT(FIELD("b", NUMBER) "," OPTIONAL("d", NUMBER)), "{\"b\":1,\"c\":2,\"d\":3}",
         "Object contains extra field `c` that is not in the validator.\n\nObject: {b: 1.0, c: "
         "2.0, d: 3.0}\nValidator: v.object({b: v.float64(), d: v.optional(v.float64())})"},
        {OBJECT(OPTIONAL("a", NUMBER) "," FIELD("b", NUMBER)), "{\"b\":1,\"z\":2}",
         "Object contains extra field `z` that is not in the validator.\n\nObject: {b: 1.0, z: "
         "2.0}\nValidator: v.object({a: v.optional(v.float64()), b: v.float64()})"},
        {LITERAL("1"), "{\"$integer\":\"AQAAAAAAAAA=\"}",
         "`1` does not match literal validator `v.literal(1.0)`."},
        {OBJECT(FIELD("i", LITERAL("\"y\""))), "{\"i\":\"x\"}",
         "`\"x\"` does not match literal validator `v.literal(\"y\")`.Path: .i"},
        {ID("users"), "\"" MESSAGE_ID "\"",
         "Found ID \"" MESSAGE_ID
         "\" from table `messages`, which does not match the table name in validator "
         "`v.id(\"users\")`."},
        {OBJECT(FIELD("a", ID("users"))), "{\"a\":\"" MESSAGE_ID "\"}",
         "Found ID \"" MESSAGE_ID
         "\" from table `messages`, which does not match the table name in validator "
         "`v.id(\"users\")`.Path: .a"},
        {ID("messages"), "\"no id\"",
         "Value does not match validator.\n\nValue: \"no id\"\nValidator: v.id(\"messages\")"},
        {RECORD(STRING, NUMBER), "{\"a\":\"x\"}",
         "Value does not match validator.\nPath: .a\nValue: \"x\"\nValidator: v.float64()"},
        {RECORD(LITERAL("\"k\""), NUMBER), "{\"a\":1}",
         "`\"a\"` does not match literal validator `v.literal(\"k\")`.Path: .a"},
        {UNION(STRING "," OBJECT(FIELD("a", NUMBER))), "{\"a\":\"x\"}",
         "Value does not match validator.\n\nValue: {a: \"x\"}\nValidator: v.union(v.string(), "
         "v.object({a: v.float64()}))"},
        {UNION(""), "1", "Value does not match validator.\n\nValue: 1.0\nValidator: v.union()"},
    };
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 20);
    CORDON_CLEANUP_BUFFER struct buffer message;
    buffer_init(&message, 1 << 16);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct validator *validator = parsed(cases[i].validator, &arena);
        const struct value value = value_of(cases[i].value, &arena);
        unsigned calls = 0;
        struct validator_context context = {
            .lookup = lookup, .lookup_arg = &calls, .steps_left = 1000};
        enum validator_verdict verdict = VALIDATOR_PENDING;
        buffer_clear(&message);
        expect_ok(validator_check(validator, &value, &context, &message, &verdict));
        expect_text(&message, cases[i].message == NULL ? "" : cases[i].message);
        assert_int_equal(verdict, cases[i].message == NULL ? VALIDATOR_MATCH : VALIDATOR_MISMATCH);
        assert_true(context.steps_left < 1000);
    }
}

static void encode_id(char *text, uint32_t table)
{
    const struct document_id id = {.table = table};
    text[0] = '"';
    const size_t size = document_id_encode(&id, text + 1);
    text[1 + size] = '"';
    text[2 + size] = '\0';
}

static void tables_are_looked_up(void **state)
{
    (void)state;
    static const struct {
        uint32_t table;
        const char *validator;
        enum validator_verdict verdict;
        const char *message; /* part of it */
    } cases[] = {
        {5, ID("_storage"), VALIDATOR_MATCH, ""},
        {5, ID("users"), VALIDATOR_MISMATCH,
         " from a system table, which does not match the table name in validator "
         "`v.id(\"users\")`."},
        {10002, ID("users"), VALIDATOR_MATCH, ""},
        {10003, ID("users"), VALIDATOR_PENDING, ""},
        {10004, ID("users"), VALIDATOR_MISMATCH, "Value does not match validator."},
        {10003, UNION(STRING "," ID("users")), VALIDATOR_MATCH, ""},
        {10003, UNION(NUMBER "," ID("users") "," STRING), VALIDATOR_PENDING, ""},
        {10001, UNION(NUMBER "," ID("users") "," ID("messages")), VALIDATOR_MATCH, ""},
    };
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 20);
    CORDON_CLEANUP_BUFFER struct buffer message;
    buffer_init(&message, 1 << 16);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[DOCUMENT_ID_TEXT_MAX + 3];
        encode_id(text, cases[i].table);
        const struct value value = value_of(text, &arena);
        unsigned calls = 0;
        struct validator_context context = {
            .lookup = lookup, .lookup_arg = &calls, .steps_left = 1000};
        enum validator_verdict verdict = VALIDATOR_MATCH;
        buffer_clear(&message);
        expect_ok(validator_check(
            parsed(cases[i].validator, &arena), &value, &context, &message, &verdict));
        assert_int_equal(verdict, cases[i].verdict);
        expect_ok(buffer_append_byte(&message, 0));
        assert_non_null(strstr((const char *)message.data, cases[i].message));
        assert_int_equal(message.size > 1, cases[i].message[0] != '\0');
    }
}

/* Nesting, at the limit and past it; the JSON is three times as deep. */
static void nesting_is_bounded(void **state)
{
    (void)state;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 20);
    for (size_t depth = 64; depth <= 65; depth++) {
        CORDON_CLEANUP_BUFFER struct buffer text;
        buffer_init(&text, 1 << 16);
        for (size_t i = 0; i < depth; i++) {
            expect_ok(buffer_append(
                &text, SLICE("{\"type\":\"object\",\"value\":{\"a\":{\"fieldType\":")));
        }
        expect_ok(buffer_append(&text, SLICE(STRING)));
        for (size_t i = 0; i < depth; i++) {
            expect_ok(buffer_append(&text, SLICE("}}}")));
        }
        expect_ok(buffer_append_byte(&text, 0));
        const struct validator *validator = NULL;
        cordon_error *error = parse((const char *)text.data, &arena, &validator);
        if (depth == 64) {
            expect_ok(error);
        } else {
            expect_error(error, CORDON_E_TOO_NESTED, "nested 65 levels deep");
        }
    }
}

/* Steps run out with an error, and no sooner than they are spent. */
static void work_is_bounded(void **state)
{
    (void)state;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 20);
    CORDON_CLEANUP_BUFFER struct buffer message;
    buffer_init(&message, 1 << 16);
    const struct validator *validator = parsed(ARRAY(UNION(STRING "," NUMBER)), &arena);
    const struct value value = value_of("[1,2,3,4,5,6,7,8,9,10]", &arena);
    const uint64_t needed = 1 + 10 * 3;
    for (uint64_t steps = 0; steps <= needed; steps++) {
        unsigned calls = 0;
        struct validator_context context = {
            .lookup = lookup, .lookup_arg = &calls, .steps_left = steps};
        enum validator_verdict verdict = VALIDATOR_PENDING;
        cordon_error *error = validator_check(validator, &value, &context, &message, &verdict);
        if (steps == needed) {
            expect_ok(error);
            assert_int_equal(verdict, VALIDATOR_MATCH);
        } else {
            expect_error(error, CORDON_E_TOO_LARGE, "too many steps");
            assert_int_equal(verdict, VALIDATOR_PENDING);
        }
        assert_int_equal(context.steps_left, 0);
    }
}

/* A message has room for what it must say, and a full one is an error and not a cut text. */
static void long_messages(void **state)
{
    (void)state;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 24);
    static char text[200000];
    memset(text, 'x', sizeof text);
    const struct value value = value_string(slice_of(text, sizeof text));
    const struct validator *validator = parsed(NUMBER, &arena);
    for (size_t room = 1024; room <= 65536; room *= 64) {
        CORDON_CLEANUP_BUFFER struct buffer message;
        buffer_init(&message, room);
        unsigned calls = 0;
        struct validator_context context = {
            .lookup = lookup, .lookup_arg = &calls, .steps_left = 10};
        enum validator_verdict verdict = VALIDATOR_MATCH;
        cordon_error *error = validator_check(validator, &value, &context, &message, &verdict);
        if (room == 1024) {
            expect_error(error, CORDON_E_TOO_LARGE, "1024 bytes");
            continue;
        }
        expect_ok(error);
        assert_int_equal(verdict, VALIDATOR_MISMATCH);
        const struct slice end = SLICE("[...truncated]\nValidator: v.float64()");
        expect_slice(slice_from(buffer_slice(&message), message.size - end.size), end);
        assert_int_equal(message.size, 31 + 1 + 1 + 7 + 16384 + end.size);
    }
}

static void survives_want_of_memory(void **state)
{
    (void)state;
    static const char text[] =
        OBJECT(FIELD("a", ARRAY(UNION(STRING "," LITERAL("\"x\"") "," ID("t")))) "," FIELD(
            "b", RECORD(STRING, NUMBER)));
    bool fitted = false;
    for (size_t size = 0; size < 16384 && !fitted; size += 16) {
        CORDON_CLEANUP_ARENA struct arena arena;
        arena_init(&arena, size);
        const struct validator *validator = NULL;
        cordon_error *error = parse(text, &arena, &validator);
        fitted = error == NULL;
        if (!fitted) {
            expect_error(error, CORDON_E_TOO_LARGE, "bytes of memory");
            assert_null(validator);
        }
    }
    assert_true(fitted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(displays),
        cmocka_unit_test(refuses_what_is_no_validator),
        cmocka_unit_test(arguments_are_an_object_or_any),
        cmocka_unit_test(matches_or_says_why),
        cmocka_unit_test(tables_are_looked_up),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(work_is_bounded),
        cmocka_unit_test(long_messages),
        cmocka_unit_test(survives_want_of_memory),
    };
    return cmocka_run_group_tests_name("value/validator", tests, NULL, NULL);
}
