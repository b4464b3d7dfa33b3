/* The validator's complaints in our words: what a chain of causes, a name or nothing becomes. */
#include "engine/codegen.h"

#include "support/expect.h"

static const struct {
    const char *complaint;
    uint64_t offset;
    const char *reason;
} cases[] = {
    {"WebAssembly translation error\n\nCaused by:\n    Invalid input WebAssembly code at offset "
     "37: "
     "type mismatch",
     37, "type mismatch"},
    {"failed\n\nCaused by:\n    0: outer\n    1: unknown local 7 (at offset 0x2a5)\n", 0x2a5,
     "unknown local 7"},
    {"WebAssembly translation error: unknown type 3", ENGINE_NO_OFFSET, "unknown type 3"},
    {"WebAssembly translation error: Invalid input WebAssembly code at offset 9: odd", 9, "odd"},
    {"Invalid input WebAssembly code at offset 9:", 9, "the compiler gives no reason"},
    {"Invalid input WebAssembly code at offset nine: odd", ENGINE_NO_OFFSET,
     "Invalid input WebAssembly code at offset nine: odd"},
    {"Invalid input WebAssembly code at offset 99999999999999999999: odd", ENGINE_NO_OFFSET,
     "Invalid input WebAssembly code at offset 99999999999999999999: odd"},
    {"odd (at offset 0x)", ENGINE_NO_OFFSET, "odd (at offset 0x)"},
    {"odd (at offset 0x25", ENGINE_NO_OFFSET, "odd (at offset 0x25"},
    {"(at offset 0x25) is odd", ENGINE_NO_OFFSET, "(at offset 0x25) is odd"},
    {"`(at offset 0x1)` is odd (at offset 0x25)", 0x25, "`(at offset 0x1)` is odd"},
    {"Unsupported feature: stacks", ENGINE_NO_OFFSET, "stacks"},
    {"12 of them", ENGINE_NO_OFFSET, "12 of them"},
    {"7:", ENGINE_NO_OFFSET, "7:"},
    {"", ENGINE_NO_OFFSET, "the compiler gives no reason"},
    {" \n\t\r\n ", ENGINE_NO_OFFSET, "the compiler gives no reason"},
    {"wasmtime, Cranelift and WASMPARSER wasmtime", ENGINE_NO_OFFSET,
     "[engine], [compiler] and [validator] [engine]"},
    {"wasmtimwasmtime", ENGINE_NO_OFFSET, "wasmtim[engine]"},
    {"duplicate export name `\x1b[31m\xc3\xa4\x7f` seen", ENGINE_NO_OFFSET,
     "duplicate export name `?[31m???` seen"},
    {"duplicate export name `two\nlines` seen", ENGINE_NO_OFFSET, "lines` seen"},
};

static void test_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct refusal refusal = refusal_read(slice_str(cases[i].complaint));
        assert_string_equal(refusal.reason, cases[i].reason);
        assert_int_equal(refusal.offset, cases[i].offset);
    }
}

/* Whatever the length, the words fit, also where a name of a part is put in at the end. */
static void test_length(void **state)
{
    (void)state;
    char complaint[REASON_BYTES_MAX * 2];
    memset(complaint, 'x', sizeof complaint);
    for (size_t size = REASON_BYTES_MAX - 64; size < sizeof complaint - 16; size++) {
        memcpy(complaint + size, "cranelift", 9);
        const struct refusal refusal = refusal_read(slice_of(complaint, size + 9));
        assert_true(strnlen(refusal.reason, sizeof refusal.reason) < sizeof refusal.reason);
        assert_null(strstr(refusal.reason, "cranelift"));
        complaint[size] = 'x';
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
