/* Base64: the vectors of RFC 4648, both alphabets, and everything that is not canonical. */
#include "value/base64.h"

#include "support/expect.h"

static void vectors_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *standard;
        const char *url;
    } cases[] = {
        {"", 0, "", ""},
        {"f", 1, "Zg==", "Zg"},
        {"fo", 2, "Zm8=", "Zm8"},
        {"foo", 3, "Zm9v", "Zm9v"},
        {"foob", 4, "Zm9vYg==", "Zm9vYg"},
        {"fooba", 5, "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", 6, "Zm9vYmFy", "Zm9vYmFy"},
        {"\xfb\xff\xfe", 3, "+//+", "-__-"},
        {"\x2a\0\0\0\0\0\0\0", 8, "KgAAAAAAAAA=", "KgAAAAAAAAA"},
        {"\xff\xff\xff\xff\xff\xff\xff\xff", 8, "//////////8=", "__________8"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int url = 0; url < 2; url++) {
            const enum base64_alphabet alphabet = url ? BASE64_URL : BASE64_STANDARD;
            const struct slice bytes = slice_of(cases[i].bytes, cases[i].size);
            const struct slice text = slice_str(url ? cases[i].url : cases[i].standard);
            struct buffer buffer;
            buffer_init(&buffer, text.size); /* not one byte more is asked for */
            expect_ok(base64_write(&buffer, bytes, alphabet));
            expect_slice(buffer_slice(&buffer), text);
            assert_int_equal(base64_encoded_size(bytes.size, alphabet), text.size);
            buffer_done(&buffer);

            uint8_t decoded[16];
            size_t size = 99;
            assert_true(base64_decoded_size_max(text.size) <= sizeof decoded);
            assert_true(base64_decode(text, alphabet, decoded, &size));
            expect_slice(slice_of(decoded, size), bytes);
        }
    }
}

static void refuses_what_is_not_canonical(void **state)
{
    (void)state;
    static const struct {
        enum base64_alphabet alphabet;
        const char *text;
    } cases[] = {
        {BASE64_STANDARD, "Zg"},
        {BASE64_STANDARD, "Zg="},
        {BASE64_STANDARD, "Zg==="},
        {BASE64_STANDARD, "Z==="},
        {BASE64_STANDARD, "===="},
        {BASE64_STANDARD, "="},
        {BASE64_STANDARD, "Zh=="}, /* stray bits */
        {BASE64_STANDARD, "Zm9="},
        {BASE64_STANDARD, "Zm=v"},
        {BASE64_STANDARD, "Zg==Zg=="},
        {BASE64_STANDARD, "Zm9v\n"},
        {BASE64_STANDARD, " Zm9v"},
        {BASE64_STANDARD, "Zm 9v"},
        {BASE64_STANDARD, "-__-"},
        {BASE64_STANDARD, "Zm9\xc3"},
        {BASE64_STANDARD, "Zm9v===="},
        {BASE64_URL, "Zg=="},
        {BASE64_URL, "Z"},
        {BASE64_URL, "Zh"},
        {BASE64_URL, "+//+"},
        {BASE64_URL, "Zm9vZ"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t decoded[16];
        size_t size = 99;
        if (base64_decode(slice_str(cases[i].text), cases[i].alphabet, decoded, &size)) {
            print_error("%s\n", cases[i].text);
            fail();
        }
        assert_int_equal(size, 99);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_both_ways),
        cmocka_unit_test(refuses_what_is_not_canonical),
    };
    return cmocka_run_group_tests_name("value/base64", tests, NULL, NULL);
}
