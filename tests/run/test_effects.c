/*
 * Effects of actions, by the run: a sleep holds no permit and wakes by its time alone, counts as
 * the action's own time, and ends with whoever waits for it.
 */
#include "run/harness.h"

#include "base/clock.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MS ((uint64_t)1000000)

static void open_effects(struct harness *harness, uint32_t permits, uint32_t slots)
{
    const struct harness_options options = {
        .guests = {"effects", "basic", "spin"}, .permits = permits, .slots = slots};
    harness_open(harness, &options);
}

static struct run_request limited_request(
    struct limit_changes *lower, const char *path, const char *args, uint64_t user_time_ms)
{
    *lower = (struct limit_changes){0};
    change(lower, CORDON_LIMIT_USER_TIME_MS, user_time_ms);
    struct run_request request = request_of(path, args);
    request.lower = lower;
    return request;
}

static void a_sleep_lasts_as_long_as_it_was_asked_to(void **state)
{
    (void)state;
    static const struct {
        const char *args;
        uint64_t least_ms;
    } sleeps[] = {
        {"{\"ms\":0}", 0},   {"{\"ms\":0.5}", 0},    {"{\"ms\":1e-300}", 0},
        {"{\"ms\":50}", 50}, {"{\"ms\":20.75}", 20},
    };
    struct harness harness;
    open_effects(&harness, 0, 0);
    for (size_t i = 0; i < sizeof sleeps / sizeof sleeps[0]; i++) {
        struct called called;
        const uint64_t began = clock_monotonic_ns();
        const struct outcome *outcome = call(&called, &harness, "effects:sleep", sleeps[i].args);
        const uint64_t took_ms = (clock_monotonic_ns() - began) / MS;
        assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
        assert_true(outcome->value.data[0] >= '0' && outcome->value.data[0] <= '9');
        assert_true(took_ms >= sleeps[i].least_ms && took_ms < sleeps[i].least_ms + 2000);
        assert_true(outcome->used[CORDON_LIMIT_USER_TIME_MS] >= sleeps[i].least_ms);
        assert_true(outcome->used[CORDON_LIMIT_SYSTEM_TIME_MS] < 1000);
        called_end(&called);
    }
    harness_close(&harness);
}

static void what_is_no_duration_is_refused(void **state)
{
    (void)state;
    static const char *const args[] = {
        "{}",
        "{\"ms\":null}",
        "{\"ms\":\"50\"}",
        "{\"ms\":true}",
        "{\"ms\":[1]}",
        "{\"ms\":-1}",
        "{\"ms\":-1e-9}",
        "{\"ms\":2147483648}",
        "{\"ms\":2147483647.5}",
        "{\"ms\":1e308}",
        "{\"ms\":{\"$integer\":\"KgAAAAAAAAA=\"}}",
        "{\"ms\":{\"$float\":\"AAAAAAAA8H8=\"}}", /* infinity */
    };
    struct harness harness;
    open_effects(&harness, 0, 0);
    for (size_t i = 0; i < sizeof args / sizeof args[0]; i++) {
        struct called called;
        const struct outcome *outcome = call(&called, &harness, "effects:sleep", args[i]);
        assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
        const struct slice refusal =
            SLICE("{\"code\":\"InvalidArgument\",\"message\":\"Invalid argument `ms` for `sleep`: "
                  "it is a number of milliseconds from 0 to 2147483647.\"}");
        if (!slice_equal(outcome->value, refusal)) {
            fail_msg("%s: %.*s", args[i], SLICE_FMT(outcome->value));
        }
        called_end(&called);
    }
    harness_close(&harness);
}

/* The longest sleep, and one that would be over just before the limit. */
static void a_sleep_ends_at_the_limit_of_the_function(void **state)
{
    (void)state;
    static const struct {
        const char *args;
        uint64_t limit_ms;
        bool passes;
    } sleeps[] = {
        {"{\"ms\":2147483647}", 100, false},
        {"{\"ms\":101}", 100, false},
        {"{\"ms\":900}", 1000, true},
    };
    struct harness harness;
    open_effects(&harness, 0, 0);
    for (size_t i = 0; i < sizeof sleeps / sizeof sleeps[0]; i++) {
        struct limit_changes lower;
        const struct run_request request =
            limited_request(&lower, "effects:sleep", sleeps[i].args, sleeps[i].limit_ms);
        struct called called;
        called_begin(&called, &harness, &request);
        const struct outcome *outcome = called_finish(&called);
        if (sleeps[i].passes) {
            assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
        } else {
            assert_int_equal(outcome->code, CORDON_OUTCOME_LIMIT);
            assert_string_equal(outcome_code_name(outcome), "TimedOut");
            assert_true(outcome->limit_used >= sleeps[i].limit_ms);
            assert_true(outcome->limit_used < sleeps[i].limit_ms + 1000);
        }
        called_end(&called);
    }
    harness_close(&harness);
}

static void assert_holds_no_permit(struct harness *harness)
{
    const struct runner_counts counts = runner_get_counts(harness->runner);
    assert_int_equal(counts.permits_used, 0);
    assert_int_equal(counts.permits_waiting, 0);
}

/* With one permit, many sleep, others run, and all end at their limit. */
static void sleepers_hold_no_permit(void **state)
{
    (void)state;
    enum { SLEEPERS = 50 };
    static struct called sleepers[SLEEPERS];
    struct harness harness;
    open_effects(&harness, 1, SLEEPERS + 1);
    struct limit_changes lower;
    const struct run_request request =
        limited_request(&lower, "effects:sleep", "{\"ms\":60000}", 1500);
    for (size_t i = 0; i < SLEEPERS; i++) {
        called_begin(&sleepers[i], &harness, &request);
        assert_int_equal(called_poll(&sleepers[i]), RUN_WAITING);
        assert_true(run_sleeps_until_ns(sleepers[i].run) > clock_monotonic_ns());
    }
    assert_holds_no_permit(&harness);
    assert_int_equal(runner_get_counts(harness.runner).slots_used, SLEEPERS);
    struct called other;
    const struct outcome *outcome = call(&other, &harness, "basic:echo", "{\"a\":1}");
    assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
    called_end(&other);
    for (size_t i = 0; i < SLEEPERS; i++) {
        outcome = called_finish(&sleepers[i]);
        assert_int_equal(outcome->code, CORDON_OUTCOME_LIMIT);
        assert_int_equal(outcome->limit, CORDON_LIMIT_USER_TIME_MS);
        called_end(&sleepers[i]);
    }
    harness_close(&harness);
}

/*
 * Its sleep is over, but there is no permit for it: it waits for one, which uses up no limit of its
 * own, and for no longer than runs may wait for their turns.
 */
static void who_has_slept_waits_for_a_permit_and_not_for_ever(void **state)
{
    (void)state;
    struct harness harness;
    const struct harness_options options = {
        .guests = {"effects", "spin"}, .permits = 1, .turns_ns = 300 * MS};
    harness_open(&harness, &options);
    struct limit_changes lower;
    const struct run_request request = limited_request(&lower, "effects:sleep", "{\"ms\":5}", 200);
    struct called sleeper;
    called_begin(&sleeper, &harness, &request);
    assert_int_equal(called_poll(&sleeper), RUN_WAITING);
    struct called busy; /* has the permit, and is not polled */
    const struct run_request spinning = request_of("spin:query", "{}");
    called_begin(&busy, &harness, &spinning);
    assert_int_equal(called_poll(&busy), RUN_READY);
    called_wait(&sleeper);
    assert_int_equal(called_poll(&sleeper), RUN_WAITING);
    assert_int_equal(runner_get_counts(harness.runner).permits_waiting, 1);
    const uint64_t at = run_wake_at_ns(sleeper.run); /* not the past: nobody polls it in vain */
    assert_true(at > clock_monotonic_ns() && at < clock_monotonic_ns() + 300 * MS);
    const struct outcome *outcome = called_finish(&sleeper);
    assert_int_equal(outcome->code, CORDON_OUTCOME_OVERLOADED);
    assert_true(outcome->used[CORDON_LIMIT_USER_TIME_MS] < 200);
    assert_true(outcome->queued_time_ns >= 300 * MS);
    called_end(&sleeper);
    run_cancel(busy.run);
    assert_int_equal(called_finish(&busy)->code, CORDON_OUTCOME_CANCELLED);
    called_end(&busy);
    harness_close(&harness);
}

/* Naps are no way to the front of the queue: who came before the nap was over goes first. */
static void who_naps_does_not_keep_others_from_beginning(void **state)
{
    (void)state;
    struct harness harness;
    open_effects(&harness, 1, 0);
    struct called napper;
    const struct run_request naps = request_of("effects:sleep", "{\"ms\":5}");
    called_begin(&napper, &harness, &naps);
    assert_int_equal(called_poll(&napper), RUN_WAITING);
    struct called busy;
    const struct run_request spinning = request_of("spin:query", "{}");
    called_begin(&busy, &harness, &spinning);
    assert_int_equal(called_poll(&busy), RUN_READY);
    struct called fresh;
    const struct run_request request = request_of("effects:sleep", "{\"ms\":0}");
    called_begin(&fresh, &harness, &request);
    assert_int_equal(called_poll(&fresh), RUN_WAITING);
    called_wait(&napper);
    assert_int_equal(called_poll(&napper), RUN_WAITING);
    called_end(&busy); /* its permit goes to the first of the two */
    assert_int_equal(called_poll(&napper), RUN_WAITING);
    assert_int_equal(called_poll(&fresh), RUN_DONE);
    assert_int_equal(called_finish(&napper)->code, CORDON_OUTCOME_SUCCESS);
    called_end(&napper);
    called_end(&fresh);
    harness_close(&harness);
}

static void a_sleeper_can_be_cancelled_and_freed(void **state)
{
    (void)state;
    struct harness harness;
    open_effects(&harness, 0, 0);
    const struct run_request request = request_of("effects:sleep", "{\"ms\":60000}");
    struct called called;
    called_begin(&called, &harness, &request);
    assert_int_equal(called_poll(&called), RUN_WAITING);
    const uint64_t began = clock_monotonic_ns();
    run_cancel(called.run);
    assert_int_equal(called_finish(&called)->code, CORDON_OUTCOME_CANCELLED);
    assert_true(clock_monotonic_ns() - began < 5000 * MS);
    called_end(&called);

    called_begin(&called, &harness, &request);
    assert_int_equal(called_poll(&called), RUN_WAITING);
    called_end(&called); /* in the middle of its sleep */
    harness_close(&harness);
}

/* A wake that is not its time changes nothing. */
static void a_sleeper_that_is_woken_sleeps_on(void **state)
{
    (void)state;
    struct harness harness;
    open_effects(&harness, 0, 0);
    const struct run_request request = request_of("effects:sleep", "{\"ms\":200}");
    struct called called;
    const uint64_t began = clock_monotonic_ns();
    called_begin(&called, &harness, &request);
    assert_int_equal(called_poll(&called), RUN_WAITING);
    const uint64_t until = run_sleeps_until_ns(called.run);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(called_poll(&called), RUN_WAITING);
        assert_int_equal(run_sleeps_until_ns(called.run), until);
    }
    assert_int_equal(called_finish(&called)->code, CORDON_OUTCOME_SUCCESS);
    assert_true(clock_monotonic_ns() - began >= 200 * MS);
    called_end(&called);
    harness_close(&harness);
}

/* Not of the seed, and never the same twice. */
static void real_randomness_does_not_follow_the_seed(void **state)
{
    (void)state;
    static const uint8_t seed[RANDOM_SEED_BYTES] = {3};
    struct harness harness;
    open_effects(&harness, 0, 0);
    struct run_request request = request_of("effects:random", "{\"n\":32}");
    request.seed = seed;
    struct called called[2];
    for (size_t i = 0; i < 2; i++) {
        called_begin(&called[i], &harness, &request);
        assert_int_equal(called_finish(&called[i])->code, CORDON_OUTCOME_SUCCESS);
    }
    assert_int_equal(run_outcome(called[0].run)->value.size, 66);
    assert_false(slice_equal(run_outcome(called[0].run)->value, run_outcome(called[1].run)->value));
    called_end(&called[0]);
    called_end(&called[1]);
    harness_close(&harness);
}

/* 64 KiB more cost what 64 KiB cost: a price by the byte. */
static void randomness_is_paid_by_the_byte(void **state)
{
    (void)state;
    static const char *const args[] = {"{\"n\":32}", "{\"n\":65536}"};
    uint64_t fuel[2];
    struct harness harness;
    open_effects(&harness, 0, 0);
    for (size_t i = 0; i < 2; i++) {
        struct called called;
        const struct outcome *outcome = call(&called, &harness, "effects:random", args[i]);
        assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
        fuel[i] = outcome->used[CORDON_LIMIT_FUEL];
        called_end(&called);
    }
    assert_true(fuel[1] - fuel[0] > 64 * 24000 - 1000 && fuel[1] - fuel[0] < 64 * 24000 + 1000);
    harness_close(&harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sleep_lasts_as_long_as_it_was_asked_to),
        cmocka_unit_test(what_is_no_duration_is_refused),
        cmocka_unit_test(a_sleep_ends_at_the_limit_of_the_function),
        cmocka_unit_test(sleepers_hold_no_permit),
        cmocka_unit_test(who_has_slept_waits_for_a_permit_and_not_for_ever),
        cmocka_unit_test(who_naps_does_not_keep_others_from_beginning),
        cmocka_unit_test(a_sleeper_can_be_cancelled_and_freed),
        cmocka_unit_test(a_sleeper_that_is_woken_sleeps_on),
        cmocka_unit_test(real_randomness_does_not_follow_the_seed),
        cmocka_unit_test(randomness_is_paid_by_the_byte),
    };
    return cmocka_run_group_tests_name("run/effects", tests, NULL, NULL);
}
