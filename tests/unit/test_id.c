/* Document ids: Convex's vectors, every table number width, and every kind of false text. */
#include "value/id.h"

#include <math.h>

#include "support/expect.h"
#include "support/size.h"
#include "support/values.h"

static const struct {
    uint32_t table;
    uint8_t first; /* of the internal bytes */
    uint8_t step;  /* from one to the next */
    const char *text;
} vectors[] = {
    {1, 0x00, 0, "0400000000000000000000000000248"},
    {10001, 0x00, 1, "j57000820c20a1g7104gm2rc1m70ynr8"},
    {UINT32_MAX, 0xff, 0, "zzzzzzrfzzzzzzzzzzzzzzzzzzzzzzzzzzxjj"},
};

static void vectors_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        struct document_id id = {.table = vectors[i].table};
        for (size_t j = 0; j < DOCUMENT_ID_INTERNAL_BYTES; j++) {
            id.internal[j] = (uint8_t)(vectors[i].first + j * vectors[i].step);
        }
        char text[DOCUMENT_ID_TEXT_MAX + 1];
        const size_t size = document_id_encode(&id, text);
        assert_string_equal(text, vectors[i].text);
        assert_int_equal(size, strlen(text));
        struct document_id again;
        assert_true(document_id_decode(slice_of(text, size), &again));
        assert_int_equal(again.table, id.table);
        assert_memory_equal(again.internal, id.internal, sizeof id.internal);
    }
}

static void lengths_follow_the_table_number(void **state)
{
    (void)state;
    static const struct {
        uint32_t table;
        size_t size;
    } cases[] = {
        {0, 31},       {127, 31},     {128, 32},       {16383, 32},     {16384, 34},
        {2097151, 34}, {2097152, 36}, {268435455, 36}, {268435456, 37}, {UINT32_MAX, 37},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct document_id id = {.table = cases[i].table};
        char text[DOCUMENT_ID_TEXT_MAX + 1];
        assert_int_equal(document_id_encode(&id, text), cases[i].size);
        struct document_id again;
        assert_true(document_id_decode(slice_str(text), &again));
        assert_int_equal(again.table, id.table);
    }
}

static void refuses_false_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "j57000820c20a1g7104gm2rc1m70ynr",   /* cut */
        "j57000820c20a1g7104gm2rc1m70ynr80", /* longer */
        "J57000820C20A1G7104GM2RC1M70YNR8",  /* upper case */
        "j57000820c20a1g7104gm2rc1m70ynr9",  /* checksum */
        "j57000820c20a1g7104gm2rc1m70yns8",  /* checksum */
        "j5700o820c20a1g7104gm2rc1m70ynr8",  /* o is no digit here, as in Crockford's leniency */
        "j57000820c20a1g7104gm2rc1m70ynrl",  /* nor l */
        "j57000820c20a1g7104gm2rc1m70ynr\xc3",
        " j57000820c20a1g7104gm2rc1m70ynr8",
        "0400000000000000000000000000249", /* stray bits behind the last byte */
        "000000000000000000000000000000000000000000000000",
        "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", /* a table number that does not end */
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct document_id id = {.table = 77};
        if (document_id_decode(slice_str(texts[i]), &id)) {
            print_error("%s\n", texts[i]);
            fail();
        }
        assert_int_equal(id.table, 77);
    }
}

/* Table numbers written with more bytes than needed have the right checksum and are refused. */
static void refuses_long_table_numbers(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "g0000000000000000000000000001000",      /* 80 00 */
        "g6000000000000000000000000001jc",       /* 81 80 00 */
        "zzzzzzrz00000000000000000000000000dw2", /* ff ff ff ff 1f: 33 bits */
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct document_id id;
        assert_false(document_id_decode(slice_str(texts[i]), &id));
    }
}

/* Any change of one character is seen: what is taken is never another text for the same id. */
static void ids_survive_nothing_but_themselves(void **state)
{
    (void)state;
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    struct random_stream random;
    values_seed(&random, "id");
    const size_t rounds = test_size(2000);
    for (size_t round = 0; round < rounds; round++) {
        struct document_id id = {.table = (uint32_t)values_int64(&random)};
        random_stream_fill(&random, id.internal, sizeof id.internal);
        char text[DOCUMENT_ID_TEXT_MAX + 1];
        const size_t size = document_id_encode(&id, text);
        struct document_id again;
        assert_true(document_id_decode(slice_of(text, size), &again));
        assert_int_equal(again.table, id.table);
        assert_memory_equal(again.internal, id.internal, sizeof id.internal);

        const size_t at = values_below(&random, size);
        const char before = text[at];
        text[at] = digits[values_below(&random, 32)];
        if (text[at] != before && document_id_decode(slice_of(text, size), &again)) {
            char once_more[DOCUMENT_ID_TEXT_MAX + 1];
            assert_int_equal(document_id_encode(&again, once_more), size);
            assert_memory_equal(once_more, text, size);
        }
    }
}

/* The bytes of new ids are in the order of their times; the rest is random as it was given. */
static void new_ids_begin_with_their_time(void **state)
{
    (void)state;
    static const double times[] = {
        0, 0.001, 1, 86400000.0 * 20000 + 12345, 86400000.0 * 20000 + 12345.001};
    uint8_t random[DOCUMENT_ID_RANDOM_BYTES];
    memset(random, 0x5a, sizeof random);
    struct document_id before = {0};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        const struct document_id id = document_id_new(10001, times[i], random);
        assert_int_equal(id.table, 10001);
        assert_memory_equal(id.internal + DOCUMENT_ID_TIME_BYTES, random, sizeof random);
        assert_true(memcmp(before.internal, id.internal, sizeof id.internal) < 0);
        before = id;
    }
    static const uint8_t known[] = {0x06, 0x23, 0x9b, 0x5a, 0xe8, 0x5e, 0xa9};
    assert_memory_equal(before.internal, known, sizeof known);
}

/* A time that is none makes an id all the same. */
static void ids_take_any_time(void **state)
{
    (void)state;
    static const double times[] = {-1, -INFINITY, INFINITY, NAN, 1e300, 72057594037927.936};
    const uint8_t random[DOCUMENT_ID_RANDOM_BYTES] = {0};
    static const uint8_t none[DOCUMENT_ID_TIME_BYTES] = {0};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        const struct document_id id = document_id_new(10001, times[i], random);
        assert_memory_equal(id.internal, none, sizeof none);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_both_ways),
        cmocka_unit_test(lengths_follow_the_table_number),
        cmocka_unit_test(refuses_false_texts),
        cmocka_unit_test(refuses_long_table_numbers),
        cmocka_unit_test(ids_survive_nothing_but_themselves),
        cmocka_unit_test(new_ids_begin_with_their_time),
        cmocka_unit_test(ids_take_any_time),
    };
    return cmocka_run_group_tests_name("value/id", tests, NULL, NULL);
}
