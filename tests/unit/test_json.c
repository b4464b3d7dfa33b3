/* The JSON reader and writer: strictness, limits, places of errors, JavaScript's own prints. */
#include "value/json.h"

#include "base/arena.h"
#include "base/memory.h"
#include "golden/json.h"
#include "support/expect.h"
#include "value/utf8.h"

#include <math.h>

static const struct json_limits roomy = {.bytes_max = (size_t)1 << 20, .depth_max = 64};

static struct json_doc *parsed(const char *text)
{
    struct json_doc *doc = NULL;
    expect_ok(json_parse(slice_str(text), &roomy, &doc));
    return doc;
}

static void takes_only_rfc_8259(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *error; /* NULL: it is fine */
    } cases[] = {
        {"null", NULL},
        {" \t\r\n{ } ", NULL},
        {"[1,2.5e3,-0,\"\\u00e9\\ud83d\\ude00\\/\"]", NULL},
        {"\"\\u0000\"", NULL},
        {"{\"a\":1,\"a\":2}", NULL},
        {"1e-400", NULL},
        {"", "empty"},
        {"   ", "empty"},
        {"[1,]", "trailing comma"},
        {"{\"a\":1,}", "trailing comma"},
        {"{a:1}", "at byte 1 (line 1, column 2)"},
        {"{\"a\":1 \"b\":2}", "at byte 7"},
        {"[1\n,\n x]", "at byte 6 (line 3, column 2)"},
        {"[1", "at byte 2"},
        {"1 2", "at byte 2"},
        {"{}\n}", "at byte 3 (line 2, column 1)"},
        {"// no\n1", "at byte 0"},
        {"/* no */ 1", "at byte 0"},
        {"NaN", "at byte 0"},
        {"[Infinity]", "at byte 1"},
        {"nul", "at byte 3"},
        {"True", "at byte 0"},
        {"01", "at byte 0"},
        {"1.", "at byte"},
        {".5", "at byte 0"},
        {"+1", "at byte 0"},
        {"1e", "at byte"},
        {"0x10", "at byte"},
        {"1e400", "infinity"},
        {"-1e400", "infinity"},
        {"'a'", "at byte 0"},
        {"\"a", "at byte 2"},
        {"\"a\nb\"", "at byte 2"},
        {"\"\t\"", "at byte 1"},
        {"\"\\x41\"", "at byte"},
        {"\"\\u12\"", "at byte"},
        {"\"\\ud800\"", "surrogate"},
        {"\"\\ud800\\u0041\"", "surrogate"},
        {"\"\\udc00\"", "surrogate"},
        {"\"\xff\"", "UTF-8"},
        {"\"\xc0\x80\"", "UTF-8"},
        {"\"\xed\xa0\x80\"", "UTF-8"},
        {"\"\xf4\x90\x80\x80\"", "UTF-8"},
        {"\xef\xbb\xbf{}", "at byte 0"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct json_doc *doc = NULL;
        cordon_error *error = json_parse(slice_str(cases[i].text), &roomy, &doc);
        if (cases[i].error == NULL) {
            expect_ok(error);
            assert_non_null(doc);
        } else {
            expect_error(error, CORDON_E_BAD_JSON, cases[i].error);
            assert_null(doc);
        }
        json_free(doc);
    }
}

/* What a document was before shows nowhere in the next one in its memory. */
static void memory_is_used_again(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"first\":[1,2,3,{\"deep\":\"text\"}]}",
        "{\"a\":1}",
        "[\"\\u00e9\",[],{}]",
        "{\"b\":",
        "7",
        "[[[[[[[[[[[[[[[[1,1,1,1,1,1,1,1,1,1,1,1]]]]]]]]]]]]]]]]",
        "{\"queryId\":12}",
        "",
        "{\"queryId\":13}",
    };
    struct json_doc *again = NULL;
    for (size_t i = 0; i < COUNT(texts); i++) {
        const struct slice text = slice_str(texts[i]);
        struct json_doc *fresh = NULL;
        cordon_error *error = json_parse(text, &roomy, &fresh);
        cordon_error *other = json_parse_again(text, &roomy, &again);
        assert_int_equal(error == NULL, other == NULL);
        assert_int_equal(error == NULL, again != NULL);
        if (error == NULL) {
            CORDON_CLEANUP_BUFFER struct buffer one;
            CORDON_CLEANUP_BUFFER struct buffer two;
            buffer_init(&one, SIZE_MAX);
            buffer_init(&two, SIZE_MAX);
            expect_ok(json_write_node(&one, json_root(fresh)));
            expect_ok(json_write_node(&two, json_root(again)));
            assert_true(slice_equal(buffer_slice(&one), buffer_slice(&two)));
            assert_true(json_doc_bytes(again) >= json_doc_bytes(fresh));
        }
        cordon_error_free(error);
        cordon_error_free(other);
        json_free(fresh);
    }
    json_free(again);
}

/* One that is large enough is used; one that is not is freed. */
static void memory_is_used_where_it_fits(void **state)
{
    (void)state;
    struct json_doc *doc = parsed("{\"id\":\"0123456789\"}");
    const struct json_doc *const before = doc;
    expect_ok(json_parse_again(SLICE("{\"id\":\"1\"}"), &roomy, &doc));
    assert_ptr_equal(doc, before);
    const size_t bytes = json_doc_bytes(doc);
    expect_ok(json_parse_again(SLICE("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]"), &roomy, &doc));
    assert_true(json_doc_bytes(doc) > bytes);
    expect_error(json_parse_again(SLICE("["), &roomy, &doc), CORDON_E_BAD_JSON, "at byte 1");
    assert_null(doc);
}

/* A NUL is a byte like others, and what lies behind the slice is not looked at. */
static void reads_exactly_its_slice(void **state)
{
    (void)state;
    static const char text[] = "[1]\0junk";
    struct json_doc *doc = NULL;
    expect_ok(json_parse(slice_of(text, 3), &roomy, &doc));
    json_freep(&doc);
    expect_error(json_parse(slice_of(text, 4), &roomy, &doc), CORDON_E_BAD_JSON, "at byte 3");
    expect_error(json_parse(slice_of(text, 2), &roomy, &doc), CORDON_E_BAD_JSON, "at byte 2");
}

static void depth_is_bounded_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned depth_max;
        const char *error;
    } cases[] = {
        {"1", 0, NULL},
        {"[]", 0, "more than 0 levels deep at byte 0"},
        {"[[1]]", 2, NULL},
        {"[[1]]", 1, "more than 1 levels deep at byte 1"},
        {"[[],[],{}]", 2, NULL},
        {"[[],[[]]]", 2, "at byte 5"},
        {"{\"a\":[{}]}", 2, "at byte 6"},
        {"[\"[[[\\\"[[[\"]", 1, NULL},
        {"[\"[[[\\\"[[[\",\n[]]", 1, "at byte 13 (line 2, column 1)"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct json_limits limits = {
            .bytes_max = (size_t)1 << 20, .depth_max = cases[i].depth_max};
        struct json_doc *doc = NULL;
        cordon_error *error = json_parse(slice_str(cases[i].text), &limits, &doc);
        if (cases[i].error == NULL) {
            expect_ok(error);
        } else {
            expect_error(error, CORDON_E_BAD_JSON, cases[i].error);
        }
        json_free(doc);
    }
}

/* The deepest that may be asked for, and a text that nests ten thousand times deeper. */
static void deep_texts_do_not_use_the_stack(void **state)
{
    (void)state;
    static char text[2 * 3000000 + 1];
    static const size_t depths[] = {JSON_DEPTH_MAX, JSON_DEPTH_MAX + 1, 3000000};
    const struct json_limits limits = {.bytes_max = SIZE_MAX, .depth_max = JSON_DEPTH_MAX};
    for (size_t i = 0; i < COUNT(depths); i++) {
        memset(text, '[', depths[i]);
        memset(text + depths[i], ']', depths[i]);
        const struct slice slice = slice_of(text, 2 * depths[i]);
        struct json_doc *doc = NULL;
        cordon_error *error = json_parse(slice, &limits, &doc);
        if (depths[i] > JSON_DEPTH_MAX) {
            expect_error(error, CORDON_E_BAD_JSON, "more than 256 levels deep at byte 256");
            continue;
        }
        expect_ok(error);
        struct buffer again;
        buffer_init(&again, slice.size);
        expect_ok(json_write_node(&again, json_root(doc)));
        expect_slice(buffer_slice(&again), slice);
        buffer_done(&again);
        json_free(doc);
    }
}

/* [1,1,...,1] in `size` bytes, an odd number: far more nodes than are guessed at first. */
static struct slice list_of_ones(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        text[i] = i % 2 == 0 ? ',' : '1';
    }
    text[0] = '[';
    text[size - 1] = ']';
    return slice_of(text, size);
}

/* A document that was let in never holds more than its ceiling; below what it needs none is. */
static void memory_is_bounded(void **state)
{
    (void)state;
    static char text[20001];
    static const size_t sizes[] = {3, 15, 501, 4095, 4097, 20001};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        const struct slice list = list_of_ones(text, sizes[i]);
        struct json_limits limits = {.bytes_max = SIZE_MAX, .depth_max = 1};
        struct json_doc *doc = NULL;
        expect_ok(json_parse(list, &limits, &doc));
        const size_t needed = json_doc_bytes(doc);
        assert_true(needed >= list.size + 16 * json_count(json_root(doc)));
        json_freep(&doc);
        for (limits.bytes_max = 0; limits.bytes_max < 3 * needed; limits.bytes_max += 97) {
            cordon_error *error = json_parse(list, &limits, &doc);
            if (limits.bytes_max < needed || error != NULL) {
                expect_error(error, CORDON_E_TOO_LARGE, "bytes of memory");
                assert_null(doc);
                assert_true(limits.bytes_max < 2 * needed + 512);
                continue;
            }
            assert_true(json_doc_bytes(doc) <= limits.bytes_max);
            json_freep(&doc);
        }
    }
}

/* Each allocation failed in turn: an error, nothing kept, nothing leaked. */
static void survives_each_failed_allocation(void **state)
{
    (void)state;
    static char text[9001];
    const struct slice list = list_of_ones(text, sizeof text);
    const struct json_limits limits = {.bytes_max = SIZE_MAX, .depth_max = 1};
    struct json_doc *doc = NULL;
    (void)mem_fail_nth(0);
    expect_ok(json_parse(list, &limits, &doc));
    json_freep(&doc);
    const uint64_t allocations = mem_fail_nth(0);
    assert_true(allocations >= 3);
    for (uint64_t n = 1; n <= allocations; n++) {
        (void)mem_fail_nth(n);
        cordon_error *error = json_parse(list, &limits, &doc);
        if (n == allocations) { /* the last one gives memory back and may do without */
            expect_ok(error);
            assert_int_equal(json_count(json_root(doc)), 4500);
            json_freep(&doc);
            continue;
        }
        expect_error(error, CORDON_E_NO_MEMORY, "out of memory");
        assert_null(doc);
    }
    (void)mem_fail_nth(0);
}

static void strings_in_an_arena_outlive_the_document(void **state)
{
    (void)state;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 16);
    struct json_doc *doc = NULL;
    expect_ok(json_parse_in_arena(SLICE("[\"a\\nb\",\"c\"]"), &roomy, &arena, &doc));
    const struct slice first = json_string(json_at(json_root(doc), 0));
    const struct slice second = json_string(json_at(json_root(doc), 1));
    json_free(doc);
    expect_slice(first, SLICE("a\nb"));
    expect_slice(second, SLICE("c"));

    CORDON_CLEANUP_ARENA struct arena full;
    arena_init(&full, 16);
    doc = NULL;
    expect_error(json_parse_in_arena(SLICE("1"), &roomy, &full, &doc), CORDON_E_TOO_LARGE, "16");
    assert_null(doc);
}

static void answers_about_what_is_there(void **state)
{
    (void)state;
    struct json_doc *doc = parsed(
        "{\"n\":null,\"t\":true,\"f\":false,\"d\":1.5,\"s\":\"x\\\"y\",\"a\":[1,[2],{\"k\":3}],"
        "\"o\":{\"k\":\"first\",\"k\":\"last\"}}");
    const struct json_node *root = json_root(doc);
    assert_int_equal(json_kind(root), JSON_OBJECT);
    assert_int_equal(json_count(root), 7);
    assert_int_equal(json_kind(json_get(root, SLICE("n"))), JSON_NULL);
    assert_true(json_is_true(json_get(root, SLICE("t"))));
    assert_int_equal(json_kind(json_get(root, SLICE("f"))), JSON_BOOL);
    assert_false(json_is_true(json_get(root, SLICE("f"))));
    assert_true(json_number(json_get(root, SLICE("d"))) == 1.5);
    expect_slice(json_string(json_get(root, SLICE("s"))), SLICE("x\"y"));
    const struct json_node *array = json_get(root, SLICE("a"));
    assert_int_equal(json_count(array), 3);
    assert_int_equal(json_kind(json_at(array, 1)), JSON_ARRAY);
    assert_true(json_number(json_get(json_at(array, 2), SLICE("k"))) == 3);
    assert_null(json_at(array, 3));
    expect_slice(json_string(json_get(json_get(root, SLICE("o")), SLICE("k"))), SLICE("last"));
    json_free(doc);
}

static void finds_repeated_names(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *name; /* NULL: none is there twice */
    } cases[] = {
        {"1", NULL},
        {"{}", NULL},
        {"{\"a\":1}", NULL},
        {"{\"a\":1,\"b\":{\"a\":1},\"c\":[{\"a\":1},{\"a\":1}]}", NULL},
        {"[\"a\",\"a\"]", NULL},
        {"{\"a\":1,\"A\":1,\"\":1,\"a\\u0000\":1}", NULL},
        {"{\"a\":1,\"b\":2,\"a\":1}", "a"},
        {"{\"\":1,\"\":2}", ""},
        {"{\"a\":1,\"\\u0061\":2}", "a"},
        {"[[{\"x\":{\"y\":[0,{\"z\":1,\"z\":2}]}}]]", "z"},
        {"{\"a\":{\"b\":1},\"c\":{\"d\":1,\"d\":1}}", "d"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct json_doc *doc = parsed(cases[i].text);
        bool found = false;
        struct slice name = SLICE("untouched");
        expect_ok(json_find_repeated(json_root(doc), &found, &name));
        assert_int_equal(found, cases[i].name != NULL);
        expect_slice(name, cases[i].name == NULL ? SLICE("untouched") : slice_str(cases[i].name));
        json_free(doc);
    }
    bool found = true;
    struct slice name;
    expect_ok(json_find_repeated(NULL, &found, &name));
    assert_false(found);
}

/* Whatever is asked of a node of another kind, or of none, has a harmless answer. */
static void answers_about_what_is_not_there(void **state)
{
    (void)state;
    struct json_doc *doc = parsed("[\"text\",7,null]");
    const struct json_node *nodes[] = {
        NULL, json_root(NULL), json_at(json_root(doc), 0), json_at(json_root(doc), 2)};
    for (size_t i = 0; i < COUNT(nodes); i++) {
        int64_t number = -5;
        uint64_t size = 5;
        struct slice name;
        assert_null(json_get(nodes[i], SLICE("a")));
        assert_null(json_at(nodes[i], 0));
        assert_int_equal(json_count(nodes[i]), 0);
        assert_false(json_is_true(nodes[i]));
        assert_true(json_number(nodes[i]) == 0);
        assert_false(json_i64(nodes[i], &number));
        assert_false(json_u64(nodes[i], &size));
        assert_true(number == -5 && size == 5);
        struct json_walk walk = json_walk_items(nodes[i]);
        assert_null(json_next_item(&walk));
        walk = json_walk_fields(nodes[i]);
        assert_null(json_next_field(&walk, &name));
    }
    assert_int_equal(json_kind(NULL), JSON_MISSING);
    assert_int_equal(json_string(NULL).size, 0);
    assert_int_equal(json_string(json_at(json_root(doc), 1)).size, 0);
    assert_null(json_get(json_root(doc), SLICE("")));
    assert_int_equal(json_doc_bytes(NULL), 0);
    json_free(doc);
    json_free(NULL);
}

static void walks_in_the_order_of_the_text(void **state)
{
    (void)state;
    struct json_doc *doc = parsed("{\"b\":[1,[],{\"x\":[]},2],\"a\":{},\"b\":3}");
    static const char *const names[] = {"b", "a", "b"};
    struct json_walk walk = json_walk_fields(json_root(doc));
    struct slice name = {0};
    size_t count = 0;
    while (json_next_field(&walk, &name) != NULL) {
        assert_true(count < COUNT(names));
        expect_slice(name, slice_str(names[count]));
        count++;
    }
    assert_int_equal(count, 3);
    walk = json_walk_items(json_at(json_root(doc), 0));
    assert_null(json_next_item(&walk)); /* an object has no items */
    json_free(doc);

    doc = parsed("[[1,[2]],{\"x\":[3]},4]");
    walk = json_walk_items(json_root(doc));
    assert_int_equal(json_kind(json_next_item(&walk)), JSON_ARRAY);
    assert_int_equal(json_kind(json_next_item(&walk)), JSON_OBJECT);
    assert_true(json_number(json_next_item(&walk)) == 4);
    assert_null(json_next_item(&walk));
    json_free(doc);
}

static void whole_numbers_however_written(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool fits_i64;
        int64_t i64;
        bool fits_u64;
        uint64_t u64;
    } cases[] = {
        {"0", true, 0, true, 0},
        {"-0", true, 0, true, 0},
        {"-0.0", true, 0, true, 0},
        {"3.0", true, 3, true, 3},
        {"30e-1", true, 3, true, 3},
        {"-7", true, -7, false, 0},
        {"1.5", false, 0, false, 0},
        {"9007199254740993", true, 9007199254740993, true, 9007199254740993},
        {"9223372036854775807", true, INT64_MAX, true, INT64_MAX},
        {"9223372036854775808", false, 0, true, (uint64_t)INT64_MAX + 1},
        {"-9223372036854775808", true, INT64_MIN, false, 0},
        {"-9223372036854775809", true, INT64_MIN, false, 0}, /* the nearest double */
        {"-9223372036854777856", false, 0, false, 0},
        {"18446744073709551615", false, 0, true, UINT64_MAX},
        {"18446744073709551616", false, 0, false, 0},
        {"1e19", false, 0, true, 10000000000000000000U},
        {"1e300", false, 0, false, 0},
        {"1e-300", false, 0, false, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct json_doc *doc = parsed(cases[i].text);
        int64_t i64 = 77;
        uint64_t u64 = 77;
        assert_int_equal(json_i64(json_root(doc), &i64), cases[i].fits_i64);
        assert_int_equal(json_u64(json_root(doc), &u64), cases[i].fits_u64);
        assert_true(i64 == (cases[i].fits_i64 ? cases[i].i64 : 77));
        assert_true(u64 == (cases[i].fits_u64 ? cases[i].u64 : 77));
        json_free(doc);
    }
}

static uint64_t bits_of(double number)
{
    uint64_t bits = 0;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static void numbers_print_as_in_javascript(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, JSON_NUMBER_BYTES);
    for (size_t i = 0; i < COUNT(golden_printed); i++) {
        double number = 0;
        memcpy(&number, &golden_printed[i].bits, sizeof number);
        buffer_clear(&buffer);
        expect_ok(json_write_number(&buffer, number));
        expect_text(&buffer, golden_printed[i].text);
        /* And what was printed reads back as the same double. */
        struct json_doc *doc = NULL;
        expect_ok(json_parse(buffer_slice(&buffer), &roomy, &doc));
        assert_true(bits_of(json_number(json_root(doc))) == golden_printed[i].bits);
        json_free(doc);
    }
    buffer_clear(&buffer);
    expect_ok(json_write_number(&buffer, -0.0));
    expect_text(&buffer, "-0");
    buffer_done(&buffer);
}

static void numbers_read_as_in_javascript(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(golden_read); i++) {
        struct json_doc *doc = parsed(golden_read[i].text);
        if (bits_of(json_number(json_root(doc))) != golden_read[i].bits) {
            print_error("%s\n", golden_read[i].text);
            fail();
        }
        json_free(doc);
    }
}

static void decimals_have_no_zeros_at_their_end(void **state)
{
    (void)state;
    static const struct {
        uint64_t units;
        uint64_t per_whole;
        const char *text;
    } cases[] = {
        {0, 1000, "0"},
        {1, 1000, "0.001"},
        {10, 1000, "0.01"},
        {7000, 1000, "7"},
        {1050000, 1000000, "1.05"},
        {1764177610483123, 1000000, "1764177610.483123"},
        {42, 1, "42"},
        {UINT64_MAX, 1000, "18446744073709551.615"},
        {UINT64_MAX, UINT64_C(10000000000000000000), "1.8446744073709551615"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        CORDON_CLEANUP_BUFFER struct buffer buffer;
        buffer_init(&buffer, 64);
        expect_ok(json_write_decimal(&buffer, cases[i].units, cases[i].per_whole));
        assert_true(slice_equal(buffer_slice(&buffer), slice_str(cases[i].text)));
    }
}

static void whole_numbers_print_every_digit(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 256);
    static const int64_t numbers[] = {0, -1, 10, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < COUNT(numbers); i++) {
        expect_ok(json_write_comma(&buffer));
        expect_ok(json_write_i64(&buffer, numbers[i]));
    }
    expect_ok(json_write_comma(&buffer));
    expect_ok(json_write_u64(&buffer, UINT64_MAX));
    expect_text(&buffer, "0,-1,10,9223372036854775807,-9223372036854775808,18446744073709551615");
    buffer_done(&buffer);
}

static void strings_print_as_in_javascript(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 64);
    for (size_t i = 0; i < COUNT(golden_strings); i++) {
        const struct slice string = slice_of(golden_strings[i].bytes, golden_strings[i].size);
        buffer_clear(&buffer);
        expect_ok(json_write_string(&buffer, string));
        expect_text(&buffer, golden_strings[i].text);
        struct json_doc *doc = NULL;
        expect_ok(json_parse(buffer_slice(&buffer), &roomy, &doc));
        expect_slice(json_string(json_root(doc)), string);
        json_free(doc);
    }
    buffer_done(&buffer);
}

/* Bytes that are no UTF-8 still make a valid text: one U+FFFD for each broken piece. */
static void any_bytes_make_a_valid_string(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        const char *text;
    } cases[] = {
        {"", "\"\""},
        {"\xff", "\"\xef\xbf\xbd\""},
        {"a\x80z", "\"a\xef\xbf\xbdz\""},
        {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xe2\x82", "\"\xef\xbf\xbd\""},
        {"\xe2\x82z", "\"\xef\xbf\xbdz\""},
        {"\xf0\x9f\x98", "\"\xef\xbf\xbd\""},
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xe2\x82\xac\"\xc3", "\"\xe2\x82\xac\\\"\xef\xbf\xbd\""},
    };
    struct buffer buffer;
    buffer_init(&buffer, 64);
    for (size_t i = 0; i < COUNT(cases); i++) {
        buffer_clear(&buffer);
        expect_ok(json_write_string(&buffer, slice_str(cases[i].bytes)));
        expect_text(&buffer, cases[i].text);
        assert_true(utf8_valid(buffer_slice(&buffer)));
        assert_int_equal(
            utf8_valid(slice_str(cases[i].bytes)), strstr(cases[i].text, "\xef\xbf\xbd") == NULL);
    }
    buffer_done(&buffer);
}

static void cuts_between_characters(void **state)
{
    (void)state;
    static const size_t kept[] = {0, 1, 1, 3, 3, 3, 6, 7};
    const struct slice text = SLICE("a\xc3\xa9\xe2\x82\xacz"); /* 1, 2, 3 and 1 bytes */
    for (size_t size_max = 0; size_max < COUNT(kept); size_max++) {
        assert_int_equal(utf8_cut(text, size_max).size, kept[size_max]);
    }
    assert_int_equal(utf8_cut(text, SIZE_MAX).size, text.size);
    assert_int_equal(utf8_cut(SLICE("\x80\x80\x80\x80\x80\x80"), 5).size, 2);
}

static void writes_nodes_and_keys(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 256);
    struct json_doc *doc = parsed(
        " [ null , true,false , 1.0 , -0 , 18446744073709551615 , -9223372036854775808, \"\\u0041\""
        " , [ ] , { } , { \"b\" : 1 , \"a\" : [ 2 ] } ] ");
    expect_ok(json_write_node(&buffer, json_root(doc)));
    expect_text(
        &buffer, "[null,true,false,1,-0,18446744073709551615,-9223372036854775808,\"A\",[],{},"
                 "{\"b\":1,\"a\":[2]}]");
    json_free(doc);

    buffer_clear(&buffer);
    expect_ok(buffer_append_byte(&buffer, '{'));
    expect_ok(json_write_key(&buffer, SLICE("a\"")));
    expect_ok(json_write_bool(&buffer, true));
    expect_ok(json_write_key(&buffer, SLICE("b")));
    expect_ok(json_write_node(&buffer, NULL));
    expect_ok(buffer_append_byte(&buffer, '}'));
    expect_text(&buffer, "{\"a\\\"\":true,\"b\":null}");
    buffer_done(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals_have_no_zeros_at_their_end),
        cmocka_unit_test(takes_only_rfc_8259),
        cmocka_unit_test(memory_is_used_again),
        cmocka_unit_test(memory_is_used_where_it_fits),
        cmocka_unit_test(reads_exactly_its_slice),
        cmocka_unit_test(depth_is_bounded_exactly),
        cmocka_unit_test(deep_texts_do_not_use_the_stack),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(survives_each_failed_allocation),
        cmocka_unit_test(strings_in_an_arena_outlive_the_document),
        cmocka_unit_test(answers_about_what_is_there),
        cmocka_unit_test(finds_repeated_names),
        cmocka_unit_test(answers_about_what_is_not_there),
        cmocka_unit_test(walks_in_the_order_of_the_text),
        cmocka_unit_test(whole_numbers_however_written),
        cmocka_unit_test(numbers_print_as_in_javascript),
        cmocka_unit_test(numbers_read_as_in_javascript),
        cmocka_unit_test(whole_numbers_print_every_digit),
        cmocka_unit_test(strings_print_as_in_javascript),
        cmocka_unit_test(any_bytes_make_a_valid_string),
        cmocka_unit_test(cuts_between_characters),
        cmocka_unit_test(writes_nodes_and_keys),
    };
    return cmocka_run_group_tests_name("value/json", tests, NULL, NULL);
}
