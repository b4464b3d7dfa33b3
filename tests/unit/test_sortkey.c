/* Sort keys: the bytes themselves, one list of values in order, and damaged keys. */
#include "value/sortkey.h"

#include "base/hash.h"
#include "support/expect.h"
#include "value/json.h"

static struct value parsed(struct arena *arena, const char *text)
{
    const struct json_limits limits = {.bytes_max = 1 << 16, .depth_max = 64};
    struct json_doc *doc = NULL;
    expect_ok(json_parse_in_arena(slice_str(text), &limits, arena, &doc));
    struct value value = {0};
    expect_ok(value_or_undefined_from_json(json_root(doc), arena, &value));
    json_free(doc);
    return value;
}

/* In ascending order, so that the table checks both the bytes and the order. */
static const struct {
    const char *value;
    const char *key;
} rows[] = {
    {"{\"$undefined\":null}", "01"},
    {"null", "03"},
    {"{\"$integer\":\"AAAAAAAAAIA=\"}", "048000000000000000"},
    {"{\"$integer\":\"////f/////8=\"}", "04ffffffff7fffffff"},
    {"{\"$integer\":\"AAAAgP////8=\"}", "0580000000"},
    {"{\"$integer\":\"/3////////8=\"}", "05ffff7fff"},
    {"{\"$integer\":\"AID///////8=\"}", "068000"},
    {"{\"$integer\":\"f/////////8=\"}", "06ff7f"},
    {"{\"$integer\":\"gP////////8=\"}", "0780"},
    {"{\"$integer\":\"//////////8=\"}", "07ff"},
    {"{\"$integer\":\"AAAAAAAAAAA=\"}", "08"},
    {"{\"$integer\":\"AQAAAAAAAAA=\"}", "0901"},
    {"{\"$integer\":\"fwAAAAAAAAA=\"}", "097f"},
    {"{\"$integer\":\"gAAAAAAAAAA=\"}", "0a0080"},
    {"{\"$integer\":\"/38AAAAAAAA=\"}", "0a7fff"},
    {"{\"$integer\":\"AIAAAAAAAAA=\"}", "0b00008000"},
    {"{\"$integer\":\"AAAAgAAAAAA=\"}", "0c0000000080000000"},
    {"{\"$integer\":\"/////////38=\"}", "0c7fffffffffffffff"},
    {"{\"$float\":\"AAAAAAAA+P8=\"}", "0d0007ffffffffffff"},
    {"{\"$float\":\"AAAAAAAA8P8=\"}", "0d000fffffffffffff"},
    {"-1", "0d400fffffffffffff"},
    {"-0", "0d7fffffffffffffff"},
    {"0", "0d8000000000000000"},
    {"5e-324", "0d8000000000000001"},
    {"1", "0dbff0000000000000"},
    {"{\"$float\":\"AAAAAAAA8H8=\"}", "0dfff0000000000000"},
    {"{\"$float\":\"AAAAAAAA+H8=\"}", "0dfff8000000000000"},
    {"false", "0e"},
    {"true", "0f"},
    {"\"\"", "1000"},
    {"\"\\u0000\"", "1000ff00"},
    {"\"\\u0000\\u0000\"", "1000ff00ff00"},
    {"\"\\u0000a\"", "1000ff6100"},
    {"\"\\u0001\"", "100100"},
    {"\"a\"", "106100"},
    {"\"a\\u0000\"", "106100ff00"},
    {"\"aa\"", "10616100"},
    {"\"b\"", "106200"},
    {"\"\\u00e9\"", "10c3a900"},
    {"\"\\ud83d\\ude00\"", "10f09f988000"},
    {"{\"$bytes\":\"\"}", "1100"},
    {"{\"$bytes\":\"AA==\"}", "1100ff00"},
    {"{\"$bytes\":\"AP8=\"}", "1100ffff00"},
    {"{\"$bytes\":\"/w==\"}", "11ff00"},
    {"[]", "1200"},
    {"[null]", "120300"},
    {"[null,null]", "12030300"},
    {"[\"\"]", "12100000"},
    {"[\"\",null]", "1210000300"},
    {"[\"\\u0000\"]", "121000ff0000"},
    {"[[]]", "12120000"},
    {"{}", "1500"},
    {"{\"a\":null}", "1561000300"},
    {"{\"a\":null,\"b\":null}", "1561000362000300"},
    {"{\"a\":true}", "1561000f00"},
    {"{\"aa\":null}", "156161000300"},
    {"{\"b\":null}", "1562000300"},
};

static void keys_are_these_bytes_in_this_order(void **state)
{
    (void)state;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 20);
    struct buffer keys[COUNT(rows)];
    size_t count = 0;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct value value = parsed(&arena, rows[i].value);
        buffer_init(&keys[count], 64);
        expect_ok(sortkey_write(&keys[count], &value));
        char hex[129];
        hex_encode(buffer_slice(&keys[count]), hex);
        assert_string_equal(hex, rows[i].key);

        struct slice rest = buffer_slice(&keys[count]);
        struct value again;
        expect_ok(sortkey_read(&rest, &arena, &again));
        assert_int_equal(rest.size, 0);
        assert_true(value_equal(&value, &again));
        count++;
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            const int order = slice_compare(buffer_slice(&keys[i]), buffer_slice(&keys[j]));
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }
    for (size_t i = 0; i < count; i++) {
        buffer_done(&keys[i]);
    }
}

static void damaged_keys_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        const char *why;
    } cases[] = {
        {"", "cut short"},
        {"00", "unknown tag"},
        {"02", "unknown tag"},
        {"13", "unknown tag"},
        {"16", "unknown tag"},
        {"ff", "unknown tag"},
        {"09", "cut short"},
        {"0900", "shortest form"},
        {"0980", "shortest form"},
        {"0a0001", "shortest form"},
        {"0a007f", "shortest form"},
        {"077f", "shortest form"},
        {"06ff80", "shortest form"},
        {"040000000000000001", "shortest form"},
        {"0d000000", "cut short"},
        {"10", "no end"},
        {"1061", "no end"},
        {"1000ff", "no end"},
        {"10ff00", "not UTF-8"},
        {"10c300", "not UTF-8"},
        {"12", "cut short"},
        {"1203", "cut short"},
        {"120100", "unknown tag"}, /* undefined inside an array */
        {"15610003", "no end"},
        {"156100", "cut short"},
        {"15000300", NULL}, /* an empty object, and more behind it */
        {"1524000300", "reserved"},
        {"1562000361000300", "not in order"},
        {"1561000361000300", "not in order"},
    };
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t bytes[64];
        const size_t size = strlen(cases[i].key) / 2;
        assert_true(hex_decode(slice_str(cases[i].key), bytes, size));
        struct slice rest = slice_of(bytes, size);
        struct value value;
        cordon_error *error = sortkey_read(&rest, &arena, &value);
        if (cases[i].why == NULL) {
            expect_ok(error);
            assert_int_equal(rest.size, size - 2);
            continue;
        }
        expect_error(error, CORDON_E_BAD_VALUE, cases[i].why);
        assert_ptr_equal(rest.data, bytes);
    }
}

/* Nesting, items and memory are bounded also when the key is a stranger's. */
static void hostile_keys_are_bounded(void **state)
{
    (void)state;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 20);
    static uint8_t bytes[100000];
    memset(bytes, 0x12, sizeof bytes);
    struct slice rest = slice_of(bytes, sizeof bytes);
    struct value value;
    expect_error(sortkey_read(&rest, &arena, &value), CORDON_E_BAD_VALUE, "nested deeper");

    memset(bytes + 1, 0x03, sizeof bytes - 1);
    bytes[1 + 8192] = 0;
    rest = slice_of(bytes, sizeof bytes);
    expect_ok(sortkey_read(&rest, &arena, &value));
    assert_int_equal(value.count, 8192);
    bytes[1 + 8192] = 0x03;
    rest = slice_of(bytes, sizeof bytes);
    expect_error(sortkey_read(&rest, &arena, &value), CORDON_E_BAD_VALUE, "more items");

    CORDON_CLEANUP_ARENA struct arena full;
    arena_init(&full, 8192);
    rest = slice_of(bytes, sizeof bytes);
    expect_error(sortkey_read(&rest, &full, &value), CORDON_E_TOO_LARGE, "8192 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_these_bytes_in_this_order),
        cmocka_unit_test(damaged_keys_are_refused),
        cmocka_unit_test(hostile_keys_are_bounded),
    };
    return cmocka_run_group_tests_name("value/sortkey", tests, NULL, NULL);
}
