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
    outcome_init(&outcome);
    uint64_t allowed[CORDON_LIMIT_COUNT];
    set_all(allowed, 100);
    set_all(outcome.used, 80);
    struct slice own = SLICE("[LOG] own");
    outcome.log_lines = &own;
    outcome.log_line_count = 1;
    warnings_add(&outcome, allowed);
    assert_int_equal(outcome.warning_count, 0);
    assert_int_equal(outcome.log_line_count, 1);

    set_all(outcome.used, 81);
    warnings_add(&outcome, allowed);
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
    assert_true(slice_equal(
        outcome.log_lines[1], SLICE("[WARN] The function came near its limit user_time_ms (actual: "
                                    "81 ms, limit: 100 ms).")));
    outcome_done(&outcome);
}

static void the_limit_that_ended_a_run_has_none(void **state)
{
    (void)state;
    struct outcome outcome;
    outcome_init(&outcome);
    uint64_t allowed[CORDON_LIMIT_COUNT];
    set_all(allowed, UINT64_MAX);
    set_all(outcome.used, 7);
    outcome.code = CORDON_OUTCOME_LIMIT;
    outcome.limit = CORDON_LIMIT_FUEL;
    outcome.used[CORDON_LIMIT_FUEL] = UINT64_MAX;
    outcome.used[CORDON_LIMIT_BYTES_WRITTEN] = UINT64_MAX;
    warnings_add(&outcome, allowed);
    assert_int_equal(outcome.warning_count, 1);
    assert_true(slice_equal(
        outcome.log_lines[0],
        SLICE("[WARN] The function came near its limit bytes_written (actual: 18446744073709551615 "
              "bytes, limit: 18446744073709551615 bytes).")));
    outcome_done(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_is_more_than_four_fifths),
        cmocka_unit_test(each_limit_has_a_line_after_the_functions_own),
        cmocka_unit_test(the_limit_that_ended_a_run_has_none),
    };
    return cmocka_run_group_tests_name("run/warnings", tests, NULL, NULL);
}
