/*
 * Printable forms: what may not be printed raw is escaped byte by byte, the rest is left alone, and
 * nothing is written past the room there is.
 */
#include "value/printable.h"
#include "value/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_table(void **state)
{
    (void)state;
    const struct {
        struct slice text;
        const char *printed;
    } cases[] = {
        {SLICE(""), ""},
        {SLICE("messages:list"), "messages:list"},
        {SLICE("a\0b"), "a\\x00b"},
        {SLICE("\0"), "\\x00"},
        {SLICE("line\nline\ttab\x7f"), "line\\x0aline\\x09tab\\x7f"},
        {SLICE("\x1b[31mred"), "\\x1b[31mred"},
        {SLICE("\"quoted\" \\ back"), "\"quoted\" \\ back"},
        {SLICE("Grüße, 😀"), "Grüße, 😀"},
        {SLICE("\xc2\x80\xc2\x9f\xc2\xa0"), "\\xc2\\x80\\xc2\\x9f\xc2\xa0"},
        {SLICE("\xe2\x80\xae|\xe2\x81\xa6|\xe2\x80\xa8|\xd8\x9c"),
         "\\xe2\\x80\\xae|\\xe2\\x81\\xa6|\\xe2\\x80\\xa8|\\xd8\\x9c"},
        {SLICE("\xff\xc3|\xed\xa0\x80|\xf0\x9f\x98"), "\\xff\\xc3|\\xed\\xa0\\x80|\\xf0\\x9f\\x98"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(printable(cases[i].text).text, cases[i].printed);
    }
}

/* Every room from the least to plenty: never more than there is, and a mark where it was cut. */
static void test_room(void **state)
{
    (void)state;
    const struct slice text = SLICE("ab\0ü\x1b😀z");
    char whole[64];
    (void)printable_write(text, whole, sizeof whole);
    for (size_t room = sizeof "..."; room < sizeof whole; room++) {
        char *const out = malloc(room); /* so that a sanitizer sees a byte too many */
        assert_non_null(out);
        (void)printable_write(text, out, room);
        const size_t size = strlen(out);
        assert_true(size < room);
        assert_true(utf8_valid(slice_of(out, size)));
        if (strcmp(out, whole) != 0) {
            assert_true(size >= 3);
            assert_string_equal(out + size - 3, "...");
            assert_memory_equal(out, whole, size - 3);
            assert_true(strlen(whole) + sizeof "..." > room);
        }
        free(out);
    }
}

static void test_long_name(void **state)
{
    (void)state;
    uint8_t bytes[2000] = {0};
    const struct printable all = printable(slice_of(bytes, 256));
    const struct printable cut = printable(slice_of(bytes, sizeof bytes));
    assert_int_equal(strlen(all.text), 256 * PRINTABLE_BYTES_EACH);
    assert_int_equal(strlen(cut.text), 256 * PRINTABLE_BYTES_EACH + 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_long_name),
    };
    return cmocka_run_group_tests_name("printable", tests, NULL, NULL);
}
