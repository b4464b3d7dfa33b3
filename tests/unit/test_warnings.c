/* Warnings of a run that came near its limits. */
#include "run/warnings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void near_is_more_than_four_fifths(void **state)
{
    (void)state;
    static const struct {
        uint64_t most; /* that is not near */
        uint64_t allowed;
    } cases[] = {
        {0, 0}, {0, 1},  {1, 2},  {2, 3},    {3, 4},         {4, 5},
        {4, 6}, {8, 10}, {8, 11}, {80, 100}, {25600, 32000}, {UINT64_MAX / 5 * 4, UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_false(warnings_is_near(cases[i].most, cases[i].allowed));
        assert_true(warnings_is_near(cases[i].most + 1, cases[i].allowed));
    }
}

static void set_all(uint64_t numbers[CORDON_LIMIT_COUNT], uint64_t value)
{
    for (size_t i = 0; i < CORDON_LIMIT_COUNT; i++) {
        numbers[i] = value;
    }
}

static void each_limit_has_a_line_after_the_functions_own(void **state)
{
    (void)state;
    struct outcome outcome;
    struct budget budget = {.largest = {80, "a"}, .deepest = {12, "b"}};
    outcome_init(&outcome);
    set_all(budget.allowed, 100);
    set_all(outcome.used, 80);
    struct slice own = SLICE("[LOG] own");
    outcome.log_lines = &own;
    outcome.log_line_count = 1;
    warnings_add(&outcome, &budget);
    assert_int_equal(outcome.warning_count, 0);
    assert_int_equal(outcome.log_line_count, 1);

    set_all(outcome.used, 81);
    budget.largest.amount = 81;
    warnings_add(&outcome, &budget);
    size_t covered = 0;
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        const bool is_covered = warnings_cover((cordon_limit)i);
        assert_int_equal(outcome.warned[i], is_covered);
        covered += is_covered;
    }
    assert_true(covered > 10);
    assert_int_equal(outcome.warning_count, covered);
    assert_int_equal(outcome.log_line_count, 1 + covered);
    assert_true(slice_equal(outcome.log_lines[0], own));
    outcome_done(&outcome);
}

#define HELP                                                                                       \
    " Consider using smaller limits in your queries, paginating your queries, or using indexed "   \
    "queries with a selective index range expressions."

/* Of one limit each. */
static void the_words_are_convexs_where_it_has_them(void **state)
{
    (void)state;
    static const struct {
        cordon_limit limit;
        uint64_t used;
        uint64_t allowed;
        const char *line;
    } cases[] = {
        {CORDON_LIMIT_USER_TIME_MS, 25500, 30000,
         "[WARN] Function execution took a long time. (maximum duration: 30s, actual duration: "
         "25.5s)."},
        {CORDON_LIMIT_USER_TIME_MS, 950, 1001,
         "[WARN] Function execution took a long time. (maximum duration: 1.001s, actual duration: "
         "950ms)."},
        {CORDON_LIMIT_ARGS_BYTES, 9, 10,
         "[WARN] Large size of the function arguments (actual: 9 bytes, limit: 10 bytes)."},
        {CORDON_LIMIT_RESULT_BYTES, 9, 10,
         "[WARN] Large size of the function return value (actual: 9 bytes, limit: 10 bytes)."},
        {CORDON_LIMIT_DOCUMENTS_READ, 31999, 32000,
         "[WARN] Many documents read in a single function execution (actual: 31999, limit: "
         "32000)." HELP},
        {CORDON_LIMIT_BYTES_READ, 9, 10,
         "[WARN] Many bytes read in a single function execution (actual: 9 bytes, limit: 10 "
         "bytes)." HELP},
        {CORDON_LIMIT_INDEX_RANGES, 4096, 4096,
         "[WARN] Many reads in a single function execution (actual: 4096, limit: 4096)." HELP},
        {CORDON_LIMIT_DOCUMENTS_WRITTEN, 9, 10,
         "[WARN] Many writes in a single function execution (actual: 9, limit: 10)."},
        {CORDON_LIMIT_BYTES_WRITTEN, UINT64_MAX, UINT64_MAX,
         "[WARN] Many bytes written in a single function execution (actual: 18446744073709551615 "
         "bytes, limit: 18446744073709551615 bytes)."},
        {CORDON_LIMIT_FUEL, 9, 10,
         "[WARN] The function came near its limit fuel (actual: 9 units, limit: 10 units)."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct outcome outcome;
        struct budget budget = {0};
        outcome_init(&outcome);
        set_all(budget.allowed, UINT64_MAX);
        budget.allowed[cases[i].limit] = cases[i].allowed;
        outcome.used[cases[i].limit] = cases[i].used;
        warnings_add(&outcome, &budget);
        assert_int_equal(outcome.warning_count, 1);
        if (!slice_equal(outcome.log_lines[0], slice_str(cases[i].line))) {
            fail_msg("%.*s", SLICE_FMT(outcome.log_lines[0]));
        }
        outcome_done(&outcome);
    }
}

static void documents_near_a_limit_are_named(void **state)
{
    (void)state;
    struct outcome outcome;
    struct budget budget = {0};
    outcome_init(&outcome);
    set_all(budget.allowed, 1000);
    budget_note_write(&budget.largest, 1000, "large");
    budget_note_write(&budget.largest, 999, "smaller");
    budget_note_write(&budget.deepest, 12, "flatter");
    budget_note_write(&budget.deepest, 13, "deep");
    warnings_add(&outcome, &budget);
    assert_int_equal(outcome.warning_count, 2);
    assert_true(slice_equal(
        outcome.log_lines[0], SLICE("[WARN] Large document written with ID \"large\" (actual: 1000 "
                                    "bytes, limit: 1000 bytes).")));
    assert_true(slice_equal(
        outcome.log_lines[1], SLICE("[WARN] Deeply nested document written with ID \"deep\" "
                                    "(actual: 13 levels, limit: 16 levels).")));
    outcome_done(&outcome);
}

static void the_limit_that_ended_a_run_has_none(void **state)
{
    (void)state;
    struct outcome outcome;
    struct budget budget = {0};
    outcome_init(&outcome);
    set_all(budget.allowed, UINT64_MAX);
    set_all(outcome.used, 7);
    outcome.code = CORDON_OUTCOME_LIMIT;
    outcome.limit = CORDON_LIMIT_FUEL;
    outcome.used[CORDON_LIMIT_FUEL] = UINT64_MAX;
    outcome.used[CORDON_LIMIT_BYTES_WRITTEN] = UINT64_MAX;
    warnings_add(&outcome, &budget);
    assert_int_equal(outcome.warning_count, 1);
    assert_true(outcome.warned[CORDON_LIMIT_BYTES_WRITTEN]);
    outcome_done(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_is_more_than_four_fifths),
        cmocka_unit_test(each_limit_has_a_line_after_the_functions_own),
        cmocka_unit_test(the_words_are_convexs_where_it_has_them),
        cmocka_unit_test(documents_near_a_limit_are_named),
        cmocka_unit_test(the_limit_that_ended_a_run_has_none),
    };
    return cmocka_run_group_tests_name("run/warnings", tests, NULL, NULL);
}
