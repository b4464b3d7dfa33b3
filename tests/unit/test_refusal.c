/* The validator's complaints in our words: what a chain of causes, a name or nothing becomes. */
#include "engine/codegen.h"

#include "support/expect.h"

static const struct {
    const char *complaint;
    const char *words; /* behind "the module is not valid: " */
} cases[] = {
    {"WebAssembly translation error\n\nCaused by:\n    Invalid input WebAssembly code at offset "
     "37: "
     "type mismatch",
     "offset 37: type mismatch"},
    {"failed\n\nCaused by:\n    0: outer\n    1: unknown local 7 (at offset 0x25)\n",
     "unknown local 7 (at offset 0x25)"},
    {"WebAssembly translation error: unknown type 3", "unknown type 3"},
    {"Unsupported feature: stacks", "stacks"},
    {"12 of them", "12 of them"},
    {"7:", "7:"},
    {"", "the compiler gives no reason"},
    {" \n\t\r\n ", "the compiler gives no reason"},
    {"wasmtime, Cranelift and WASMPARSER wasmtime",
     "[engine], [compiler] and [validator] [engine]"},
    {"wasmtimwasmtime", "wasmtim[engine]"},
    {"duplicate export name `\x1b[31m\xc3\xa4\x7f` seen", "duplicate export name `?[31m???` seen"},
    {"duplicate export name `two\nlines` seen", "lines` seen"},
};

static void test_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char words[REFUSAL_BYTES_MAX];
        char wanted[REFUSAL_BYTES_MAX];
        (void)snprintf(wanted, sizeof wanted, "the module is not valid: %s", cases[i].words);
        refusal_reword(slice_str(cases[i].complaint), words);
        assert_string_equal(words, wanted);
    }
}

/* Whatever the length, the words fit, also where a name of a part is put in at the end. */
static void test_length(void **state)
{
    (void)state;
    char complaint[REFUSAL_BYTES_MAX * 2];
    memset(complaint, 'x', sizeof complaint);
    for (size_t size = REFUSAL_BYTES_MAX - 64; size < sizeof complaint - 16; size++) {
        memcpy(complaint + size, "cranelift", 9);
        char words[REFUSAL_BYTES_MAX];
        refusal_reword(slice_of(complaint, size + 9), words);
        assert_true(strlen(words) < sizeof words);
        assert_null(strstr(words, "cranelift"));
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
