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

/* One value inside of another, or across its edge: what is hidden is all of both. */
static void overlapping_values_are_hidden_whole(void **state)
{
    (void)state;
    static const struct {
        const char *one;
        const char *other;
        const char *message;
        const char *shown;
    } cases[] = {
        {"api.example.com", "https://api.example.com/?token=s3cr3t",
         "no answer of https://api.example.com/?token=s3cr3t at api.example.com.",
         "no answer of ************************************* at ***************."},
        {"user:passw0rd", "passw0rd@db:5432", "to user:passw0rd@db:5432/x",
         "to *********************/x"},
        {"abcabc", "xabcab", "=xabcabcabcabx=", "=**********abx="},
        {"aaaaaa", "aaaaaaa", "baaaaaaaaaab", "b**********b"},
        {"one two", "two one", "one two one two, two", "***************, two"},
        {"h\xc3\xa9h\xc3\xa9",
         "\xa9h\xc3\xa9"
         "end",
         "h\xc3\xa9h\xc3\xa9"
         "end",
         "*********"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int turned = 0; turned < 2; turned++) {
            const struct slice one = slice_str(cases[i].one);
            const struct slice other = slice_str(cases[i].other);
            const struct env_var vars[] = {
                {SLICE("A"), turned == 0 ? one : other}, {SLICE("B"), turned == 0 ? other : one}};
            struct env_vars *env = NULL;
            assert_null(env_vars_new(vars, 2, &env));
            char *text = redacted(slice_str(cases[i].message), env);
            assert_string_equal(text, cases[i].shown);
            mem_free(text);
            env_vars_unref(env);
        }
    }
}

/* Where so much is left out that the end of what is looked at comes in sight, none begins there. */
static void no_value_begins_where_the_text_is_cut(void **state)
{
    (void)state;
    static char value[ENV_VALUE_BYTES_MAX];
    memset(value, 'a', sizeof value);
    memcpy(value, "s3cr3t", 6);
    const struct env_var vars[] = {{SLICE("KEY"), slice_of(value, sizeof value)}};
    struct env_vars *env = NULL;
    assert_null(env_vars_new(vars, 1, &env));
    static char message[3 * ENV_VALUE_BYTES_MAX];
    memset(message, 'x', sizeof message);
    memcpy(message, "\nValue: ", 8);
    memcpy(message + 9000, "\nValidator: v", 13);
    memcpy(message + 10000, value, sizeof value);
    char *text = redacted(slice_of(message, sizeof message), env);
    assert_non_null(strstr(text, "Validator: v"));
    assert_null(strstr(text, "s3cr3t"));
    assert_null(strstr(text, "aa"));
    mem_free(text);
    env_vars_unref(env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_left_out),
        cmocka_unit_test(what_variables_hold_is_hidden),
        cmocka_unit_test(overlapping_values_are_hidden_whole),
        cmocka_unit_test(no_value_begins_where_the_text_is_cut),
    };
    return cmocka_run_group_tests_name("run/redact", tests, NULL, NULL);
}
