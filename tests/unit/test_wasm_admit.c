/*
 * Admission: each rule with a module that breaks it and, where there is an edge, its twin just
 * inside; the report; and words that hold nothing but ours.
 */
#include "unit/wasm_build.h"
#include "wasm/admit.h"
#include "wasm/reader.h"
#include "wasm/report.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ARENA_BYTES ((size_t)64 << 20)

static const struct wasm_import_type offered[] = {
    {"convex/core", "log", "ii", "I"},
    {"convex/core", "now_ms", "", "I"},
    {"convex/core", "every", "iIfF", "F"},
    {"env", "__convex_now_ms", "", "I"},
    {"env", "nothing", "", ""},
    {"wasi_snapshot_preview1", "proc_exit", "i", ""},
};

static const struct wasm_rules rules = {
    .imports = offered,
    .import_count = sizeof offered / sizeof offered[0],
    .memory_bytes_max = (uint64_t)4 * WASM_PAGE_BYTES,
    .table_elements_max = 10,
};

/* -- Cases: each adds to a module that has a function and a memory of one page -------------- */

static void add_nothing(struct build *b)
{
    (void)b;
}

static void import_every_type(struct build *b)
{
    build_import(b, "convex/core", "every", "iIfF", "F");
    build_import(b, "convex/core", "now_ms", "", "I");
    build_import(b, "wasi_snapshot_preview1", "proc_exit", "i", "");
}

static void import_twice(struct build *b)
{
    build_import(b, "convex/core", "log", "ii", "I");
    build_import(b, "convex/core", "log", "ii", "I");
}

static void import_unknown(struct build *b)
{
    build_import(b, "convex/core", "lag", "ii", "I");
}

static void import_of_other_module(struct build *b)
{
    build_import(b, "env", "log", "ii", "I");
}

static void import_undefined_symbol(struct build *b)
{
    build_import(b, "env", "my_helper", "i", "");
}

static void import_prefix(struct build *b)
{
    build_import(b, "convex/core", "lo", "ii", "I");
}

static void import_fewer_params(struct build *b)
{
    build_import(b, "convex/core", "log", "i", "I");
}

static void import_more_params(struct build *b)
{
    build_import(b, "convex/core", "log", "iii", "I");
}

static void import_other_param(struct build *b)
{
    build_import(b, "convex/core", "log", "if", "I");
}

static void import_no_result(struct build *b)
{
    build_import(b, "convex/core", "log", "ii", "");
}

static void import_many_params(struct build *b)
{
    build_import(b, "convex/core", "log", "iiiiiiiiiiiiiiiiiiiiiiiiiiiiii", "VVVVVVVVVVVVVVVVV");
}

static void import_hostile_name(struct build *b)
{
    build_import(b, "convex/core", "\x1b]0;owned\x07", "", "");
}

static void import_memory(struct build *b)
{
    b->counts[5] = 0;
    buffer_clear(&b->entries[5]);
    build_import_memory(b, "env", "memory", 1, BUILD_NO_MAX);
}

static void import_table(struct build *b)
{
    build_import_table(b, "env", "__indirect_function_table", 0, BUILD_NO_MAX);
}

static void import_global(struct build *b)
{
    build_import_global(b, "env", "__stack_pointer", 'i', true);
}

static void be_object_file(struct build *b)
{
    build_custom(b, "linking", SLICE("\2"));
}

static void be_shared_library(struct build *b)
{
    build_custom(b, "dylink.0", SLICE(""));
}

static void grow_memory_section(struct build *b, uint32_t pages)
{
    b->counts[5] = 0;
    buffer_clear(&b->entries[5]);
    build_memory(b, NULL, pages, BUILD_NO_MAX);
}

static void have_memory_at_limit(struct build *b)
{
    grow_memory_section(b, 4);
}

static void have_memory_over_limit(struct build *b)
{
    grow_memory_section(b, 5);
}

static void have_great_maximum(struct build *b)
{
    b->counts[5] = 0;
    buffer_clear(&b->entries[5]);
    build_memory(b, NULL, 1, 65536); /* growth is refused when it is asked for */
}

static void have_table_at_limit(struct build *b)
{
    build_table(b, 10, BUILD_NO_MAX);
}

static void have_table_over_limit(struct build *b)
{
    build_table(b, 11, BUILD_NO_MAX);
}

static void fill_memory_to_its_end(struct build *b)
{
    build_data(b, WASM_PAGE_BYTES - 5, SLICE("hello"));
    build_data(b, WASM_PAGE_BYTES, SLICE(""));
}

static void fill_past_memory(struct build *b)
{
    build_data(b, 0, SLICE("good"));
    build_data(b, WASM_PAGE_BYTES - 4, SLICE("hello"));
}

static void fill_at_minus_one(struct build *b)
{
    build_data(b, -1, SLICE("x"));
}

static void fill_table_to_its_end(struct build *b)
{
    build_table(b, 2, BUILD_NO_MAX);
    build_elements(b, 1, (uint32_t[]){0}, 1);
}

static void fill_past_table(struct build *b)
{
    build_table(b, 2, BUILD_NO_MAX);
    build_elements(b, 1, (uint32_t[]){0, 0}, 2);
}

static void passive_data(struct build *b)
{
    struct buffer entry;
    buffer_init(&entry, 100);
    emit_byte(&entry, 1);
    emit_name(&entry, "anything");
    build_raw(b, 11, 1, buffer_slice(&entry));
    buffer_done(&entry);
}

static void initialize_well(struct build *b)
{
    build_function(b, "_initialize", "", "", NO_CODE);
}

static void initialize_with_param(struct build *b)
{
    build_function(b, "_initialize", "i", "", NO_CODE);
}

static void initialize_with_result(struct build *b)
{
    build_function(b, "_initialize", "", "i", CODE(OP_UNREACHABLE));
}

static void initialize_is_memory(struct build *b)
{
    build_export(b, "_initialize", BUILD_MEMORY, 0);
}

static void initialize_is_import(struct build *b)
{
    build_export(b, "_initialize", BUILD_FUNCTION, build_import(b, "env", "nothing", "", ""));
}

static void start_well(struct build *b)
{
    build_start(b, build_function(b, NULL, "", "", NO_CODE));
}

static void start_is_import(struct build *b)
{
    build_start(b, build_import(b, "env", "nothing", "", ""));
}

static const struct admit_case {
    void (*build)(struct build *b);
    const char *words; /* NULL: admitted */
} cases[] = {
    {add_nothing, NULL},
    {import_every_type, NULL},
    {import_twice, NULL},
    {import_unknown,
     "The import \"lag\" of \"convex/core\" does not exist, at byte 20 (0x14) in the "
     "import section. Remove what calls it"},
    {import_of_other_module, "there is one of that name in \"convex/core\""},
    {import_undefined_symbol, "The import \"my_helper\" of \"env\" does not exist, at byte "},
    {import_prefix, "The import \"lo\" of \"convex/core\" does not exist"},
    {import_fewer_params, "has the type (i32) -> (i64), but is offered as (i32, i32) -> (i64)"},
    {import_more_params, "has the type (i32, i32, i32) -> (i64), but is offered as"},
    {import_other_param, "has the type (i32, f32) -> (i64), but is offered as"},
    {import_no_result, "has the type (i32, i32) -> (), but is offered as"},
    {import_many_params, "i32...) -> (v128, v128, v128, v128, v128, v128, v128, v128...), but is"},
    {import_hostile_name, "The import \"\\x1b]0;owned\\x07\" of"},
    {import_memory, "is a memory; only functions may be imported"},
    {import_table, "is a table; only functions may be imported"},
    {import_global, "is a global; only functions may be imported"},
    {be_object_file, "is an object file"},
    {be_shared_library, "is a shared library"},
    {have_memory_at_limit, NULL},
    {have_memory_over_limit,
     "The memory begins with 327680 bytes; the limit memory_bytes is 262144"},
    {have_great_maximum, NULL},
    {have_table_at_limit, NULL},
    {have_table_over_limit, "The tables begin with 11 elements; the limit table_elements is 10"},
    {fill_memory_to_its_end, NULL},
    {fill_past_memory, "Data segment 1 has 5 bytes at address 65532, past the initial memory of"},
    {fill_at_minus_one, "Data segment 0 has 1 bytes at address 4294967295"},
    {fill_table_to_its_end, NULL},
    {fill_past_table, "Element segment 0 has 2 items at element 1, past the initial table of 2"},
    {passive_data, NULL},
    {initialize_well, NULL},
    {initialize_with_param, "The export \"_initialize\" has the type (i32) -> (), not () -> ()"},
    {initialize_with_result, "The export \"_initialize\" has the type () -> (i32), not () -> ()"},
    {initialize_is_memory, "The export \"_initialize\" is a memory"},
    {initialize_is_import, "The export \"_initialize\" is an imported function"},
    {start_well, NULL},
    {start_is_import, "The start function is an imported one"},
};

static cordon_error *admit(struct slice wasm, const struct wasm_rules *by)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    const struct wasm_module *module = NULL;
    TRY(wasm_read(wasm, &wasm_limits_default, &arena, &module));
    return wasm_admit(module, by);
}

static void check(size_t number, cordon_error *error, const char *words)
{
    const char *text = error == NULL ? "(admitted)" : cordon_error_get_message(error);
    if ((error == NULL) != (words == NULL) || (words != NULL && strstr(text, words) == NULL)) {
        fail_msg(
            "case %zu\nexpected: %s\ngot: %s", number, words == NULL ? "admitted" : words, text);
    }
    if (error != NULL) {
        assert_int_equal(cordon_error_get_code(error), CORDON_E_MODULE_REFUSED);
        assert_non_null(strstr(text, ", at byte "));
    }
}

static void test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        build_init(&b);
        build_memory(&b, "memory", 1, BUILD_NO_MAX);
        if (cases[i].build == fill_table_to_its_end || cases[i].build == fill_past_table) {
            build_function(&b, NULL, "", "", NO_CODE); /* something to point to */
        }
        cases[i].build(&b);
        CORDON_CLEANUP(cordon_error_freep) cordon_error *error = admit(build_finish(&b), &rules);
        check(i, error, cases[i].words);
        build_done(&b);
    }
}

static void test_memory_must_be_exported(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        const char *words;
    } modules[] = {
        {"", "The module has no memory"},
        {"05 03 01 00 01", "does not export its memory as \"memory\""},
        {"05 03 01 00 01 07 05 01 01 6d 02 00", "does not export its memory as \"memory\""},
        {"05 03 01 00 01 06 06 01 7f 00 41 00 0b 07 0a 01 06 6d 65 6d 6f 72 79 03 00",
         "The export \"memory\" is a global"},
        {"05 03 01 00 01 07 0a 01 06 6d 65 6d 6f 72 79 02 00", NULL},
    };
    struct build b;
    build_init(&b);
    for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++) {
        CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
            admit(build_hex(&b, modules[i].hex), &rules);
        check(i, error, modules[i].words);
    }
    build_done(&b);
}

/* With no offers at all, a module without imports is still admitted. */
static void test_no_offers(void **state)
{
    (void)state;
    const struct wasm_rules none = {.memory_bytes_max = WASM_PAGE_BYTES};
    struct build b;
    build_init(&b);
    build_memory(&b, "memory", 1, BUILD_NO_MAX);
    CORDON_CLEANUP(cordon_error_freep) cordon_error *plain = admit(build_finish(&b), &none);
    check(0, plain, NULL);
    build_import(&b, "convex/core", "log", "ii", "I");
    CORDON_CLEANUP(cordon_error_freep) cordon_error *asking = admit(build_finish(&b), &none);
    check(1, asking, "does not exist");
    build_done(&b);
}

static void test_find_import_type(void **state)
{
    (void)state;
    const struct wasm_import known = {.module = SLICE("env"), .name = SLICE("__convex_now_ms")};
    const struct wasm_import unknown = {.module = SLICE("env"), .name = SLICE("now_ms")};
    assert_ptr_equal(wasm_find_import_type(&rules, &known), &offered[3]);
    assert_null(wasm_find_import_type(&rules, &unknown));
}

static void test_report(void **state)
{
    (void)state;
    struct build b;
    build_init(&b);
    build_import(&b, "convex/core", "log", "ii", "I");
    const uint32_t function = build_function(&b, "f\n", "", "", CODE(OP_NOP));
    build_memory(&b, "memory", 1, 2);
    build_table(&b, 3, BUILD_NO_MAX);
    build_data(&b, 0, SLICE("hello"));
    build_start(&b, function);
    build_custom(&b, ".debug_info", SLICE("xyz"));
    const struct slice wasm = build_finish(&b);

    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    const struct wasm_module *module = NULL;
    assert_null(wasm_read(wasm, &wasm_limits_default, &arena, &module));
    const struct wasm_callgraph *graph = NULL;
    assert_null(wasm_callgraph_make(module, &arena, &graph));
    CORDON_CLEANUP_BUFFER struct buffer report;
    buffer_init(&report, 1 << 20);
    assert_null(wasm_report_json(module, graph, NULL, NULL, &report));
    assert_null(buffer_append_byte(&report, 0));
    char expected[2048];
    (void)snprintf(
        expected, sizeof expected,
        "{\"bytes\":%zu,"
        "\"schema\":null,\"imports\":[{\"module\":\"convex/"
        "core\",\"name\":\"log\",\"kind\":\"function\","
        "\"type\":\"(i32, i32) -> (i64)\"}],"
        "\"exports\":[{\"name\":\"f\\n\",\"kind\":\"function\"},"
        "{\"name\":\"memory\",\"kind\":\"memory\"}],"
        "\"memory\":{\"initialBytes\":65536,\"maximumBytes\":131072},"
        "\"tables\":[{\"initialElements\":3,\"maximumElements\":null}],"
        "\"counts\":{\"types\":2,\"functions\":1,\"globals\":0,\"elementSegments\":0,"
        "\"dataSegments\":1},"
        "\"code\":{\"bytes\":5,\"largest\":{\"index\":1,\"name\":\"f\\n\",\"bytes\":3}},"
        "\"data\":{\"bytes\":5},\"start\":true,"
        "\"initialization\":{\"capabilities\":[],\"recursive\":false,\"callDepth\":1},"
        "\"sections\":[{\"name\":\"type\",\"bytes\":10},{\"name\":\"import\",\"bytes\":19},"
        "{\"name\":\"function\",\"bytes\":2},{\"name\":\"table\",\"bytes\":4},"
        "{\"name\":\"memory\",\"bytes\":4},{\"name\":\"export\",\"bytes\":15},"
        "{\"name\":\"start\",\"bytes\":1},{\"name\":\"code\",\"bytes\":5},"
        "{\"name\":\"data\",\"bytes\":11},{\"name\":\".debug_info\",\"bytes\":3}],"
        "\"debug\":{\"names\":false,\"dwarf\":true,\"sourceMap\":false,\"fault\":null}}",
        wasm.size);
    assert_string_equal((const char *)report.data, expected);

    /* A buffer that is too small is an error, whatever was being written. */
    for (size_t size = 0; size < report.size - 1; size++) {
        CORDON_CLEANUP_BUFFER struct buffer small;
        buffer_init(&small, size);
        CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
            wasm_report_json(module, graph, NULL, NULL, &small);
        assert_non_null(error);
        assert_int_equal(cordon_error_get_code(error), CORDON_E_TOO_LARGE);
    }
    build_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"wasm/admit/rules", test_rules, NULL, NULL, NULL},
        {"wasm/admit/memory_must_be_exported", test_memory_must_be_exported, NULL, NULL, NULL},
        {"wasm/admit/no_offers", test_no_offers, NULL, NULL, NULL},
        {"wasm/admit/find_import_type", test_find_import_type, NULL, NULL, NULL},
        {"wasm/admit/report", test_report, NULL, NULL, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
