/*
 * What holds for all values: writing and reading agree, texts are canonical, sort keys sort as
 * values do, and the order is one. Values are drawn at random from a printed seed.
 */
#include "value/document.h"
#include "value/json.h"
#include "value/sortkey.h"
#include "value/utf8.h"
#include "value/value.h"

#include "support/expect.h"
#include "support/size.h"
#include "support/values.h"

#define DEPTH 4

static struct value drawn(struct random_stream *random, struct arena *arena)
{
    return values_below(random, 20) == 0 ? (struct value){.kind = VALUE_UNDEFINED}
                                         : values_make(random, arena, DEPTH);
}

/* Encoded text reads back as an equal value, whose text is the same: one value, one text. */
static void encoded_texts_are_canonical(void **state)
{
    (void)state;
    struct random_stream random;
    values_seed(&random, "encoded");
    CORDON_CLEANUP_BUFFER struct buffer first;
    CORDON_CLEANUP_BUFFER struct buffer second;
    buffer_init(&first, 1 << 20);
    buffer_init(&second, 1 << 20);
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 24);
    const size_t rounds = test_size(5000);
    for (size_t round = 0; round < rounds; round++) {
        arena_reset(&arena);
        const struct value value = values_make(&random, &arena, DEPTH);
        buffer_clear(&first);
        buffer_clear(&second);
        expect_ok(value_write_encoded(&first, &value));
        assert_true(utf8_valid(buffer_slice(&first)));
        struct value again;
        expect_ok(value_parse(buffer_slice(&first), &arena, &again));
        assert_true(value_equal(&value, &again));
        assert_int_equal(value_size(&value), value_size(&again));
        assert_int_equal(value_nesting(&value), value_nesting(&again));
        expect_ok(value_write_encoded(&second, &again));
        expect_slice(buffer_slice(&second), buffer_slice(&first));
    }
}

/* The clean form and the display are not read back, but the former must be JSON. */
static void clean_texts_are_json(void **state)
{
    (void)state;
    struct random_stream random;
    values_seed(&random, "clean");
    CORDON_CLEANUP_BUFFER struct buffer buffer;
    buffer_init(&buffer, 1 << 20);
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 24);
    const struct json_limits limits = {.bytes_max = 1 << 22, .depth_max = DEPTH};
    const size_t rounds = test_size(2000);
    for (size_t round = 0; round < rounds; round++) {
        arena_reset(&arena);
        const struct value value = values_make(&random, &arena, DEPTH);
        buffer_clear(&buffer);
        expect_ok(value_write_clean(&buffer, &value));
        struct json_doc *doc = NULL;
        expect_ok(json_parse(buffer_slice(&buffer), &limits, &doc));
        json_free(doc);
        buffer_clear(&buffer);
        expect_ok(value_write_display(&buffer, &value));
        assert_true(utf8_valid(buffer_slice(&buffer)));
    }
}

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

/* Of three values each pair compares as its keys do, both ways, and the three agree. */
static void sort_keys_sort_as_values_do(void **state)
{
    (void)state;
    struct random_stream random;
    values_seed(&random, "sortkey");
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 24);
    const size_t rounds = test_size(5000);
    for (size_t round = 0; round < rounds; round++) {
        arena_reset(&arena);
        struct value values[3];
        struct buffer keys[3];
        for (size_t i = 0; i < 3; i++) {
            values[i] = drawn(&random, &arena);
            buffer_init(&keys[i], 1 << 20);
            expect_ok(sortkey_write(&keys[i], &values[i]));
        }
        for (size_t i = 0; i < 9; i++) {
            const struct value *a = &values[i / 3];
            const struct value *b = &values[i % 3];
            const int order = sign(value_compare(a, b));
            assert_int_equal(order, -sign(value_compare(b, a)));
            const int key_order =
                slice_compare(buffer_slice(&keys[i / 3]), buffer_slice(&keys[i % 3]));
            assert_int_equal(sign(key_order), order);
            assert_true(i / 3 != i % 3 || order == 0);
        }
        if (value_compare(&values[0], &values[1]) <= 0 &&
            value_compare(&values[1], &values[2]) <= 0) {
            assert_true(value_compare(&values[0], &values[2]) <= 0);
        }
        for (size_t i = 0; i < 3; i++) {
            buffer_done(&keys[i]);
        }
    }
}

/* Keys joined field by field, as an index has them, sort field by field and come apart again. */
static void joined_keys_sort_field_by_field(void **state)
{
    (void)state;
    struct random_stream random;
    values_seed(&random, "joined");
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 24);
    CORDON_CLEANUP_BUFFER struct buffer left;
    CORDON_CLEANUP_BUFFER struct buffer right;
    buffer_init(&left, 1 << 20);
    buffer_init(&right, 1 << 20);
    const size_t rounds = test_size(5000);
    for (size_t round = 0; round < rounds; round++) {
        arena_reset(&arena);
        buffer_clear(&left);
        buffer_clear(&right);
        struct value values[3];
        int order = 0;
        for (size_t i = 0; i < 3; i++) {
            values[i] = drawn(&random, &arena);
            const bool same = values_below(&random, 2) == 0;
            const struct value other = same ? values[i] : drawn(&random, &arena);
            order = order != 0 ? order : sign(value_compare(&values[i], &other));
            expect_ok(sortkey_write(&left, &values[i]));
            expect_ok(sortkey_write(&right, &other));
        }
        assert_int_equal(sign(slice_compare(buffer_slice(&left), buffer_slice(&right))), order);

        struct slice rest = buffer_slice(&left);
        for (size_t i = 0; i < 3; i++) {
            struct value again;
            expect_ok(sortkey_read(&rest, &arena, &again));
            assert_true(value_equal(&again, &values[i]));
        }
        assert_int_equal(rest.size, 0);
    }
}

/* A patch, field by field, against what merging means. */
static void merging_is_field_by_field(void **state)
{
    (void)state;
    struct random_stream random;
    values_seed(&random, "merge");
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 24);
    static const char *const names[] = {"A", "_id", "a", "a b", "a\"", "aa", "ab", "b", "~", "no"};
    const size_t rounds = test_size(5000);
    for (size_t round = 0; round < rounds; round++) {
        arena_reset(&arena);
        const struct value base = values_object(&random, &arena, 2);
        struct value patch = values_object(&random, &arena, 2);
        struct value_field *fields = arena_alloc(&arena, (patch.count + 1) * sizeof *fields);
        for (size_t i = 0; i < patch.count; i++) {
            fields[i] = patch.as.fields[i];
            if (values_below(&random, 3) == 0) {
                fields[i].value = (struct value){.kind = VALUE_UNDEFINED};
            }
        }
        patch = value_object(fields, patch.count);
        struct value merged;
        expect_ok(value_merge(&base, &patch, &arena, &merged));
        for (size_t i = 0; i < COUNT(names); i++) {
            const struct slice name = slice_str(names[i]);
            const struct value *found = value_field(&merged, name);
            const struct value *wanted = value_field(&patch, name);
            if (wanted == NULL) {
                wanted = value_field(&base, name);
            } else if (wanted->kind == VALUE_UNDEFINED) {
                wanted = NULL;
            }
            assert_int_equal(found == NULL, wanted == NULL);
            assert_true(found == NULL || value_equal(found, wanted));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoded_texts_are_canonical),
        cmocka_unit_test(clean_texts_are_json),
        cmocka_unit_test(sort_keys_sort_as_values_do),
        cmocka_unit_test(joined_keys_sort_field_by_field),
        cmocka_unit_test(merging_is_field_by_field),
    };
    return cmocka_run_group_tests_name("value/properties", tests, NULL, NULL);
}
