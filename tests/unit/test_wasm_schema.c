/* The schema of a module: its section, found or not, twice, too long, no JSON. */
#include "base/memory.h"
#include "unit/wasm_build.h"
#include "wasm/reader.h"
#include "wasm/schema.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SECTION "convex.schema"

static cordon_error *read_schema(
    struct build *b, struct arena *arena, const struct schema **out_schema)
{
    const struct wasm_module *module = NULL;
    TRY(wasm_read(build_finish(b), &wasm_limits_default, arena, &module));
    return wasm_schema_read(module, arena, out_schema);
}

static const struct {
    const char *first;  /* NULL: there is no section */
    const char *second; /* of another one */
    const char *words;  /* NULL: it is read */
} cases[] = {
    {NULL, NULL, NULL},
    {"{\"tables\":[]}", NULL, NULL},
    {"{\"tables\":[]}", "{\"tables\":[]}", "The custom section \"convex.schema\" is there twice"},
    {"", NULL, "The schema is not valid: "},
    {"{\"tables\":[]}x", NULL, "The schema is not valid: "},
    {"{}", NULL, "The schema is not valid: `tables` must be an array"},
    {"{\"tables\":[],\"tables\":[]}", NULL, "it has the key \"tables\" twice in one object"},
    {"{\"tables\":[{\"tableName\":\"t\",\"indexes\":[],\"a\":{\"b\":1,\"b\":1}}]}", NULL,
     "it has the key \"b\" twice in one object"},
};

static void sections_are_read_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        build_init(&b);
        build_memory(&b, "memory", 1, BUILD_NO_MAX);
        build_custom(&b, "convex.schema2", SLICE("no"));
        if (cases[i].first != NULL) {
            build_custom(&b, SECTION, slice_str(cases[i].first));
        }
        if (cases[i].second != NULL) {
            build_custom(&b, SECTION, slice_str(cases[i].second));
        }
        CORDON_CLEANUP_ARENA struct arena arena;
        arena_init(&arena, (size_t)64 << 20);
        const struct schema *schema = NULL;
        CORDON_CLEANUP(cordon_error_freep) cordon_error *error = read_schema(&b, &arena, &schema);
        const char *words = error == NULL ? "" : cordon_error_get_message(error);
        if (cases[i].words == NULL) {
            assert_string_equal(words, "");
            assert_int_equal(schema != NULL, cases[i].first != NULL);
        } else if (strstr(words, cases[i].words) == NULL || strstr(words, ", at byte ") == NULL) {
            fail_msg("case %zu: %s", i, words);
        } else {
            assert_int_equal(cordon_error_get_code(error), CORDON_E_MODULE_REFUSED);
        }
        build_done(&b);
    }
}

/* Blanks are JSON, too: exactly a mebibyte of it is read, and no byte more. */
static void the_section_has_a_limit(void **state)
{
    (void)state;
    static const char text[] = "{\"tables\":[]}";
    for (size_t more = 0; more < 2; more++) {
        const size_t size = WASM_SCHEMA_BYTES_MAX + more;
        uint8_t *bytes = mem_new(size);
        assert_non_null(bytes);
        memset(bytes, ' ', size);
        memcpy(bytes, text, sizeof text - 1);
        struct build b;
        build_init(&b);
        build_memory(&b, "memory", 1, BUILD_NO_MAX);
        build_custom(&b, SECTION, slice_of(bytes, size));
        mem_free(bytes);
        CORDON_CLEANUP_ARENA struct arena arena;
        arena_init(&arena, (size_t)64 << 20);
        const struct schema *schema = NULL;
        CORDON_CLEANUP(cordon_error_freep) cordon_error *error = read_schema(&b, &arena, &schema);
        assert_int_equal(error == NULL, more == 0);
        build_done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_are_read_or_refused),
        cmocka_unit_test(the_section_has_a_limit),
    };
    return cmocka_run_group_tests_name("wasm/schema", tests, NULL, NULL);
}
