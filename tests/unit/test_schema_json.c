/* Schemas: what is read of them, each way they can be wrong, and that writing is reading again. */
#include "value/schema.h"

#include "base/memory.h"
#include "value/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct json_limits limits = {.bytes_max = (size_t)64 << 20, .depth_max = 200};

static cordon_error *read_schema(const char *text, struct arena *arena, struct schema *out_schema)
{
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(json_parse(slice_str(text), &limits, &doc));
    return schema_read(json_root(doc), arena, out_schema);
}

#define TABLES(tables) "{\"tables\":[" tables "],\"schemaValidation\":true}"
#define TABLE(name, indexes) "{\"tableName\":\"" name "\",\"indexes\":[" indexes "]}"
#define INDEX(name, fields) "{\"indexDescriptor\":\"" name "\",\"fields\":[" fields "]}"
#define ONE(indexes) TABLES(TABLE("t", indexes))
#define TYPED(type) TABLES("{\"tableName\":\"t\",\"indexes\":[],\"documentType\":" type "}")

static const struct {
    const char *text;
    const char *words; /* NULL: it is a schema */
} cases[] = {
    {TABLES(""), NULL},
    {"{\"tables\":[]}", NULL},
    {"[]", "a schema is an object"},
    {"null", "a schema is an object"},
    {"{}", "`tables` must be an array"},
    {"{\"tables\":{}}", "`tables` must be an array"},
    {"{\"tables\":[],\"schemaValidation\":1}", "`schemaValidation` must be true or false"},
    {TABLES("1"), "Invalid table name: \"\". Identifiers must start"},
    {TABLES(TABLE("", "")), "Invalid table name: \"\"."},
    {TABLES(TABLE("_storage", "")), "_storage is a reserved table name."},
    {TABLES(TABLE("a b", "")), "Invalid table name: \"a b\"."},
    {TABLES(TABLE("\\u001b", "")), "Invalid table name: \"\\x1b\"."},
    {TABLES(TABLE("t", "") "," TABLE("u", "") "," TABLE("t", "")),
     "two tables have the name \"t\""},
    {TABLES("{\"tableName\":\"t\"}"), "In table \"t\": `indexes` must be an array"},
    {TABLES("{\"tableName\":\"t\",\"indexes\":[],\"searchIndexes\":[1]}"),
     "In table \"t\": `searchIndexes` are not there yet"},
    {TABLES("{\"tableName\":\"t\",\"indexes\":[],\"vectorIndexes\":[{}]}"), "`vectorIndexes`"},
    {TABLES("{\"tableName\":\"t\",\"indexes\":[],\"vectorIndexes\":1}"), "`vectorIndexes`"},
    {TABLES("{\"tableName\":\"t\",\"indexes\":[],\"stagedDbIndexes\":[{}]}"), "Invalid index name"},
    {TABLES("{\"tableName\":\"t\",\"indexes\":[],\"stagedDbIndexes\":{}}"),
     "In table \"t\": `stagedDbIndexes` must be an array"},
    {TABLES("{\"tableName\":\"t\",\"indexes\":[" INDEX(
         "a", "\"b\"") "],\"stagedDbIndexes\":[" INDEX("a", "\"c\"") "]}"),
     "Table \"t\" has two or more definitions of index \"a\"."},
    {TABLES("{\"tableName\":\"t\",\"indexes\":[" INDEX(
         "a", "\"b\"") "],\"stagedDbIndexes\":[" INDEX("c", "\"b\"") "]}"),
     "In table \"t\" index \"a\" and index \"c\" have the same fields."},
    {TABLES("{\"tableName\":\"t\",\"indexes\":[],\"stagedSearchIndexes\":[{}]}"),
     "`stagedSearchIndexes` are not there yet"},
    {TABLES("{\"tableName\":\"t\",\"indexes\":[" INDEX(
         "a", "\"b\"") "],\"stagedDbIndexes\":[" INDEX("c", "\"d\"") "]}"),
     NULL},
    {TABLES("{\"tableName\":\"t\",\"indexes\":[],\"searchIndexes\":[],\"vectorIndexes\":null}"),
     NULL},

    {ONE(INDEX("by_a", "\"a\"")), NULL},
    {ONE(INDEX("by_a", "\"a.b.c\",\"d\"")), NULL},
    {ONE("1"), "Invalid index name: \"\". Identifiers must be 64 characters or less"},
    {ONE(INDEX("_by_a", "\"a\"")),
     "In table \"t\" cannot name an index \"_by_a\" because the name is reserved. Indexes may not "
     "start with an underscore or be named \"by_id\" or \"by_creation_time\"."},
    {ONE(INDEX("by_id", "\"a\"")), "cannot name an index \"by_id\" because"},
    {ONE(INDEX("by_creation_time", "\"a\"")), "cannot name an index \"by_creation_time\""},
    {ONE(INDEX("a", "")), "In table \"t\" index \"a\" must have at least one field."},
    {ONE("{\"indexDescriptor\":\"a\",\"fields\":\"a\"}"),
     "In table \"t\": In index \"a\": `fields` must be an array"},
    {ONE(INDEX("a", "1")), "In table \"t\": In index \"a\": Invalid index field: \"\""},
    {ONE(INDEX("a", "\"\"")), "Invalid index field: \"\""},
    {ONE(INDEX("a", "\"a..b\"")), "Invalid index field: \"a..b\""},
    {ONE(INDEX("a", "\"a\",\"_creationTime\"")),
     "In index \"a\": `_creationTime` is automatically added to the end of each index."},
    {ONE(INDEX("a", "\"_secret\"")), "In index \"a\": Reserved fields (starting with `_`) are not"},
    {ONE(INDEX("a", "\"b._secret\"")), "Reserved fields (starting with `_`)"},
    {ONE(INDEX("a", "\"_id\"")), "`_id` is not a valid index field."},
    {ONE(INDEX("a", "\"b\",\"c\",\"b\"")), "In table \"t\": In index \"a\": Duplicate field \"b\". "
                                           "Index fields must be unique within an index."},
    {ONE(INDEX("a", "\"b\"") "," INDEX("a", "\"c\"")),
     "Table \"t\" has two or more definitions of index \"a\"."},
    {ONE(INDEX("a", "\"b\"") "," INDEX("c", "\"b\"")),
     "In table \"t\" index \"a\" and index \"c\" have the same fields."},
    {ONE(INDEX("a", "\"b\",\"c\"") "," INDEX("d", "\"c\",\"b\"")), NULL},

    {TYPED("null"), NULL},
    {TYPED("{\"type\":\"any\"}"), NULL},
    {TYPED("{\"type\":\"object\",\"value\":{}}"), NULL},
    {TYPED("{\"type\":\"union\",\"value\":[{\"type\":\"object\",\"value\":{}},{\"type\":\"union\","
           "\"value\":[]}]}"),
     NULL},
    {TYPED("1"), "In table \"t\": in the validator: "},
    {TYPED("{\"type\":\"string\"}"), "must be an object, a union of objects or any"},
    {TYPED(
         "{\"type\":\"record\",\"keys\":{\"type\":\"string\"},\"values\":{\"fieldType\":{\"type\":"
         "\"any\"},\"optional\":false}}"),
     "must be an object, a union of objects or any"},
    {TYPED("{\"type\":\"union\",\"value\":[{\"type\":\"null\"}]}"),
     "must be an object, a union of objects or any"},
    {TYPED("{\"type\":\"object\",\"value\":{\"_id\":{\"fieldType\":{\"type\":\"string\"}}}}"),
     "the field `_id`"},
};

static void schemas_are_read_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CORDON_CLEANUP_ARENA struct arena arena;
        arena_init(&arena, (size_t)1 << 20);
        struct schema schema;
        CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
            read_schema(cases[i].text, &arena, &schema);
        const char *words = error == NULL ? "(it was read)" : cordon_error_get_message(error);
        const bool good =
            cases[i].words == NULL ? error == NULL : strstr(words, cases[i].words) != NULL;
        if (!good) {
            fail_msg("%s\n%s", cases[i].text, words);
        }
        if (error != NULL) {
            assert_int_equal(cordon_error_get_code(error), CORDON_E_BAD_VALUE);
        }
    }
}

/* At the limits and one more: indexes of a table, fields of an index. */
static void numbers_have_limits(void **state)
{
    (void)state;
    const struct {
        size_t indexes;
        size_t fields;
        bool good;
    } counts[] = {{64, 1, true}, {65, 1, false}, {1, 16, true}, {1, 17, false}};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        CORDON_CLEANUP_BUFFER struct buffer text;
        buffer_init(&text, (size_t)1 << 20);
        assert_null(buffer_append(&text, SLICE("{\"tables\":[{\"tableName\":\"t\",\"indexes\":[")));
        for (size_t k = 0; k < counts[i].indexes; k++) {
            assert_null(json_write_comma(&text));
            assert_null(buffer_printf(&text, "{\"indexDescriptor\":\"i%zu\",\"fields\":[", k));
            for (size_t f = 0; f < counts[i].fields; f++) {
                assert_null(json_write_comma(&text));
                assert_null(buffer_printf(&text, "\"f%zu_%zu\"", k, f));
            }
            assert_null(buffer_append(&text, SLICE("]}")));
        }
        assert_null(buffer_append(&text, slice_of((const uint8_t *)"]}]}", 5)));
        CORDON_CLEANUP_ARENA struct arena arena;
        arena_init(&arena, (size_t)1 << 20);
        struct schema schema;
        CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
            read_schema((const char *)text.data, &arena, &schema);
        assert_int_equal(error == NULL, counts[i].good);
    }
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    static const char table[] =
        "{\"tableName\":\"b\",\"indexes\":[{\"indexDescriptor\":\"i\",\"fields\":[\"x.y\",\"z\"]}],"
        "\"documentType\":{\"type\":\"object\",\"value\":{\"x\":{\"fieldType\":{\"type\":\"any\"},"
        "\"optional\":true}}}}";
    char text[600];
    (void)snprintf(
        text, sizeof text, "{\"tables\":[%s,{\"indexes\":[],\"tableName\":\"a\"}]}", table);
    CORDON_CLEANUP_ARENA struct arena arena;
    CORDON_CLEANUP_BUFFER struct buffer out;
    arena_init(&arena, (size_t)1 << 20);
    buffer_init(&out, (size_t)1 << 20);
    struct schema schema;
    assert_null(read_schema(text, &arena, &schema));
    assert_int_equal(schema.table_count, 2);
    assert_true(schema.validates);
    const struct schema_table *found = schema_find(&schema, SLICE("b"));
    assert_ptr_equal(found, &schema.tables[1]); /* by name */
    assert_null(schema_find(&schema, SLICE("c")));
    assert_null(schema_find(NULL, SLICE("b")));
    assert_false(validator_is_any(found->document));
    assert_true(validator_is_any(schema.tables[0].document));
    assert_null(schema_table_write(found, &out));
    assert_true(slice_equal(buffer_slice(&out), slice_str(table)));
}

/* Each allocation fails in turn: that is said, and nothing leaks. */
static void memory_may_end(void **state)
{
    (void)state;
    for (uint64_t nth = 1;; nth++) {
        CORDON_CLEANUP_ARENA struct arena arena;
        arena_init(&arena, (size_t)1 << 20);
        struct schema schema;
        (void)mem_fail_nth(nth);
        cordon_error *error = read_schema(
            TABLES("{\"tableName\":\"t\",\"indexes\":[" INDEX(
                "i", "\"a\"") "],\"documentType\":{"
                              "\"type\":\"object\",\"value\":{}}}"),
            &arena, &schema);
        (void)mem_fail_nth(0);
        if (error == NULL) {
            assert_true(nth > 2);
            break;
        }
        assert_int_equal(cordon_error_get_code(error), CORDON_E_NO_MEMORY);
        cordon_error_free(error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schemas_are_read_or_refused),
        cmocka_unit_test(numbers_have_limits),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(memory_may_end),
    };
    return cmocka_run_group_tests_name("value/schema", tests, NULL, NULL);
}
