/*
 * Source maps: what positions are, on maps that tools wrote and on maps made by hand, and that each
 * way in which a map is broken is told.
 */
#include "debug/source_map.h"

#include "base/memory.h"
#include "golden/source_map.h"
#include "support/expect.h"

static void read_good(const char *json, struct source_map **map)
{
    *map = NULL;
    expect_ok(source_map_read(slice_str(json), map));
}

/* SOURCE LINE COLUMN NAME of a position, or nothing. */
static void expect_place(const struct source_map_place *place, const char *wanted)
{
    char text[256] = "";
    if (place->source.size > 0) {
        (void)snprintf(
            text, sizeof text, "%.*s %u %u %.*s", SLICE_FMT(place->source), place->source_line,
            place->source_column, SLICE_FMT(place->name));
    }
    if (strcmp(text, wanted) != 0) {
        fail_msg(
            "line %u, column %u: \"%s\", wanted \"%s\"", place->line, place->column, text, wanted);
    }
}

/* Each place alone, then all of them together. */
static void expect_vectors(const char *json, const struct vector *vectors, size_t count)
{
    CORDON_CLEANUP(source_map_freep) struct source_map *map = NULL;
    read_good(json, &map);
    struct source_map_place places[64];
    assert_true(count <= COUNT(places));
    for (size_t i = 0; i < count; i++) {
        places[i] = (struct source_map_place){
            .line = vectors[i].line, .column = vectors[i].column, .source_line = 99};
        struct source_map_place alone = places[i];
        source_map_resolve(map, &alone, 1);
        expect_place(&alone, vectors[i].wanted);
    }
    source_map_resolve(map, places, count);
    for (size_t i = 0; i < count; i++) {
        expect_place(&places[i], vectors[i].wanted);
    }
}

/* -- By hand -------------------------------------------------------------------------------- */

#define MAP(root, mappings)                                                                        \
    "{\"version\":3,\"file\":\"out.js\"," root "\"sources\":[\"one.js\",\"two.js\",null],"         \
    "\"names\":[\"first\",\"second\"],\"mappings\":\"" mappings "\",\"x\":{\"y\":[1]}}"

/*
 * Line 0 has 1: one.js 0 1; 5: one.js 0 5 first; 7: no source. Line 1 has nothing. Line 2 has
 * 2: two.js 1 1 second; 7: two.js 1 0; 11: one.js 0 0 first; 11 again: one.js 1 0; 12: null.
 */
#define MAPPINGS "CAAC,IAAIA,E;;ECCJC,KAAD,IDDAD,AACA,,CEAA;"

static const struct vector by_hand[] = {
    {0, 0, ""}, /* before the first */
    {0, 1, "src/one.js 1 2 "},
    {0, 4, "src/one.js 1 2 "}, /* up to the next */
    {0, 5, "src/one.js 1 6 first"},
    {0, 5, "src/one.js 1 6 first"},
    {0, 6, "src/one.js 1 6 first"},
    {0, 7, ""}, /* code of no source */
    {0, UINT32_MAX, ""},
    {1, 0, ""}, /* a line without code does not go on with the last */
    {2, 1, ""},
    {2, 2, "src/two.js 2 2 second"},
    {2, 7, "src/two.js 2 1 "},
    {2, 11, "src/one.js 2 1 "}, /* the last of two */
    {2, 12, ""},                /* of a source without a name */
    {3, 0, ""},
    {4, 0, ""}, /* behind the end */
    {UINT32_MAX, 0, ""},
};

static void test_by_hand(void **state)
{
    (void)state;
    expect_vectors(MAP("\"sourceRoot\":\"src\",", MAPPINGS), by_hand, COUNT(by_hand));
    expect_vectors(MAP("\"sourceRoot\":\"src/\",", MAPPINGS), by_hand, COUNT(by_hand));
    static const struct vector rootless[] = {{0, 1, "one.js 1 2 "}};
    expect_vectors(MAP("", MAPPINGS), rootless, 1);
    expect_vectors(MAP("\"sourceRoot\":\"\",", MAPPINGS), rootless, 1);
    expect_vectors(MAP("\"sourceRoot\":null,", MAPPINGS), rootless, 1);
    expect_vectors(MAP("", ""), &(struct vector){0, 0, ""}, 1);
    expect_vectors(MAP("", MAPPINGS), NULL, 0);
}

/* The greatest numbers there are, and forms of them that are longer than they need be. */
static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        struct vector vector;
    } cases[] = {
        {MAP("", "+/////HAAA"), {0, UINT32_MAX, "one.js 1 1 "}},
        {MAP("", "AA+/////HA"), {0, 0, "one.js 0 1 "}}, /* one more has no 32 bits */
        {MAP("", "gggggAAAC"), {0, 0, "one.js 1 2 "}},
        {MAP("", "BBBB"), {0, 0, "one.js 1 1 "}}, /* -0 */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        expect_vectors(cases[i].json, &cases[i].vector, 1);
    }
}

/* -- By tools ------------------------------------------------------------------------------- */

static void test_as_node(void **state)
{
    (void)state;
    expect_vectors(bundle_json, bundle_vectors, COUNT(bundle_vectors));
    expect_vectors(module_json, module_vectors, COUNT(module_vectors));
}

/* -- Broken maps ---------------------------------------------------------------------------- */

static const struct {
    const char *json;
    const char *words;
} broken[] = {
    {"", "the text is empty"},
    {"{\"version\":3,", "byte 13"},
    {"[]", "the text is no object"},
    {"{}", "its \"version\" is not 3"},
    {"{\"version\":2,\"sources\":[],\"mappings\":\"\"}", "its \"version\" is not 3"},
    {"{\"version\":\"3\",\"sources\":[],\"mappings\":\"\"}", "its \"version\" is not 3"},
    {"{\"version\":3,\"sections\":[]}", "made of several maps"},
    {"{\"version\":3,\"sources\":[]}", "no \"mappings\""},
    {"{\"version\":3,\"sources\":[],\"mappings\":1}", "no \"mappings\""},
    {"{\"version\":3,\"mappings\":\"\"}", "\"sources\" is no list of names"},
    {"{\"version\":3,\"sources\":{},\"mappings\":\"\"}", "\"sources\" is no list of names"},
    {"{\"version\":3,\"sources\":[1],\"mappings\":\"\"}", "\"sources\" is no list of names"},
    {"{\"version\":3,\"sources\":[],\"names\":0,\"mappings\":\"\"}", "\"names\" is no list"},
    {"{\"version\":3,\"sources\":[],\"names\":[[]],\"mappings\":\"\"}", "\"names\" is no list"},
    {MAP("", "!"), "at byte 0, line 0: no number"},
    {MAP("", ";;A,A A"), "at byte 5, line 2: no number"},
    {MAP("", "A\xc3\xa4"), "at byte 1, line 0: no number"},
    {MAP("", "g"), "at byte 1, line 0: no number"},
    {MAP("", "ggggggggA"), "at byte 7, line 0: no number"},
    {MAP("", "AAAAAA"), "more than 5 numbers"},
    {MAP("", "AA"), "2 or 3 numbers"},
    {MAP("", "A;AAA"), "2 or 3 numbers"},
    {MAP("", "D"), "not in the range"},
    {MAP("", "AADA"), "not in the range"},
    {MAP("", "AAAD"), "not in the range"},
    {MAP("", "+/////H,C"), "not in the range"},
    {MAP("", "E,D"), "the columns of a line go back"},
    {MAP("", "AGAA"), "no such source"},
    {MAP("", "AAAAE"), "no such name"},
};

static void test_broken(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(broken); i++) {
        struct source_map *map = NULL;
        expect_error(
            source_map_read(slice_str(broken[i].json), &map), CORDON_E_BAD_JSON, broken[i].words);
        assert_null(map);
    }
    source_map_free(NULL);
}

/* More sources than are allowed, and more memory. */
static void test_too_large(void **state)
{
    (void)state;
    CORDON_CLEANUP_BUFFER struct buffer json;
    buffer_init(&json, (size_t)128 << 20);
    expect_ok(buffer_append(&json, SLICE("{\"version\":3,\"mappings\":\"\",\"sources\":[null")));
    for (size_t i = 0; i < SOURCE_MAP_ITEMS_MAX; i++) {
        expect_ok(buffer_append(&json, SLICE(",null")));
    }
    expect_ok(buffer_append(&json, SLICE("]}")));
    struct source_map *map = NULL;
    expect_error(
        source_map_read(buffer_slice(&json), &map), CORDON_E_BAD_JSON, "\"sources\" is no list");
    json.size -= 2;
    for (size_t i = 0; i < 4 * SOURCE_MAP_ITEMS_MAX; i++) {
        expect_ok(buffer_append(&json, SLICE(",null")));
    }
    expect_ok(buffer_append(&json, SLICE("]}")));
    expect_error(source_map_read(buffer_slice(&json), &map), CORDON_E_TOO_LARGE, "");
}

/* With each allocation failing in turn, the error says so and nothing leaks. */
static void test_out_of_memory(void **state)
{
    (void)state;
    for (uint64_t nth = 1;; nth++) {
        struct source_map *map = NULL;
        (void)mem_fail_nth(nth);
        cordon_error *error =
            source_map_read(slice_str(MAP("\"sourceRoot\":\"src\",", MAPPINGS)), &map);
        const bool was_all = mem_fail_nth(0) < nth;
        if (was_all) {
            expect_ok(error);
            source_map_free(map);
            assert_true(nth > 3);
            return;
        }
        expect_error(error, CORDON_E_NO_MEMORY, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),   cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_as_node),   cmocka_unit_test(test_broken),
        cmocka_unit_test(test_too_large), cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
