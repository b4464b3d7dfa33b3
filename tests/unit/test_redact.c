/*
 * What of a failure's words may stand in the log: no value of a caller or of a document that did
 * not match, and nothing that an environment variable holds.
 */
#include "run/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

static char *redacted(struct slice message, const struct env_vars *env)
{
    CORDON_CLEANUP_BUFFER struct buffer out;
    buffer_init(&out, REDACTED_BYTES_MAX);
    assert_null(redact(&out, message, env));
    char *text = mem_copy_string(buffer_slice(&out));
    assert_non_null(text);
    return text;
}

static void values_are_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        const char *shown;
    } cases[] = {
        {"", ""},
        {"it failed", "it failed"},
        {"ArgumentValidationError: Object contains extra field `pin` that is not in the "
         "validator.\n\nObject: {pin: 1234}\nValidator: v.object({})",
         "ArgumentValidationError: Value does not match validator. What it is stands in `cordon "
         "logs`."},
        {"ReturnsValidationError: `1234` does not match literal validator `v.literal(5)`.",
         "ReturnsValidationError: Value does not match validator. What it is stands in `cordon "
         "logs`."},
        {"no insert: \nPath: .pin\nValue: 1234\nValidator: v.string()",
         "no insert: \nPath: .pin\nValue: (left out)\nValidator: v.string()"},
        {"one\nValue: 12\n34\nValidator: v\ntwo\nObject: {a: 1}\nValidator: w\nend",
         "one\nValue: (left out)\nValidator: v\ntwo\nObject: (left out)\nValidator: w\nend"},
        {"no end\nValue: 1234", "no end\nValue: (left out)"},
        {"\nObject: \nValue: ", "\nObject: (left out)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = redacted(slice_str(cases[i].message), NULL);
        assert_string_equal(text, cases[i].shown);
        mem_free(text);
    }
}

static void what_variables_hold_is_hidden(void **state)
{
    (void)state;
    const struct env_var vars[] = {
        {SLICE("EMPTY"), SLICE("")},
        {SLICE("KEY"), SLICE("s3cr3t-key")},
        {SLICE("LONGER"), SLICE("s3cr3t-key-and-more")},
        {SLICE("SHORT"), SLICE("1")},
    };
    struct env_vars *env = NULL;
    assert_null(env_vars_new(vars, 4, &env));
    char *text = redacted(SLICE("1: s3cr3t-key, s3cr3t-keys3cr3t-key, s3cr3t-ke"), env);
    assert_string_equal(text, "1: **********, ********************, s3cr3t-ke");
    mem_free(text);
    text = redacted(SLICE("s3cr3t-key-and-more"), env);
    assert_null(strstr(text, "s3cr3t"));
    mem_free(text);

    /* At the cut, too, none begins. */
    static char message[REDACTED_BYTES_MAX + 100];
    for (size_t at = REDACTED_BYTES_MAX - 30; at < REDACTED_BYTES_MAX + 10; at++) {
        memset(message, 'x', sizeof message);
        memcpy(message + at, "s3cr3t-key", 10);
        text = redacted(slice_of(message, sizeof message), env);
        assert_int_equal(strlen(text), REDACTED_BYTES_MAX);
        assert_null(strstr(text, "s3"));
        mem_free(text);
    }
    env_vars_unref(env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_left_out),
        cmocka_unit_test(what_variables_hold_is_hidden),
    };
    return cmocka_run_group_tests_name("run/redact", tests, NULL, NULL);
}
