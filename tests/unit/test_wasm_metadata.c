/*
 * The metadata: what is read from the section `convex.functions`, and each way it can be wrong.
 */
#include "base/memory.h"
#include "unit/wasm_build.h"
#include "value/validator.h"
#include "wasm/admit.h"
#include "wasm/metadata.h"

#include "limits/budget.h"
#include "wasm/reader.h"
#include "wasm/report.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ARENA_BYTES ((size_t)64 << 20)

/* A function entry with everything that must be there; cases leave out or change one thing. */
#define ENTRY(path, export)                                                                        \
    "{\"path\":\"" path "\",\"export\":\"" export "\",\"kind\":\"query\",\"visibility\":"          \
                                                  "\"public\"}"
#define ONE(entry) "{\"abi\":1,\"functions\":[" entry "]}"

/* A module with functions `f`, `g` that can be called, and exports that cannot. */
static void build_exports(struct build *b)
{
    build_init(b);
    const uint32_t imported = build_import(b, "env", "nothing", "", "");
    build_memory(b, "memory", 1, BUILD_NO_MAX);
    build_function(b, "f", "", "", NO_CODE);
    build_function(b, "g", "", "", NO_CODE);
    build_function(b, "takes", "i", "", NO_CODE);
    build_function(b, "gives", "", "I", CODE(OP_UNREACHABLE));
    build_export(b, "foreign", BUILD_FUNCTION, imported);
}

static cordon_error *read_metadata(
    struct slice wasm, struct arena *arena, const struct wasm_metadata **out_metadata)
{
    CORDON_CLEANUP_ARENA struct arena module_arena;
    arena_init(&module_arena, ARENA_BYTES);
    const struct wasm_module *module = NULL;
    TRY(wasm_read(wasm, &wasm_limits_default, &module_arena, &module));
    return wasm_metadata_read(module, arena, out_metadata);
}

static void assert_refused(struct slice wasm, const char *label, const char *words)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    const struct wasm_metadata *metadata = NULL;
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = read_metadata(wasm, &arena, &metadata);
    const char *text = error == NULL ? "(accepted)" : cordon_error_get_message(error);
    if (error == NULL || strstr(text, words) == NULL) {
        fail_msg("%s\nexpected: %s\ngot: %s", label, words, text);
    }
    assert_int_equal(cordon_error_get_code(error), CORDON_E_MODULE_REFUSED);
    assert_non_null(strstr(text, ", at byte "));
    assert_null(metadata);
}

static const struct refused_case {
    const char *json;
    const char *words;
} refused[] = {
    /* The text. */
    {"", "The metadata cannot be read: "},
    {"{", "The metadata cannot be read: "},
    {"{\"abi\":1,}", "The metadata cannot be read: "},
    {ONE(ENTRY("a:f", "f")) "x", "The metadata cannot be read: "},
    {"\xff", "The metadata cannot be read: "},
    {"[]", "The metadata is no JSON object"},
    {"null", "The metadata is no JSON object"},

    /* The whole. */
    {"{}", "The metadata has no number \"abi\""},
    {"{\"abi\":\"1\",\"functions\":[]}", "The metadata has no number \"abi\""},
    {"{\"abi\":1.5,\"functions\":[]}", "The metadata has no number \"abi\""},
    {"{\"abi\":2,\"functions\":[]}", "The metadata is for ABI 2; this host speaks ABI 1"},
    {"{\"abi\":0,\"functions\":[]}", "The metadata is for ABI 0"},
    {"{\"abi\":1}", "The metadata has no array \"functions\""},
    {"{\"abi\":1,\"functions\":{}}", "The metadata has no array \"functions\""},
    {"{\"abi\":1,\"functions\":[]}", "The metadata declares no function"},

    /* One function. */
    {ONE("1"), "Function 0 of the metadata is no object"},
    {ONE("null"), "Function 0 of the metadata is no object"},
    {ONE("{}"), "Function 0 of the metadata lacks the key \"path\""},
    {ONE("{\"path\":1}"), "Function 0 of the metadata has a \"path\" that is no string"},
    {ONE("{\"path\":null}"), "Function 0 of the metadata has a \"path\" that is no string"},
    {ONE(ENTRY("", "f")), "has a path that is not valid: "},
    {ONE(ENTRY("a:b:c", "f")), "has a path that is not valid: "},
    {ONE(ENTRY("a b:f", "f")), "has a path that is not valid: "},
    {ONE(ENTRY("/a:f", "f")), "has a path that is not valid: "},
    {ONE(ENTRY("../a:f", "f")), "has a path that is not valid: "},
    {ONE(ENTRY("a:1", "f")), "has a path that is not valid: "},
    {ONE("{\"path\":\"a:f\"}"), "Function 0 of the metadata, \"a:f\", lacks the key \"export\""},
    {ONE(ENTRY("a:f", "nope")), "names the export \"nope\", which does not exist"},
    {ONE(ENTRY("a:f", "")), "names the export \"\", which does not exist"},
    {ONE(ENTRY("a:f", "f\\u0000")), "names the export \"f\\x00\", which does not exist"},
    {ONE(ENTRY("a:f", "memory")), "names an export that cannot be called: it is a memory"},
    {ONE(ENTRY("a:f", "takes")), "cannot be called: it has the type (i32) -> (), not () -> ()"},
    {ONE(ENTRY("a:f", "gives")), "cannot be called: it has the type () -> (i64), not () -> ()"},
    {ONE(ENTRY("a:f", "foreign")), "cannot be called: it is an imported function"},
    {ONE("{\"path\":\"a:f\",\"export\":\"f\"}"), "lacks the key \"kind\""},
    {ONE("{\"path\":\"a:f\",\"export\":\"f\",\"kind\":\"Query\"}"),
     "has the kind \"Query\"; there are query, mutation and action"},
    {ONE("{\"path\":\"a:f\",\"export\":\"f\",\"kind\":\"\"}"), "has the kind \"\""},
    {ONE("{\"path\":\"a:f\",\"export\":\"f\",\"kind\":0}"), "has a \"kind\" that is no string"},
    {ONE("{\"path\":\"a:f\",\"export\":\"f\",\"kind\":\"query\"}"), "lacks the key \"visibility\""},
    {ONE("{\"path\":\"a:f\",\"export\":\"f\",\"kind\":\"query\",\"visibility\":\"private\"}"),
     "has the visibility \"private\"; there are public and internal"},

    /* Validators. */
    {ONE("{\"path\":\"a:f\",\"export\":\"f\",\"kind\":\"query\",\"visibility\":\"public\","
         "\"args\":{\"type\":\"strin\"}}"),
     "has a validator \"args\" that is not valid: "},
    {ONE("{\"path\":\"a:f\",\"export\":\"f\",\"kind\":\"query\",\"visibility\":\"public\","
         "\"args\":{\"type\":\"string\"}}"), /* arguments are an object */
     "has a validator \"args\" that is not valid: "},
    {ONE("{\"path\":\"a:f\",\"export\":\"f\",\"kind\":\"query\",\"visibility\":\"public\","
         "\"returns\":7}"),
     "has a validator \"returns\" that is not valid: "},

    /* Limits. */
    {ONE("{\"path\":\"a:f\",\"export\":\"f\",\"kind\":\"query\",\"visibility\":\"public\","
         "\"limits\":[]}"),
     "has \"limits\" that are no object"},
    {ONE("{\"path\":\"a:f\",\"export\":\"f\",\"kind\":\"query\",\"visibility\":\"public\","
         "\"limits\":{\"fuels\":1}}"),
     "lowers the limit \"fuels\", which is none of a run"},
    {ONE("{\"path\":\"a:f\",\"export\":\"f\",\"kind\":\"query\",\"visibility\":\"public\","
         "\"limits\":{\"stack_bytes\":65536}}"),
     "lowers the limit \"stack_bytes\", which is none of a run"},
    {ONE("{\"path\":\"a:f\",\"export\":\"f\",\"kind\":\"query\",\"visibility\":\"public\","
         "\"limits\":{\"fuel\":-1}}"),
     "lowers the limit \"fuel\" to something that is no whole number"},

    /* Keys that are there twice. */
    {"{\"abi\":1,\"abi\":1,\"functions\":[" ENTRY("a:f", "f") "]}",
     "The metadata has the key \"abi\" twice"},
    {"{\"abi\":1,\"functions\":[],\"functions\":[" ENTRY("a:f", "f") "]}",
     "The metadata has the key \"functions\" twice"},
    {ONE("{\"path\":\"a:f\",\"export\":\"f\",\"kind\":\"query\",\"visibility\":\"internal\","
         "\"visibility\":\"public\"}"),
     "Function 0 of the metadata, \"a:f\", has the key \"visibility\" twice in one object"},
    {ONE("{\"path\":\"a:f\",\"export\":\"f\",\"kind\":\"query\",\"visibility\":\"public\","
         "\"args\":{\"type\":\"object\",\"value\":{"
         "\"x\":{\"fieldType\":{\"type\":\"any\"},\"optional\":false},"
         "\"x\":{\"fieldType\":{\"type\":\"string\"},\"optional\":false}}}}"),
     "has the key \"x\" twice in one object"},
    {ONE("{\"path\":\"a:f\",\"export\":\"f\",\"kind\":\"query\",\"visibility\":\"public\","
         "\"limits\":{\"fuel\":1,\"fuel\":2}}"),
     "has the key \"fuel\" twice in one object"},

    /* All together. */
    {ONE(ENTRY("a:f", "f") "," ENTRY("a:f", "g")),
     "Functions 0 and 1 of the metadata have the same path \"a:f\""},
    {ONE(ENTRY("a:f", "f") "," ENTRY("b:f", "f") "," ENTRY("a.js:f", "f")),
     "Functions 0 and 2 of the metadata have the same path \"a:f\""},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct build b;
        build_exports(&b);
        build_metadata(&b, refused[i].json);
        assert_refused(build_finish(&b), refused[i].json, refused[i].words);
        build_done(&b);
    }
}

static void test_section(void **state)
{
    (void)state;
    struct build b;
    build_exports(&b);
    assert_refused(build_finish(&b), "absent", "has no custom section \"convex.functions\"");
    build_custom(&b, "convex.function", SLICE("{}"));
    assert_refused(build_finish(&b), "other name", "has no custom section \"convex.functions\"");
    build_metadata(&b, ONE(ENTRY("a:f", "f")));
    build_metadata(&b, ONE(ENTRY("a:f", "f")));
    assert_refused(build_finish(&b), "double", "\"convex.functions\" is there twice");
    build_done(&b);
}

/* Exactly a megabyte is read, one byte more is not. */
static void test_size(void **state)
{
    (void)state;
    static char json[WASM_METADATA_BYTES_MAX + 2];
    const char *text = ONE(ENTRY("a:f", "f"));
    memset(json, ' ', sizeof json - 1);
    memcpy(json, text, strlen(text));

    struct build small;
    build_exports(&small);
    build_custom(&small, "convex.functions", slice_of(json, WASM_METADATA_BYTES_MAX));
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    const struct wasm_metadata *metadata = NULL;
    assert_null(read_metadata(build_finish(&small), &arena, &metadata));
    build_done(&small);

    struct build large;
    build_exports(&large);
    build_custom(&large, "convex.functions", slice_of(json, WASM_METADATA_BYTES_MAX + 1));
    assert_refused(build_finish(&large), "large", "is 1048577 bytes long; the limit is 1048576");
    build_done(&large);
}

static void test_facts(void **state)
{
    (void)state;
    struct build b;
    build_exports(&b);
    build_metadata(
        &b, "{\"later\":{},\"abi\":1,\"functions\":["
            "{\"path\":\"dir/messages.js:list\",\"export\":\"f\",\"kind\":\"query\",\"extra\":[1],"
            "\"visibility\":\"public\"},"
            "{\"path\":\"a\",\"export\":\"f\",\"kind\":\"mutation\",\"visibility\":\"internal\","
            "\"args\":{\"type\":\"object\",\"value\":{\"n\":{\"fieldType\":{\"type\":\"number\"},"
            "\"optional\":false}}},\"returns\":null},"
            "{\"path\":\"a:b\",\"export\":\"g\",\"kind\":\"action\",\"visibility\":\"public\","
            "\"args\":{\"type\":\"any\"},\"returns\":{ \"type\" : \"string\" },"
            "\"limits\":{\"fuel\":7,\"user_time_ms\":0}}]}");
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    const struct wasm_metadata *metadata = NULL;
    assert_null(read_metadata(build_finish(&b), &arena, &metadata));
    build_done(&b); /* the metadata borrows nothing from the module */

    assert_int_equal(metadata->function_count, 3);
    const struct wasm_metadata_function *list = &metadata->functions[0];
    assert_true(slice_equal(list->path.text, SLICE("dir/messages:list")));
    assert_true(slice_equal(list->path.canonical, SLICE("dir/messages.js:list")));
    assert_true(slice_equal(list->export_name, SLICE("f")));
    assert_int_equal(list->kind, CORDON_QUERY);
    assert_int_equal(list->visibility, WASM_PUBLIC);
    assert_true(validator_is_any(list->args));
    assert_true(validator_is_any(list->returns));
    assert_true(slice_equal(list->args_json, SLICE("{\"type\":\"any\"}")));
    assert_true(slice_equal(list->returns_json, SLICE("{\"type\":\"any\"}")));

    const struct wasm_metadata_function *a = &metadata->functions[1];
    assert_true(slice_equal(a->path.text, SLICE("a:default")));
    assert_int_equal(a->kind, CORDON_MUTATION);
    assert_int_equal(a->visibility, WASM_INTERNAL);
    assert_false(validator_is_any(a->args));
    assert_true(validator_is_any(a->returns));
    assert_true(slice_equal(
        a->args_json, SLICE("{\"type\":\"object\",\"value\":{\"n\":{\"fieldType\":"
                            "{\"type\":\"number\"},\"optional\":false}}}")));

    const struct wasm_metadata_function *action = &metadata->functions[2];
    assert_int_equal(action->kind, CORDON_ACTION);
    assert_null(list->limits);
    assert_true(action->limits->set[CORDON_LIMIT_FUEL]);
    assert_int_equal(action->limits->value[CORDON_LIMIT_FUEL], 7);
    assert_true(action->limits->set[CORDON_LIMIT_USER_TIME_MS]);
    assert_false(action->limits->set[CORDON_LIMIT_MEMORY_BYTES]);
    assert_false(validator_is_any(action->returns));
    assert_true(slice_equal(action->returns_json, SLICE("{\"type\":\"string\"}")));
}

static void build_many(struct build *b, unsigned count)
{
    build_exports(b);
    struct buffer json;
    buffer_init(&json, 4 << 20);
    build_check(buffer_append(&json, SLICE("{\"abi\":1,\"functions\":[")));
    for (unsigned i = 0; i < count; i++) {
        build_check(buffer_printf(
            &json,
            "%s{\"path\":\"a:f%u\",\"export\":\"f\",\"kind\":\"query\","
            "\"visibility\":\"public\"}",
            i == 0 ? "" : ",", i));
    }
    build_check(buffer_append(&json, SLICE("]}")));
    build_custom(b, "convex.functions", buffer_slice(&json));
    buffer_done(&json);
}

static void test_many_functions(void **state)
{
    (void)state;
    struct build b;
    build_many(&b, WASM_METADATA_FUNCTIONS_MAX);
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    const struct wasm_metadata *metadata = NULL;
    assert_null(read_metadata(build_finish(&b), &arena, &metadata));
    assert_int_equal(metadata->function_count, WASM_METADATA_FUNCTIONS_MAX);

    /* A small arena refuses in words. */
    CORDON_CLEANUP_ARENA struct arena small;
    arena_init(&small, 1 << 20);
    const struct wasm_metadata *none = NULL;
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
        read_metadata(build_finish(&b), &small, &none);
    assert_non_null(error);
    assert_int_equal(cordon_error_get_code(error), CORDON_E_MODULE_REFUSED);
    assert_non_null(strstr(cordon_error_get_message(error), "takes more than 1048576 bytes"));
    build_done(&b);

    build_many(&b, WASM_METADATA_FUNCTIONS_MAX + 1);
    assert_refused(build_finish(&b), "many", "declares 10001 functions; the limit is 10000");
    build_done(&b);
}

/* The densest text there is: half a million numbers. */
static void test_dense_text(void **state)
{
    (void)state;
    static char json[WASM_METADATA_BYTES_MAX];
    for (size_t i = 0; i < sizeof json; i++) {
        json[i] = i % 2 == 0 ? ',' : '1';
    }
    json[0] = '[';
    json[sizeof json - 2] = '1'; /* the size is even: a number of two digits at the end */
    json[sizeof json - 1] = ']';
    struct build b;
    build_exports(&b);
    build_custom(&b, "convex.functions", slice_of(json, sizeof json));
    assert_refused(build_finish(&b), "dense", "The metadata is no JSON object");
    build_done(&b);
}

/* Every prefix of a whole guest is refused by the three steps together. */
static void test_every_prefix(void **state)
{
    (void)state;
    static const struct wasm_import_type offered[] = {{"env", "nothing", "", ""}};
    const struct wasm_rules rules = {
        .imports = offered,
        .import_count = 1,
        .memory_bytes_max = WASM_PAGE_BYTES,
    };
    struct build b;
    build_exports(&b);
    build_metadata(&b, ONE(ENTRY("a:f", "f")));
    const struct slice whole = build_finish(&b);
    for (size_t size = 0; size <= whole.size; size++) {
        uint8_t *copy = malloc(size + 1);
        assert_non_null(copy);
        memcpy(copy, whole.data, size);
        CORDON_CLEANUP_ARENA struct arena arena;
        arena_init(&arena, ARENA_BYTES);
        const struct wasm_module *module = NULL;
        const struct wasm_metadata *metadata = NULL;
        cordon_error *error =
            wasm_read(slice_of(copy, size), &wasm_limits_default, &arena, &module);
        if (error == NULL) {
            error = wasm_admit(module, &rules);
        }
        if (error == NULL) {
            error = wasm_metadata_read(module, &arena, &metadata);
        }
        assert_true((error == NULL) == (size == whole.size));
        cordon_error_free(error);
        free(copy);
    }
    build_done(&b);
}

/* Each allocation of the three steps failed in turn: the one error, and nothing leaks. */
static void test_no_memory(void **state)
{
    (void)state;
    struct build b;
    build_exports(&b);
    build_metadata(&b, ONE(ENTRY("a:f", "f")));
    const struct slice wasm = build_finish(&b);
    for (uint64_t nth = 1;; nth++) {
        CORDON_CLEANUP_ARENA struct arena arena;
        arena_init(&arena, ARENA_BYTES);
        const struct wasm_metadata *metadata = NULL;
        (void)mem_fail_nth(nth);
        cordon_error *error = read_metadata(wasm, &arena, &metadata);
        (void)mem_fail_nth(0);
        if (error == NULL) {
            assert_true(nth > 3);
            break;
        }
        assert_int_equal(cordon_error_get_code(error), CORDON_E_NO_MEMORY);
        cordon_error_free(error);
    }
    build_done(&b);
}

static void test_report(void **state)
{
    (void)state;
    struct build b;
    build_init(&b);
    const struct slice wasm = build_guest(
        &b, "f", NO_CODE,
        "{\"abi\":1,\"functions\":[{\"path\":\"a:f\",\"export\":\"f\",\"kind\":\"mutation\","
        "\"visibility\":\"internal\",\"returns\":{\"type\":\"null\"}}]}");
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    const struct wasm_module *module = NULL;
    const struct wasm_metadata *metadata = NULL;
    assert_null(wasm_read(wasm, &wasm_limits_default, &arena, &module));
    assert_null(wasm_metadata_read(module, &arena, &metadata));
    CORDON_CLEANUP_BUFFER struct buffer report;
    buffer_init(&report, 1 << 20);
    const struct wasm_callgraph *graph = NULL;
    assert_null(wasm_callgraph_make(module, &arena, &graph));
    assert_null(wasm_report_json(module, graph, metadata, NULL, &report));
    assert_null(buffer_append_byte(&report, 0));
    assert_non_null(strstr(
        (const char *)report.data,
        ",\"functions\":[{\"path\":\"a:f\",\"export\":\"f\",\"kind\":\"mutation\","
        "\"visibility\":\"internal\",\"args\":{\"type\":\"any\"},"
        "\"returns\":{\"type\":\"null\"},\"capabilities\":[],\"recursive\":false,"
        "\"callDepth\":1}],\"schema\":null,\"imports\":[],"));
    build_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"wasm/metadata/facts", test_facts, NULL, NULL, NULL},
        {"wasm/metadata/refused", test_refused, NULL, NULL, NULL},
        {"wasm/metadata/section", test_section, NULL, NULL, NULL},
        {"wasm/metadata/size", test_size, NULL, NULL, NULL},
        {"wasm/metadata/many_functions", test_many_functions, NULL, NULL, NULL},
        {"wasm/metadata/dense_text", test_dense_text, NULL, NULL, NULL},
        {"wasm/metadata/every_prefix", test_every_prefix, NULL, NULL, NULL},
        {"wasm/metadata/no_memory", test_no_memory, NULL, NULL, NULL},
        {"wasm/metadata/report", test_report, NULL, NULL, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
