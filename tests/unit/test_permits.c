/* Permits: order of the two queues, refusal, leaving, and that nothing is lost. */
#include "run/permits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct permit_waiter *granted[8];
static size_t granted_count;

static void note_grant(struct permit_waiter *waiter)
{
    granted[granted_count++] = waiter;
}

static struct permit_waiter make_waiter(void)
{
    return (struct permit_waiter){.granted = note_grant};
}

static void no_more_run_than_there_are_permits(void **state)
{
    (void)state;
    struct permits permits;
    struct permit_waiter waiters[3] = {make_waiter(), make_waiter(), make_waiter()};
    granted_count = 0;
    permits_init(&permits, 2, 10);
    assert_int_equal(permits_take(&permits, &waiters[0], PERMIT_FRESH), PERMIT_HELD);
    assert_int_equal(permits_take(&permits, &waiters[1], PERMIT_FRESH), PERMIT_HELD);
    assert_int_equal(permits_take(&permits, &waiters[2], PERMIT_FRESH), PERMIT_QUEUED);
    permits_give(&permits, &waiters[0]);
    assert_int_equal(granted_count, 1);
    assert_ptr_equal(granted[0], &waiters[2]);
    assert_true(atomic_load(&waiters[2].has_permit));
    permits_give(&permits, &waiters[1]);
    permits_give(&permits, &waiters[2]);
    permits_give(&permits, &waiters[2]); /* twice does nothing */
    uint32_t used = 9;
    uint32_t waiting = 9;
    permits_count(&permits, &used, &waiting);
    assert_int_equal(used, 0);
    assert_int_equal(waiting, 0);
    permits_done(&permits);
}

static void who_had_one_comes_first(void **state)
{
    (void)state;
    struct permits permits;
    struct permit_waiter holder = make_waiter();
    struct permit_waiter fresh[2] = {make_waiter(), make_waiter()};
    struct permit_waiter again = make_waiter();
    granted_count = 0;
    permits_init(&permits, 1, 10);
    assert_int_equal(permits_take(&permits, &holder, PERMIT_FRESH), PERMIT_HELD);
    assert_int_equal(permits_take(&permits, &fresh[0], PERMIT_FRESH), PERMIT_QUEUED);
    assert_int_equal(permits_take(&permits, &fresh[1], PERMIT_FRESH), PERMIT_QUEUED);
    assert_int_equal(permits_take(&permits, &again, PERMIT_AGAIN), PERMIT_QUEUED);
    permits_give(&permits, &holder);
    permits_give(&permits, &again);
    permits_give(&permits, &fresh[0]);
    permits_give(&permits, &fresh[1]);
    assert_int_equal(granted_count, 3);
    assert_ptr_equal(granted[0], &again);
    assert_ptr_equal(granted[1], &fresh[0]);
    assert_ptr_equal(granted[2], &fresh[1]);
    permits_done(&permits);
}

static void who_slept_queues_with_the_fresh(void **state)
{
    (void)state;
    struct permits permits;
    struct permit_waiter holder = make_waiter();
    struct permit_waiter fresh[2] = {make_waiter(), make_waiter()};
    struct permit_waiter slept = make_waiter();
    struct permit_waiter again = make_waiter();
    granted_count = 0;
    permits_init(&permits, 1, 1);
    assert_int_equal(permits_take(&permits, &holder, PERMIT_FRESH), PERMIT_HELD);
    assert_int_equal(permits_take(&permits, &fresh[0], PERMIT_FRESH), PERMIT_QUEUED);
    assert_int_equal(permits_take(&permits, &slept, PERMIT_SLEPT), PERMIT_QUEUED); /* it is full */
    assert_int_equal(permits_take(&permits, &fresh[1], PERMIT_FRESH), PERMIT_REFUSED);
    assert_int_equal(permits_take(&permits, &again, PERMIT_AGAIN), PERMIT_QUEUED);
    permits_give(&permits, &holder);
    permits_give(&permits, &again);
    permits_give(&permits, &fresh[0]);
    permits_give(&permits, &slept);
    assert_int_equal(granted_count, 3);
    assert_ptr_equal(granted[0], &again);
    assert_ptr_equal(granted[1], &fresh[0]);
    assert_ptr_equal(granted[2], &slept);
    permits_done(&permits);
}

static void a_full_queue_refuses_the_fresh_only(void **state)
{
    (void)state;
    struct permits permits;
    struct permit_waiter holder = make_waiter();
    struct permit_waiter waiters[3] = {make_waiter(), make_waiter(), make_waiter()};
    permits_init(&permits, 1, 1);
    assert_int_equal(permits_take(&permits, &holder, PERMIT_FRESH), PERMIT_HELD);
    assert_int_equal(permits_take(&permits, &waiters[0], PERMIT_FRESH), PERMIT_QUEUED);
    assert_int_equal(permits_take(&permits, &waiters[1], PERMIT_FRESH), PERMIT_REFUSED);
    assert_int_equal(permits_take(&permits, &waiters[2], PERMIT_AGAIN), PERMIT_QUEUED);
    permits_give(&permits, &waiters[0]); /* leaves the queue */
    permits_give(&permits, &waiters[2]);
    permits_give(&permits, &waiters[1]); /* was never in */
    uint32_t used = 9;
    uint32_t waiting = 9;
    permits_count(&permits, &used, &waiting);
    assert_int_equal(used, 1);
    assert_int_equal(waiting, 0);
    permits_give(&permits, &holder);
    permits_done(&permits);
}

/* With one permit, two that compute and one that comes anew take turns; none is passed over. */
static void a_turn_that_ends_is_the_next_ones(void **state)
{
    (void)state;
    struct permits permits;
    struct permit_waiter busy[2] = {make_waiter(), make_waiter()};
    struct permit_waiter fresh = make_waiter();
    granted_count = 0;
    permits_init(&permits, 1, 10);
    assert_int_equal(permits_take(&permits, &busy[0], PERMIT_FRESH), PERMIT_HELD);
    assert_true(permits_yield(&permits, &busy[0])); /* nobody waits: it goes on */
    assert_true(atomic_load(&busy[0].has_permit));
    assert_int_equal(permits_take(&permits, &busy[1], PERMIT_FRESH), PERMIT_QUEUED);
    assert_false(permits_yield(&permits, &busy[0]));
    assert_false(atomic_load(&busy[0].has_permit));
    assert_true(atomic_load(&busy[1].has_permit));
    assert_int_equal(permits_take(&permits, &fresh, PERMIT_FRESH), PERMIT_QUEUED);
    assert_false(permits_yield(&permits, &busy[1])); /* to the first, which waits longest */
    assert_false(permits_yield(&permits, &busy[0])); /* to the fresh one */
    const struct permit_waiter *const order[] = {&busy[1], &busy[0], &fresh};
    assert_int_equal(granted_count, 3);
    assert_memory_equal(granted, order, sizeof order);
    permits_give(&permits, &busy[0]); /* leaves the queue */
    permits_give(&permits, &fresh);
    permits_give(&permits, &busy[1]);
    uint32_t used = 9;
    uint32_t waiting = 9;
    permits_count(&permits, &used, &waiting);
    assert_int_equal(used, 0);
    assert_int_equal(waiting, 0);
    permits_done(&permits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_that_ends_is_the_next_ones),
        cmocka_unit_test(no_more_run_than_there_are_permits),
        cmocka_unit_test(who_had_one_comes_first),
        cmocka_unit_test(who_slept_queues_with_the_fresh),
        cmocka_unit_test(a_full_queue_refuses_the_fresh_only),
    };
    return cmocka_run_group_tests_name("permits", tests, NULL, NULL);
}
