/* Environment variables of a moment: which names and values there may be, and who holds them. */
#include "host/env_vars.h"

#include "base/memory.h"
#include "support/expect.h"

static uint8_t bytes[ENV_BYTES_MAX + 1];

static struct slice text_of(size_t size)
{
    return slice_of(bytes, size);
}

static void names_are_those_of_convex(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "Z", "_", "a0", "_9", "A_b_1", "__"};
    static const char *const bad[] = {
        "",  "0", "9a", "a-b", "a.b", "a b", "a=", " a", "a\n",   "@",       "[",
        "`", "{", "a/", "a:",  "a@",  "a[",  "a`", "a{", "a\x7f", "\xc3\xa4"};
    for (size_t i = 0; i < COUNT(good); i++) {
        expect_ok(env_check_name(slice_str(good[i])));
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        expect_error(env_check_name(slice_str(bad[i])), CORDON_E_ENV_NAME_INVALID, "is none");
    }
    expect_error(env_check_name(slice_of("a\0b", 3)), CORDON_E_ENV_NAME_INVALID, "'a\\x00b'");
    expect_ok(env_check_name(text_of(ENV_NAME_BYTES_MAX)));
    expect_error(
        env_check_name(text_of(ENV_NAME_BYTES_MAX + 1)), CORDON_E_ENV_NAME_TOO_LONG,
        "at most 256 bytes; this one has 257");
}

static void a_value_that_is_too_large_is_not_told(void **state)
{
    (void)state;
    expect_ok(env_check_value(SLICE("A"), text_of(ENV_VALUE_BYTES_MAX)));
    expect_ok(env_check_value(SLICE("A"), SLICE("")));
    cordon_error *error = env_check_value(SLICE("KEY"), text_of(ENV_VALUE_BYTES_MAX + 1));
    assert_null(strstr(cordon_error_get_message(error), "aaa"));
    expect_error(error, CORDON_E_ENV_VALUE_TOO_LARGE, "at most 8192 bytes; that of KEY has 8193");
}

static void each_is_found_by_its_whole_name(void **state)
{
    (void)state;
    const struct env_var vars[] = {
        {SLICE("B"), SLICE("2")},
        {SLICE("A"), SLICE("1")},
        {SLICE("AB"), SLICE("")},
        {SLICE("_"), SLICE("under")},
    };
    struct env_vars *made = NULL;
    expect_ok(env_vars_new(vars, COUNT(vars), &made));
    for (size_t i = 0; i < COUNT(vars); i++) {
        struct slice value = SLICE("untouched");
        assert_true(env_vars_find(made, vars[i].name, &value));
        expect_slice(value, vars[i].value);
    }
    static const char *const missing[] = {"", "a", "ABC", "C", "__"};
    for (size_t i = 0; i < COUNT(missing); i++) {
        struct slice value = SLICE("untouched");
        assert_false(env_vars_find(made, slice_str(missing[i]), &value));
        assert_false(env_vars_find(NULL, slice_str(missing[i]), &value));
        expect_slice(value, SLICE("untouched"));
    }
    expect_slice(made->vars[0].name, SLICE("A"));
    expect_slice(made->vars[3].name, SLICE("_"));
    env_vars_unref(made);
}

static void they_live_as_long_as_somebody_holds_them(void **state)
{
    (void)state;
    const struct env_var var = {SLICE("A"), SLICE("1")};
    struct env_vars *made = NULL;
    struct slice value;
    expect_ok(env_vars_new(&var, 1, &made));
    struct env_vars *held = env_vars_ref(made);
    env_vars_unref(made);
    assert_true(env_vars_find(held, var.name, &value));
    expect_slice(value, SLICE("1"));
    env_vars_unref(held);
    assert_null(env_vars_ref(NULL));
    env_vars_unref(NULL);
}

static void there_are_so_many_and_no_more(void **state)
{
    (void)state;
    static struct env_var vars[ENV_VARS_MAX + 1];
    struct env_vars *made = NULL;
    for (size_t i = 0; i < COUNT(vars); i++) {
        vars[i] = (struct env_var){.name = text_of(i % ENV_NAME_BYTES_MAX)};
    }
    expect_ok(env_vars_new(vars, ENV_VARS_MAX, &made));
    env_vars_unref(made);
    made = NULL;
    expect_error(
        env_vars_new(vars, ENV_VARS_MAX + 1, &made), CORDON_E_ENV_LIMIT_MET, "at most 512");
    const struct env_var most = {SLICE("A"), text_of(ENV_BYTES_MAX - 1)};
    const struct env_var over = {SLICE("A"), text_of(ENV_BYTES_MAX)};
    expect_error(
        env_vars_new(&over, 1, &made), CORDON_E_ENV_TOTAL_SIZE_LIMIT_MET, "at most 524288 bytes");
    assert_null(made);
    expect_ok(env_vars_new(&most, 1, &made));
    env_vars_unref(made);
}

static void without_memory_there_are_none(void **state)
{
    (void)state;
    const struct env_var var = {SLICE("A"), SLICE("1")};
    struct env_vars *made = NULL;
    (void)mem_fail_nth(1);
    expect_error(env_vars_new(&var, 1, &made), CORDON_E_NO_MEMORY, "");
    (void)mem_fail_nth(0);
    assert_null(made);
}

int main(void)
{
    memset(bytes, 'a', sizeof bytes);
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_those_of_convex),
        cmocka_unit_test(a_value_that_is_too_large_is_not_told),
        cmocka_unit_test(each_is_found_by_its_whole_name),
        cmocka_unit_test(they_live_as_long_as_somebody_holds_them),
        cmocka_unit_test(there_are_so_many_and_no_more),
        cmocka_unit_test(without_memory_there_are_none),
    };
    return cmocka_run_group_tests_name("env_vars", tests, NULL, NULL);
}
