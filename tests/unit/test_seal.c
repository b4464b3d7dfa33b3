/* Sealing: what is opened is what was closed, and nothing else opens. */
#include "base/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t key[SEAL_KEY_BYTES] = {1, 2, 3};

static bool opens(
    const uint8_t *with, struct slice context, struct slice sealed, struct buffer *out)
{
    bool good = false;
    assert_null(seal_open(with, context, sealed, out, &good));
    return good;
}

static void what_was_closed_is_opened(void **state)
{
    (void)state;
    static const struct slice contexts[] = {{NULL, 0}, {(const uint8_t *)"tenant 1", 8}};
    uint8_t text[300];
    memset(text, 'x', sizeof text);
    for (size_t size = 1; size <= sizeof text; size++) {
        struct buffer sealed;
        struct buffer again;
        struct buffer opened;
        const struct slice context = contexts[size % 2];
        buffer_init(&sealed, SIZE_MAX);
        buffer_init(&again, SIZE_MAX);
        buffer_init(&opened, SIZE_MAX);
        assert_null(seal_close(key, context, slice_of(text, size), &sealed));
        assert_null(seal_close(key, context, slice_of(text, size), &again));
        assert_int_equal(sealed.size, size + SEAL_TAG_BYTES);
        assert_true(slice_equal(buffer_slice(&sealed), buffer_slice(&again)));
        assert_true(opens(key, context, buffer_slice(&sealed), &opened));
        assert_true(slice_equal(buffer_slice(&opened), slice_of(text, size)));
        buffer_done(&sealed);
        buffer_done(&again);
        buffer_done(&opened);
    }
}

static void nothing_else_is_opened(void **state)
{
    (void)state;
    struct buffer sealed;
    struct buffer opened;
    buffer_init(&sealed, SIZE_MAX);
    buffer_init(&opened, SIZE_MAX);
    assert_null(seal_close(key, SLICE("a"), SLICE("what is kept"), &sealed));
    assert_true(opens(key, SLICE("a"), buffer_slice(&sealed), &opened));
    assert_false(opens(key, SLICE("b"), buffer_slice(&sealed), &opened));
    assert_false(opens(key, (struct slice){0}, buffer_slice(&sealed), &opened));
    for (size_t bit = 0; bit < 8 * SEAL_KEY_BYTES; bit++) {
        uint8_t other[SEAL_KEY_BYTES];
        memcpy(other, key, sizeof other);
        other[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_false(opens(other, SLICE("a"), buffer_slice(&sealed), &opened));
    }
    for (size_t bit = 0; bit < 8 * sealed.size; bit++) {
        sealed.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_false(opens(key, SLICE("a"), buffer_slice(&sealed), &opened));
        sealed.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    for (size_t size = 0; size < sealed.size; size++) {
        assert_false(opens(key, SLICE("a"), slice_of(sealed.data, size), &opened));
    }
    assert_true(slice_equal(buffer_slice(&opened), SLICE("what is kept")));
    buffer_done(&sealed);
    buffer_done(&opened);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_closed_is_opened),
        cmocka_unit_test(nothing_else_is_opened),
    };
    return cmocka_run_group_tests_name("base/seal", tests, NULL, NULL);
}
