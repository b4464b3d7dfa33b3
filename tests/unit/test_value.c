/* Values: what JSON means as a value, what is refused and how, and each form of writing. */
#include "value/value.h"

#include "base/memory.h"
#include "support/expect.h"
#include "value/json.h"

static struct value parsed(struct arena *arena, const char *text)
{
    struct value value = {0};
    expect_ok(value_parse(slice_str(text), arena, &value));
    return value;
}

/* Text in, canonical text, clean text, size, nesting. */
static void reads_and_writes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *encoded; /* NULL: as the text */
        const char *clean;   /* NULL: as the encoded one */
        const char *display;
        size_t size;
        unsigned nesting;
    } cases[] = {
        {"null", NULL, NULL, "null", 1, 0},
        {"true", NULL, NULL, "true", 1, 0},
        {"false", NULL, NULL, "false", 1, 0},
        {" 1.0 ", "1", NULL, "1.0", 9, 0},
        {"1e21", "1e+21", NULL, "1e21", 9, 0},
        {"-1.5", NULL, NULL, "-1.5", 9, 0},
        {"1e15", "1000000000000000", NULL, "1000000000000000.0", 9, 0},
        {"1e16", "10000000000000000", NULL, "1e16", 9, 0},
        {"12345678901234567890", "12345678901234567000", NULL, "1.2345678901234567e19", 9, 0},
        {"0.0001", NULL, NULL, "0.0001", 9, 0},
        {"0.00001234", "0.00001234", NULL, "1.234e-5", 9, 0},
        {"-1.5e-7", NULL, NULL, "-1.5e-7", 9, 0},
        {"5e-324", NULL, NULL, "5e-324", 9, 0},
        {"-0", "{\"$float\":\"AAAAAAAAAIA=\"}", "-0", "-0.0", 9, 0},
        {"-0.0", "{\"$float\":\"AAAAAAAAAIA=\"}", "-0", "-0.0", 9, 0},
        {"{\"$float\":\"AAAAAAAA8H8=\"}", NULL, "\"Infinity\"", "inf", 9, 0},
        {"{\"$float\":\"AAAAAAAA8P8=\"}", NULL, "\"-Infinity\"", "-inf", 9, 0},
        {"{\"$float\":\"AAAAAAAA+H8=\"}", NULL, "\"NaN\"", "NaN", 9, 0},
        {"{\"$float\":\"AQAAAAAA+P8=\"}", NULL, "\"NaN\"", "NaN", 9, 0}, /* payload kept */
        {"{\"$integer\":\"KgAAAAAAAAA=\"}", NULL, "\"42\"", "42", 9, 0},
        {"{\"$integer\":\"//////////8=\"}", NULL, "\"-1\"", "-1", 9, 0},
        {"{\"$integer\":\"AAAAAAAAAIA=\"}", NULL, "\"-9223372036854775808\"",
         "-9223372036854775808", 9, 0},
        {"{\"$bytes\":\"\"}", NULL, "\"\"", "bytes(\"\")", 2, 0},
        {"{\"$bytes\":\"AP8=\"}", NULL, "\"AP8=\"", "bytes(\"AP8=\")", 4, 0},
        {"\"\"", NULL, NULL, "\"\"", 2, 0},
        {"\"\\u0041\\/\\u00e9\"", "\"A/\xc3\xa9\"", NULL, "\"A/\xc3\xa9\"", 6, 0},
        {"\"\\\"\\n\\u0000\\u001b\\u0085\"", "\"\\\"\\n\\u0000\\u001b\xc2\x85\"", NULL,
         "\"\\\"\\n\\0\\u{1b}\\u{85}\"", 8, 0},
        {"[]", NULL, NULL, "[]", 2, 1},
        {"{}", NULL, NULL, "{}", 2, 1},
        {"[ 1 , [ null ] ]", "[1,[null]]", NULL, "[1.0, [null]]", 14, 2},
        {"{ \"b\" : 1 , \"a\" : { } }", "{\"a\":{},\"b\":1}", NULL, "{a: {}, b: 1.0}", 17, 2},
        {"{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}", NULL, "{a: 3.0, b: 2.0}", 24, 1},
        {"{\"a b\":1,\"a\\\"\":2}", NULL, NULL, "{\"a b\": 1.0, \"a\\\"\": 2.0}", 27, 1},
        {"{\"\\u0061\":{\"$integer\":\"AAAAAAAAAAA=\"}}", "{\"a\":{\"$integer\":\"AAAAAAAAAAA=\"}}",
         "{\"a\":\"0\"}", "{a: 0}", 13, 1},
        {"{\"Z\":1,\"_\":2,\"a\":3}", NULL, NULL, "{Z: 1.0, \"_\": 2.0, a: 3.0}", 35, 1},
    };
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 20);
    CORDON_CLEANUP_BUFFER struct buffer buffer;
    buffer_init(&buffer, 4096);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *encoded = cases[i].encoded == NULL ? cases[i].text : cases[i].encoded;
        const struct value value = parsed(&arena, cases[i].text);
        buffer_clear(&buffer);
        expect_ok(value_write_encoded(&buffer, &value));
        expect_text(&buffer, encoded);
        buffer_clear(&buffer);
        expect_ok(value_write_clean(&buffer, &value));
        expect_text(&buffer, cases[i].clean == NULL ? encoded : cases[i].clean);
        buffer_clear(&buffer);
        expect_ok(value_write_display(&buffer, &value));
        expect_text(&buffer, cases[i].display);
        assert_int_equal(value_size(&value), cases[i].size);
        assert_int_equal(value_nesting(&value), cases[i].nesting);
    }
}

static void refuses_what_is_no_value(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        cordon_error_code code;
        const char *error;
    } cases[] = {
        {"[1", CORDON_E_BAD_JSON, "at byte 2"},
        {"{\"$integer\":42}", CORDON_E_BAD_VALUE, "`$integer` takes a base64 string"},
        {"{\"$integer\":\"KgAAAAAAAA==\"}", CORDON_E_BAD_VALUE, "takes 8 bytes in base64, got 7"},
        {"{\"$integer\":\"\"}", CORDON_E_BAD_VALUE, "got 0"},
        {"{\"$integer\":\"KgAAAAAAAAB=\"}", CORDON_E_BAD_VALUE, "not canonical base64"},
        {"{\"$float\":1}", CORDON_E_BAD_VALUE, "`$float` takes a base64 string"},
        {"{\"$float\":\"AAAAAAAA8D8=\"}", CORDON_E_BAD_VALUE, "write a number"}, /* 1.0 */
        {"{\"$float\":\"AAAAAAAAAAA=\"}", CORDON_E_BAD_VALUE, "write a number"}, /* 0.0 */
        {"{\"$bytes\":\"AP8\"}", CORDON_E_BAD_VALUE, "not canonical base64"},
        {"{\"$bytes\":null}", CORDON_E_BAD_VALUE, "`$bytes` takes"},
        {"{\"$undefined\":null}", CORDON_E_BAD_VALUE, "'$', which is reserved"},
        {"[{\"$undefined\":null}]", CORDON_E_BAD_VALUE, "'$', which is reserved"},
        {"{\"$commitTs\":null}", CORDON_E_BAD_VALUE, "Field name $commitTs starts with a '$'"},
        {"{\"$set\":[]}", CORDON_E_BAD_VALUE, "Field name $set starts with a '$'"},
        {"{\"$integer\":\"KgAAAAAAAAA=\",\"a\":1}", CORDON_E_BAD_VALUE, "Field name $integer"},
        {"{\"a\":1,\"$b\":1}", CORDON_E_BAD_VALUE, "Field name $b"},
        {"{\"\":1}", CORDON_E_BAD_VALUE, "empty"},
        {"{\"a\\n\":1}", CORDON_E_BAD_VALUE, "non-control ASCII"},
        {"{\"\\u00e9\":1}", CORDON_E_BAD_VALUE, "non-control ASCII"},
    };
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct value value = {.kind = VALUE_BOOL, .as.boolean = true};
        cordon_error *error = value_parse(slice_str(cases[i].text), &arena, &value);
        expect_error(error, cases[i].code, cases[i].error);
        assert_true(value.kind == VALUE_BOOL && value.as.boolean);
    }
}

static void undefined_only_where_it_may_be(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool plain;
        bool bound;
        bool patch;
    } cases[] = {
        {"{\"$undefined\":null}", false, true, false},
        {"{\"$undefined\":1}", false, false, false},
        {"{\"a\":{\"$undefined\":null},\"b\":1}", false, false, true},
        {"{\"a\":{\"b\":{\"$undefined\":null}}}", false, false, false},
        {"{\"a\":[{\"$undefined\":null}]}", false, false, false},
        {"{\"a\":1}", true, true, true},
        {"1", true, true, false},
        {"{\"$integer\":\"KgAAAAAAAAA=\"}", true, true, false},
    };
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 20);
    const struct json_limits limits = {.bytes_max = 1 << 16, .depth_max = 8};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct json_doc *doc = NULL;
        struct value value;
        expect_ok(json_parse(slice_str(cases[i].text), &limits, &doc));
        cordon_error *errors[] = {
            value_from_json(json_root(doc), &arena, &value),
            value_or_undefined_from_json(json_root(doc), &arena, &value),
            value_patch_from_json(json_root(doc), &arena, &value),
        };
        const bool fine[] = {cases[i].plain, cases[i].bound, cases[i].patch};
        for (size_t j = 0; j < COUNT(errors); j++) {
            if (fine[j]) {
                expect_ok(errors[j]);
            } else {
                expect_error(errors[j], CORDON_E_BAD_VALUE, "");
            }
        }
        json_free(doc);
    }
    struct value value;
    expect_error(value_from_json(NULL, &arena, &value), CORDON_E_BAD_VALUE, "no value");
}

/* An array of that many ones. */
static struct slice array_of(struct buffer *buffer, size_t count)
{
    buffer_clear(buffer);
    expect_ok(buffer_append_byte(buffer, '['));
    for (size_t i = 0; i < count; i++) {
        expect_ok(json_write_comma(buffer));
        expect_ok(buffer_append_byte(buffer, '1'));
    }
    expect_ok(buffer_append_byte(buffer, ']'));
    return buffer_slice(buffer);
}

/* An object of that many fields. */
static struct slice object_of(struct buffer *buffer, size_t count)
{
    buffer_clear(buffer);
    expect_ok(buffer_append_byte(buffer, '{'));
    for (size_t i = 0; i < count; i++) {
        expect_ok(json_write_comma(buffer));
        expect_ok(buffer_printf(buffer, "\"f%zu\":1", i));
    }
    expect_ok(buffer_append_byte(buffer, '}'));
    return buffer_slice(buffer);
}

static struct slice nested(
    struct buffer *buffer, size_t depth, const char *open, const char *inner, const char *close)
{
    buffer_clear(buffer);
    for (size_t i = 0; i < depth; i++) {
        expect_ok(buffer_append(buffer, slice_str(open)));
    }
    expect_ok(buffer_append(buffer, slice_str(inner)));
    for (size_t i = 0; i < depth; i++) {
        expect_ok(buffer_append(buffer, slice_str(close)));
    }
    return buffer_slice(buffer);
}

/* Each limit, at it and just past it. */
static void limits_hold_exactly(void **state)
{
    (void)state;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)512 << 20);
    CORDON_CLEANUP_BUFFER struct buffer buffer;
    buffer_init(&buffer, (size_t)64 << 20);
    struct value value;

    expect_ok(value_parse(array_of(&buffer, 8192), &arena, &value));
    assert_int_equal(value.count, 8192);
    expect_error(
        value_parse(array_of(&buffer, 8193), &arena, &value), CORDON_E_BAD_VALUE,
        "Array length is too long (8193 > maximum length 8192)");

    expect_ok(value_parse(object_of(&buffer, 1024), &arena, &value));
    assert_int_equal(value.count, 1024);
    expect_error(
        value_parse(object_of(&buffer, 1025), &arena, &value), CORDON_E_TOO_MANY_FIELDS,
        "Object has too many fields (1025 > maximum number 1024)");

    static const char number[] = "{\"$integer\":\"KgAAAAAAAAA=\"}"; /* adds no nesting */
    expect_ok(value_parse(nested(&buffer, 64, "[", number, "]"), &arena, &value));
    assert_int_equal(value_nesting(&value), 64);
    expect_ok(value_parse(nested(&buffer, 64, "{\"a\":", "1", "}"), &arena, &value));
    expect_error(
        value_parse(nested(&buffer, 65, "[", number, "]"), &arena, &value), CORDON_E_TOO_NESTED,
        "Value is too nested (nested 65 levels deep > maximum nesting 64)");
    expect_error(
        value_parse(nested(&buffer, 200, "{\"a\":", "1", "}"), &arena, &value), CORDON_E_TOO_NESTED,
        "nested 200 levels deep");
    expect_error(
        value_parse(nested(&buffer, 257, "[", "", "]"), &arena, &value), CORDON_E_BAD_JSON,
        "more than 256 levels");
}

/* Sizes: a string whose value is exactly 32 MiB, one byte more, and many small parts. */
static void size_is_bounded(void **state)
{
    (void)state;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)512 << 20);
    CORDON_CLEANUP_BUFFER struct buffer buffer;
    buffer_init(&buffer, (size_t)64 << 20);
    for (size_t over = 0; over < 2; over++) {
        const size_t size = VALUE_SIZE_MAX - 2 + over;
        buffer_clear(&buffer);
        expect_ok(buffer_reserve(&buffer, size + 2));
        memset(buffer.data, 'x', size + 2);
        buffer.data[0] = '"';
        buffer.data[size + 1] = '"';
        buffer.size = size + 2;
        struct value value;
        cordon_error *error = value_parse(buffer_slice(&buffer), &arena, &value);
        if (over == 0) {
            expect_ok(error);
            assert_int_equal(value_size(&value), VALUE_SIZE_MAX);
        } else {
            expect_error(
                error, CORDON_E_VALUE_TOO_LARGE,
                "Value is too large (32.00 MiB > maximum size 32 MiB)");
        }
    }
    /* As many bytes in base64 as make one more than a value may have. */
    const size_t digits = (VALUE_SIZE_MAX / 3 + 1) * 4;
    buffer_clear(&buffer);
    expect_ok(buffer_append(&buffer, SLICE("{\"$bytes\":\"")));
    expect_ok(buffer_reserve(&buffer, digits + 2));
    memset(buffer.data + buffer.size, 'A', digits);
    buffer.size += digits;
    expect_ok(buffer_append(&buffer, SLICE("\"}")));
    struct value bytes;
    expect_error(
        value_parse(buffer_slice(&buffer), &arena, &bytes), CORDON_E_VALUE_TOO_LARGE,
        "Value is too large (32.00 MiB > maximum size 32 MiB)");
    /* 500 arrays of 8,192 numbers of 9 bytes each. */
    CORDON_CLEANUP_BUFFER struct buffer row;
    buffer_init(&row, (size_t)1 << 20);
    const struct slice numbers = array_of(&row, 8192);
    buffer_clear(&buffer);
    for (size_t i = 0; i < 500; i++) {
        expect_ok(buffer_append_byte(&buffer, i == 0 ? '[' : ','));
        expect_ok(buffer_append(&buffer, numbers));
    }
    expect_ok(buffer_append_byte(&buffer, ']'));
    struct value value;
    expect_error(
        value_parse(buffer_slice(&buffer), &arena, &value), CORDON_E_VALUE_TOO_LARGE,
        "Value is too large (35.16 MiB > maximum size 32 MiB)");
}

/* Fields in any order and repeated: the worst order for a naive sort is no slower here. */
static void sorts_fields_of_any_order(void **state)
{
    (void)state;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 24);
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, 1 << 20);
    static const size_t steps[] = {1, 1023, 511, 7, 333};
    for (size_t i = 0; i < COUNT(steps); i++) {
        buffer_clear(&text);
        expect_ok(buffer_append_byte(&text, '{'));
        for (size_t j = 0; j < 1024; j++) {
            expect_ok(json_write_comma(&text));
            /* Half as many names as fields: each comes twice, and the later one counts. */
            const size_t name = j * steps[i] % 512;
            expect_ok(buffer_printf(&text, "\"f%03zu\":%zu", name, j));
        }
        expect_ok(buffer_append_byte(&text, '}'));
        struct value value;
        expect_ok(value_parse(buffer_slice(&text), &arena, &value));
        assert_int_equal(value.count, 512);
        for (size_t j = 0; j < 1024; j++) {
            char name[16];
            (void)snprintf(name, sizeof name, "f%03zu", j * steps[i] % 512);
            const struct value *field = value_field(&value, slice_str(name));
            assert_non_null(field);
            assert_true(field->as.float64 == (double)(j % 512 + 512));
        }
    }
}

static void finds_fields(void **state)
{
    (void)state;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 20);
    const struct value object = parsed(&arena, "{\"a\":1,\"ab\":2,\"b\":3,\"_id\":4}");
    static const struct {
        const char *name;
        double number; /* 0: missing */
    } cases[] = {{"a", 1}, {"ab", 2}, {"b", 3},   {"_id", 4},
                 {"", 0},  {"A", 0},  {"abc", 0}, {"c", 0}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct value *field = value_field(&object, slice_str(cases[i].name));
        assert_int_equal(field != NULL, cases[i].number != 0);
        assert_true(field == NULL || field->as.float64 == cases[i].number);
    }
    const struct value array = parsed(&arena, "[1]");
    assert_null(value_field(&array, SLICE("a")));
}

/* Texts for errors stop at the cut, between characters, with the mark, and only if cut. */
static void display_is_cut(void **state)
{
    (void)state;
    CORDON_CLEANUP_BUFFER struct buffer buffer;
    buffer_init(&buffer, (size_t)1 << 20);
    static const struct {
        const char *piece;
        size_t count;
        size_t size; /* of the display without the mark */
        bool cut;
    } cases[] = {
        {"x", 16382, 16384, false},
        {"x", 16383, 16384, true},
        {"\xc3\xa9", 16382, 2 + 2 * 16382, false},
        {"\xc3\xa9", 16383, 1 + 2 * 16383, true},
        {"\xf0\x9f\x98\x80", 16382, 2 + 4 * 16382, false},
        {"\xf0\x9f\x98\x80", 100000, 1 + 4 * 16383, true},
        {"\n", 8191, 16384, false},
        {"\n", 8192, 16384, true},
        {"\n", 1000000, 16384, true},
    };
    CORDON_CLEANUP_BUFFER struct buffer string;
    buffer_init(&string, (size_t)8 << 20);
    for (size_t i = 0; i < COUNT(cases); i++) {
        buffer_clear(&string);
        for (size_t j = 0; j < cases[i].count; j++) {
            expect_ok(buffer_append(&string, slice_str(cases[i].piece)));
        }
        const struct value value = value_string(buffer_slice(&string));
        buffer_clear(&buffer);
        expect_ok(value_write_display(&buffer, &value));
        const struct slice mark = SLICE("[...truncated]");
        assert_int_equal(buffer.size, cases[i].size + (cases[i].cut ? mark.size : 0));
        if (cases[i].cut) {
            expect_slice(slice_from(buffer_slice(&buffer), cases[i].size), mark);
        }
    }
    const struct value bytes = value_bytes(buffer_slice(&string));
    buffer_clear(&buffer);
    expect_ok(value_write_display(&buffer, &bytes));
    assert_int_equal(buffer.size, 16384 + 14);
}

static void size_texts(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},         {1023, "1023 B"},      {1024, "1 KiB"},      {1536, "1.50 KiB"},
        {1048576, "1 MiB"}, {1048577, "1.00 MiB"}, {16777216, "16 MiB"}, {UINT64_MAX, "16.00 EiB"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[VALUE_SIZE_TEXT_BYTES];
        value_size_text(cases[i].bytes, text);
        assert_string_equal(text, cases[i].text);
    }
}

/* Each allocation failed in turn, and arenas of every size: an error and nothing else. */
static void survives_want_of_memory(void **state)
{
    (void)state;
    static const char text[] = "{\"b\":[1,{\"$bytes\":\"AAAA\"},\"x\\ny\"],\"a\":{\"c\":null}}";
    for (uint64_t n = 1; n < 100; n++) {
        CORDON_CLEANUP_ARENA struct arena arena;
        arena_init(&arena, 1 << 20);
        struct value value;
        (void)mem_fail_nth(n);
        cordon_error *error = value_parse(slice_str(text), &arena, &value);
        (void)mem_fail_nth(0);
        if (error == NULL) {
            assert_true(n > 1);
            break;
        }
        expect_error(error, CORDON_E_NO_MEMORY, "out of memory");
        assert_true(n < 99);
    }
    bool fitted = false;
    for (size_t size = 0; size < 8192 && !fitted; size += 16) {
        CORDON_CLEANUP_ARENA struct arena arena;
        arena_init(&arena, size);
        struct value value;
        cordon_error *error = value_parse(slice_str(text), &arena, &value);
        fitted = error == NULL;
        if (!fitted) {
            expect_error(error, CORDON_E_TOO_LARGE, "bytes of memory");
        }
    }
    assert_true(fitted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes),
        cmocka_unit_test(refuses_what_is_no_value),
        cmocka_unit_test(undefined_only_where_it_may_be),
        cmocka_unit_test(limits_hold_exactly),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(sorts_fields_of_any_order),
        cmocka_unit_test(finds_fields),
        cmocka_unit_test(display_is_cut),
        cmocka_unit_test(size_texts),
        cmocka_unit_test(survives_want_of_memory),
    };
    return cmocka_run_group_tests_name("value/value", tests, NULL, NULL);
}
