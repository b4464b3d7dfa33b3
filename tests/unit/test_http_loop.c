/* What a loop gives each tenant of one of its turns. */
#include "http/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MS ((uint64_t)1000000)

static void a_tenant_among_others_has_less_of_a_turn(void **state)
{
    (void)state;
    static struct loop loop;
    loop.shares = (struct loop_shares){0};
    loop_spend(&loop, 1, 9 * MS);
    assert_false(loop_is_spent(&loop, 1)); /* alone it may go on for ten */
    loop_spend(&loop, 1, 1 * MS);
    assert_true(loop_is_spent(&loop, 1));
    assert_false(loop_is_spent(&loop, 2)); /* whoever comes is none the worse for it */
    loop_spend(&loop, 2, 1 * MS);
    assert_false(loop_is_spent(&loop, 2));
    loop_spend(&loop, 2, 1 * MS);
    assert_true(loop_is_spent(&loop, 2)); /* beside others two are enough */
}

static void others_count_for_the_turn_after_as_well(void **state)
{
    (void)state;
    static struct loop loop;
    loop.shares = (struct loop_shares){.has_others = true};
    loop_spend(&loop, 1, 2 * MS);
    assert_true(loop_is_spent(&loop, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tenant_among_others_has_less_of_a_turn),
        cmocka_unit_test(others_count_for_the_turn_after_as_well),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
