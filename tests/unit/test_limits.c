/* The limit table, the budget and the pausing clock. */
#include <cordon/runtime.h>

#include "limits/budget.h"
#include "limits/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The numbers that the product promises. */
static void defaults_are_the_promised_ones(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t query;
        uint64_t mutation;
        uint64_t action;
    } promised[] = {
        {"user_time_ms", 30000, 30000, 300000},
        {"system_time_ms", 15000, 15000, 300000},
        {"fuel", 10000000000, 10000000000, 100000000000},
        {"memory_bytes", 268435456, 268435456, 268435456},
        {"log_lines", 256, 256, 256},
        {"log_line_bytes", 32768, 32768, 32768},
    };
    for (size_t i = 0; i < sizeof promised / sizeof promised[0]; i++) {
        cordon_limit limit;
        assert_true(cordon_limit_find(promised[i].name, &limit));
        const cordon_limit_info *info = cordon_limit_get_info(limit);
        assert_int_equal(info->defaults[CORDON_QUERY], promised[i].query);
        assert_int_equal(info->defaults[CORDON_MUTATION], promised[i].mutation);
        assert_int_equal(info->defaults[CORDON_ACTION], promised[i].action);
    }
}

/* Every name that outside checks rely on is there, once. */
static void names_are_complete_and_unique(void **state)
{
    (void)state;
    static const char *const names[] = {
        "user_time_ms",      "system_time_ms", "fuel",           "memory_bytes", "table_elements",
        "stack_bytes",       "call_depth",     "host_bytes",     "args_bytes",   "result_bytes",
        "log_lines",         "log_line_bytes", "documents_read", "bytes_read",   "index_ranges",
        "documents_written", "bytes_written",
    };
    cordon_limit limit;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_true(cordon_limit_find(names[i], &limit));
    }
    assert_false(cordon_limit_find("", &limit));
    assert_false(cordon_limit_find("fue", &limit));
    assert_false(cordon_limit_find("fuel ", &limit));
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        const cordon_limit_info *info = cordon_limit_get_info((cordon_limit)i);
        assert_true(cordon_limit_find(info->name, &limit));
        assert_int_equal(limit, i);
        assert_true(info->unit[0] != '\0' && info->code[0] != '\0' && info->text[0] != '\0');
    }
}

/* Programs were compiled with this size and these places; it stands within other structs. */
static void a_set_of_limits_keeps_its_shape(void **state)
{
    (void)state;
    assert_int_equal(sizeof(cordon_limit_set), 64 + 64 * sizeof(uint64_t));
    assert_int_equal(offsetof(cordon_limit_set, value), 64);
    assert_true(CORDON_LIMIT_COUNT <= CORDON_LIMIT_PLACES);
}

static void a_budget_is_spent_to_the_last_unit(void **state)
{
    (void)state;
    struct limit_changes changes = {0};
    changes.set[CORDON_LIMIT_FUEL] = true;
    changes.value[CORDON_LIMIT_FUEL] = 10;
    struct budget budget;
    budget_init(&budget, CORDON_QUERY, &changes);
    assert_true(budget_charge(&budget, CORDON_LIMIT_FUEL, 10));
    assert_false(budget.tripped);
    assert_int_equal(budget_left(&budget, CORDON_LIMIT_FUEL), 0);
    assert_true(budget_charge(&budget, CORDON_LIMIT_FUEL, 0));
    assert_false(budget_charge(&budget, CORDON_LIMIT_FUEL, 1));
    assert_true(budget.tripped);
    assert_int_equal(budget.tripped_limit, CORDON_LIMIT_FUEL);
    assert_int_equal(budget.tripped_used, 11);
    assert_int_equal(budget.used[CORDON_LIMIT_FUEL], 10);
    /* The first limit passed is the one that is told. */
    assert_false(budget_charge(&budget, CORDON_LIMIT_ARGS_BYTES, UINT64_MAX));
    assert_int_equal(budget.tripped_limit, CORDON_LIMIT_FUEL);
}

static void sums_do_not_wrap(void **state)
{
    (void)state;
    struct limit_changes changes = {0};
    changes.set[CORDON_LIMIT_FUEL] = true;
    changes.value[CORDON_LIMIT_FUEL] = UINT64_MAX;
    struct budget budget;
    budget_init(&budget, CORDON_QUERY, &changes);
    assert_true(budget_charge(&budget, CORDON_LIMIT_FUEL, UINT64_MAX));
    assert_false(budget_charge(&budget, CORDON_LIMIT_FUEL, 1));
    assert_int_equal(budget.tripped_used, UINT64_MAX);
}

static void a_request_only_lowers(void **state)
{
    (void)state;
    struct budget budget;
    budget_init(&budget, CORDON_ACTION, NULL);
    struct limit_changes lower = {0};
    lower.set[CORDON_LIMIT_FUEL] = true;
    lower.value[CORDON_LIMIT_FUEL] = UINT64_MAX;
    lower.set[CORDON_LIMIT_LOG_LINES] = true;
    lower.value[CORDON_LIMIT_LOG_LINES] = 3;
    budget_lower(&budget, &lower);
    assert_int_equal(budget.allowed[CORDON_LIMIT_FUEL], 100000000000);
    assert_int_equal(budget.allowed[CORDON_LIMIT_LOG_LINES], 3);
}

/* Guest 10, store 500, guest 10: the user pays 20, the host 500, whatever the order of looking. */
static void the_clock_pauses_while_the_host_works(void **state)
{
    (void)state;
    struct run_clock clock = {0};
    assert_int_equal(run_clock_switch(&clock, CLOCK_USER, 1000), CLOCK_STOPPED);
    assert_int_equal(run_clock_switch(&clock, CLOCK_SYSTEM, 1010), CLOCK_USER);
    assert_int_equal(run_clock_spent_ns(&clock, CLOCK_USER, 1400), 10);
    assert_int_equal(run_clock_spent_ns(&clock, CLOCK_SYSTEM, 1400), 390);
    assert_int_equal(run_clock_switch(&clock, CLOCK_USER, 1510), CLOCK_SYSTEM);
    assert_int_equal(run_clock_switch(&clock, CLOCK_STOPPED, 1520), CLOCK_USER);
    assert_int_equal(run_clock_spent_ns(&clock, CLOCK_USER, 9999), 20);
    assert_int_equal(run_clock_spent_ns(&clock, CLOCK_SYSTEM, 9999), 500);
}

static void a_clock_that_steps_back_gives_no_time(void **state)
{
    (void)state;
    struct run_clock clock = {0};
    (void)run_clock_switch(&clock, CLOCK_USER, 1000);
    assert_int_equal(run_clock_spent_ns(&clock, CLOCK_USER, 500), 0);
    (void)run_clock_switch(&clock, CLOCK_SYSTEM, 900);
    assert_int_equal(clock.spent_ns[CLOCK_USER], 0);
}

static void kinds_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < KIND_COUNT; i++) {
        cordon_kind kind;
        assert_true(kind_parse(slice_str(cordon_kind_name((cordon_kind)i)), &kind));
        assert_int_equal(kind, i);
    }
    cordon_kind kind;
    assert_false(kind_parse(SLICE("Query"), &kind));
    assert_false(kind_parse(SLICE(""), &kind));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_promised_ones),
        cmocka_unit_test(names_are_complete_and_unique),
        cmocka_unit_test(a_set_of_limits_keeps_its_shape),
        cmocka_unit_test(a_budget_is_spent_to_the_last_unit),
        cmocka_unit_test(sums_do_not_wrap),
        cmocka_unit_test(a_request_only_lowers),
        cmocka_unit_test(the_clock_pauses_while_the_host_works),
        cmocka_unit_test(a_clock_that_steps_back_gives_no_time),
        cmocka_unit_test(kinds_have_names),
    };
    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
