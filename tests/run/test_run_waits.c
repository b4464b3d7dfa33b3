/*
 * The pausing clock and everything done or pending, end to end: a store that lets every call wait
 * stands below the runner.
 */
#include "run/harness.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

/* Waits are longer than any jitter, limits far from both sides. */
enum { READS = 5, DELAY_MS = 100 };

static void open_with_delay(struct harness *harness, unsigned delay_ms)
{
    struct harness_options options = {
        .guests = {"waits", "documents"},
        .delay_ms = delay_ms,
    };
    harness_open(harness, &options);
}

static const struct outcome *call_limited(
    struct called *called,
    struct harness *harness,
    const char *path,
    cordon_limit limit,
    uint64_t value)
{
    struct limit_changes lower = {0};
    change(&lower, limit, value);
    struct run_request request = request_of(path, "{\"n\":5}");
    request.lower = &lower;
    called_begin(called, harness, &request);
    return called_finish(called);
}

static void waiting_is_not_the_functions_time(void **state)
{
    (void)state;
    struct harness harness;
    struct called called;
    open_with_delay(&harness, DELAY_MS);
    const struct outcome *outcome =
        call_limited(&called, &harness, "waits:reads", CORDON_LIMIT_USER_TIME_MS, 50);
    assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
    assert_true(outcome->used[CORDON_LIMIT_SYSTEM_TIME_MS] >= READS * DELAY_MS);
    assert_true(outcome->used[CORDON_LIMIT_USER_TIME_MS] < 50);
    called_end(&called);
    harness_close(&harness);
}

static void waiting_is_bounded_by_the_systems_time(void **state)
{
    (void)state;
    struct harness harness;
    struct called called;
    open_with_delay(&harness, DELAY_MS);
    const struct outcome *outcome =
        call_limited(&called, &harness, "waits:reads", CORDON_LIMIT_SYSTEM_TIME_MS, 200);
    assert_int_equal(outcome->code, CORDON_OUTCOME_LIMIT);
    assert_int_equal(outcome->limit, CORDON_LIMIT_SYSTEM_TIME_MS);
    assert_string_equal(outcome_code_name(outcome), "SystemTimedOut");
    assert_true(outcome->limit_used >= 200 && outcome->limit_used < 2000);
    called_end(&called);
    harness_close(&harness);
}

static void spinning_between_the_waits_is_the_functions_time(void **state)
{
    (void)state;
    struct harness harness;
    struct called called;
    open_with_delay(&harness, 10);
    const struct outcome *outcome =
        call_limited(&called, &harness, "waits:spins", CORDON_LIMIT_USER_TIME_MS, 50);
    assert_int_equal(outcome->code, CORDON_OUTCOME_LIMIT);
    assert_string_equal(outcome_code_name(outcome), "TimedOut");
    assert_true(outcome->limit_used >= 50 && outcome->limit_used < 500);
    called_end(&called);
    harness_close(&harness);
}

/*
 * 20 megabytes of arguments, each refused as soon as it is read: reading them is the host's time
 * where the call may touch the store, and the function's where it may not. A quarter of the time
 * it takes is enough for the one, and not for the other.
 */
static void reading_a_long_call_is_not_the_functions_time(void **state)
{
    (void)state;
    struct harness harness;
    const struct harness_options options = {.guests = {"host_bytes"}};
    harness_open(&harness, &options);
    struct limit_changes lower = {0};
    struct run_request request = request_of("host_bytes:system_time", "{\"n\":20}");
    request.lower = &lower;
    struct called called;
    called_begin(&called, &harness, &request);
    const struct outcome *outcome = called_finish(&called);
    assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
    const uint64_t reading_ms = outcome->used[CORDON_LIMIT_SYSTEM_TIME_MS];
    assert_true(reading_ms >= 8);
    called_end(&called);

    change(&lower, CORDON_LIMIT_USER_TIME_MS, reading_ms / 4);
    called_begin(&called, &harness, &request);
    assert_int_equal(called_finish(&called)->code, CORDON_OUTCOME_SUCCESS);
    called_end(&called);

    request = request_of("host_bytes:user_time", "{\"n\":1000}"); /* it does not come that far */
    request.lower = &lower;
    called_begin(&called, &harness, &request);
    outcome = called_finish(&called);
    assert_int_equal(outcome->code, CORDON_OUTCOME_LIMIT);
    assert_int_equal(outcome->limit, CORDON_LIMIT_USER_TIME_MS);
    called_end(&called);
    harness_close(&harness);
}

/* The same fuel and value, whether the store answers at once or late. */
static void waiting_changes_nothing_but_time(void **state)
{
    (void)state;
    static const char *const calls[][2] = {
        {"waits:reads", "{\"n\":3}"},          {"documents:insert", "{\"n\":3}"},
        {"documents:read", "{\"n\":5}"},       {"documents:scans", "{\"n\":3}"},
        {"waits:reads_mutation", "{\"n\":3}"},
    };
    struct harness prompt;
    struct harness late;
    open_with_delay(&prompt, 0);
    open_with_delay(&late, 2);
    static const uint8_t seed[RANDOM_SEED_BYTES] = {9};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        struct run_request request = request_of(calls[i][0], calls[i][1]);
        request.seed = seed;
        request.has_time = true;
        request.time_ns = 1700000000000000000;
        struct called a;
        struct called b;
        called_begin(&a, &prompt, &request);
        called_begin(&b, &late, &request);
        const struct outcome *first = called_finish(&a);
        const struct outcome *second = called_finish(&b);
        assert_int_equal(first->code, CORDON_OUTCOME_SUCCESS);
        assert_int_equal(second->code, CORDON_OUTCOME_SUCCESS);
        assert_true(slice_equal(first->value, second->value));
        assert_int_equal(first->used[CORDON_LIMIT_FUEL], second->used[CORDON_LIMIT_FUEL]);
        assert_int_equal(
            first->used[CORDON_LIMIT_DOCUMENTS_READ], second->used[CORDON_LIMIT_DOCUMENTS_READ]);
        called_end(&a);
        called_end(&b);
    }
    harness_close(&prompt);
    harness_close(&late);
}

/* A run that waits holds no permit: with one permit, many wait at the same time. */
static void waiting_runs_hold_no_permit(void **state)
{
    (void)state;
    enum { RUNS = 8 };
    struct harness harness;
    struct harness_options options = {
        .guests = {"waits"},
        .delay_ms = DELAY_MS,
        .permits = 1,
    };
    harness_open(&harness, &options);
    struct called called[RUNS];
    const struct run_request request = request_of("waits:reads", "{\"n\":2}");
    for (int i = 0; i < RUNS; i++) {
        called_begin(&called[i], &harness, &request);
        assert_int_equal(called_poll(&called[i]), RUN_WAITING);
        assert_int_equal(runner_get_counts(harness.runner).permits_used, 0);
    }
    for (int i = 0; i < RUNS; i++) {
        const struct outcome *outcome = called_finish(&called[i]);
        assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
        called_end(&called[i]);
    }
    harness_close(&harness);
}

static void a_waiting_run_can_be_cancelled_and_freed(void **state)
{
    (void)state;
    struct harness harness;
    open_with_delay(&harness, DELAY_MS);
    struct called called;
    struct run_request request = request_of("waits:reads", "{\"n\":5}");
    called_begin(&called, &harness, &request);
    assert_int_equal(called_poll(&called), RUN_WAITING);
    run_cancel(called.run);
    assert_int_equal(called_finish(&called)->code, CORDON_OUTCOME_CANCELLED);
    called_end(&called);

    called_begin(&called, &harness, &request);
    assert_int_equal(called_poll(&called), RUN_WAITING);
    called_end(&called); /* in the middle of its wait */
    harness_close(&harness);
}

/* -- Traces ----------------------------------------------------------------------------------- */

/* Gives how often it had to wait, too. */
static const struct outcome *call_until_spent(
    struct called *called, struct harness *harness, unsigned *out_waits)
{
    struct limit_changes lower = {0};
    change(&lower, CORDON_LIMIT_FUEL, 100000);
    struct run_request request = request_of("math:fib", "{\"n\":40}");
    request.lower = &lower;
    called_begin(called, harness, &request);
    *out_waits = 0;
    for (enum run_state state = called_poll(called); state != RUN_DONE;
         state = called_poll(called)) {
        if (state == RUN_WAITING) {
            called_wait(called);
            *out_waits += 1;
        }
    }
    return run_outcome(called->run);
}

/*
 * The module's bytes are waited for, which is nobody's time; a trace that was made is there at once
 * the next time.
 */
static void a_trace_waits_for_the_store(void **state)
{
    (void)state;
    struct harness harness;
    struct called called;
    const struct harness_options options = {
        .guests = {"../../examples/messages_c"},
        .delay_ms = DELAY_MS,
    };
    harness_open(&harness, &options);
    unsigned waits[2];
    for (size_t i = 0; i < 2; i++) {
        const struct outcome *outcome = call_until_spent(&called, &harness, &waits[i]);
        assert_int_equal(outcome->code, CORDON_OUTCOME_LIMIT);
        assert_in_range(outcome->frame_count, 3, OUTCOME_FRAMES_MAX);
        const struct outcome_frame *caller = &outcome->frames[outcome->frame_count - 2];
        assert_true(slice_equal(outcome->frames[0].function, SLICE("fib")));
        assert_true(slice_equal(outcome->frames[0].file, SLICE("messages.c")));
        assert_in_range(outcome->frames[0].line, 1, 1000);
        assert_true(slice_equal(caller->function, SLICE("compute_fib")));
        assert_true(outcome->used[CORDON_LIMIT_USER_TIME_MS] < DELAY_MS);
        called_end(&called);
    }
    assert_in_range(waits[1], 1, waits[0] - 1);
    harness_close(&harness);
}

/* Who leaves meanwhile ends the wait; what the run was is told with the names that are known. */
static void a_trace_ends_with_its_run(void **state)
{
    (void)state;
    struct harness harness;
    struct called called;
    const struct harness_options options = {
        .guests = {"../../examples/messages_c"},
        .delay_ms = 1000,
    };
    harness_open(&harness, &options);
    struct limit_changes lower = {0};
    change(&lower, CORDON_LIMIT_FUEL, 1000);
    struct run_request request = request_of("math:fib", "{\"n\":40}");
    request.lower = &lower;
    called_begin(&called, &harness, &request);
    enum run_state polled = RUN_READY;
    while (polled == RUN_READY) {
        polled = called_poll(&called);
    }
    run_cancel(called.run);
    const struct outcome *outcome = called_finish(&called);
    assert_true(outcome->code == CORDON_OUTCOME_LIMIT || outcome->code == CORDON_OUTCOME_CANCELLED);
    called_end(&called);
    harness_close(&harness);
}

/* Its work is a turn like a guest's: it comes when a permit does. */
static void a_trace_needs_a_permit(void **state)
{
    (void)state;
    struct harness harness;
    const struct harness_options options = {
        .guests = {"../../examples/messages_c", "spin"},
        .permits = 1,
        .short_run_ns = 1,
    };
    harness_open(&harness, &options);
    struct limit_changes lower = {0};
    change(&lower, CORDON_LIMIT_FUEL, 1000);
    struct run_request request = request_of("math:fib", "{\"n\":40}");
    request.lower = &lower;
    struct called failed;
    called_begin(&failed, &harness, &request);
    assert_int_equal(called_poll(&failed), RUN_READY); /* ended; what is left is its trace */
    struct called busy;
    const struct run_request spin = request_of("spin:query", "{}");
    called_begin(&busy, &harness, &spin);
    assert_int_equal(called_poll(&busy), RUN_READY);

    assert_int_equal(called_poll(&failed), RUN_WAITING);
    assert_int_equal(runner_get_counts(harness.runner).permits_waiting, 1);
    assert_int_equal(
        called_poll(&busy), RUN_WAITING); /* its turn is over, and the permit passed on */
    const struct outcome *outcome = called_finish(&failed);
    assert_int_equal(outcome->code, CORDON_OUTCOME_LIMIT);
    assert_in_range(outcome->frames[0].line, 1, 1000);
    called_end(&failed);
    called_end(&busy);
    harness_close(&harness);
}

/* -- Conflicts -------------------------------------------------------------------------------- */

/* However many write what all of them read, each of them comes through. */
static void no_mutation_starves(void **state)
{
    (void)state;
    enum { RUNS = 24 };
    struct harness harness;
    const struct harness_options options = {
        .guests = {"counter"}, .delay_ms = 1, .permits = RUNS, .flusher = true};
    harness_open(&harness, &options);
    static struct called called[RUNS];
    const struct run_request request = request_of("counter:add", "{}");
    for (size_t i = 0; i < RUNS; i++) {
        called_begin(&called[i], &harness, &request);
    }
    size_t done = 0;
    uint32_t retries = 0;
    while (done < RUNS) { /* all at once, as far as one thread can */
        done = 0;
        for (size_t i = 0; i < RUNS; i++) {
            done += called_poll(&called[i]) == RUN_DONE;
        }
    }
    for (size_t i = 0; i < RUNS; i++) {
        const struct outcome *outcome = run_outcome(called[i].run);
        if (outcome->code != CORDON_OUTCOME_SUCCESS) {
            fail_msg("%.*s", SLICE_FMT(outcome->message));
        }
        retries = outcome->retries > retries ? outcome->retries : retries;
        called_end(&called[i]);
    }
    assert_true(retries > 4); /* or there was nothing to starve from */
    struct called reader;
    const struct outcome *outcome = call(&reader, &harness, "counter:get", "{}");
    char value[16];
    (void)snprintf(value, sizeof value, "%.*s", SLICE_FMT(outcome->value));
    assert_string_equal(value, "24");
    called_end(&reader);
    harness_close(&harness);
}

/* -- Turns ------------------------------------------------------------------------------------ */

/*
 * One permit and two runs without end: the first has had its turn and waits for the second's to
 * end, so long as these milliseconds.
 */
static void let_it_queue(
    struct harness *harness, struct called *first, struct called *second, unsigned wait_ms)
{
    struct limit_changes lower = {0};
    change(&lower, CORDON_LIMIT_SYSTEM_TIME_MS, 50);
    struct run_request request = request_of("spin:query", "{}");
    request.lower = &lower;
    called_begin(first, harness, &request);
    assert_int_equal(called_poll(first), RUN_READY);
    called_begin(second, harness, &request);
    assert_int_equal(called_poll(second), RUN_WAITING);
    assert_int_equal(called_poll(first), RUN_WAITING);
    const struct timespec wait = {.tv_nsec = (long)wait_ms * 1000000};
    (void)nanosleep(&wait, NULL);
}

static void waiting_for_a_turn_is_nobodys_limit(void **state)
{
    (void)state;
    struct harness harness;
    const struct harness_options options = {.guests = {"spin"}, .permits = 1, .short_run_ns = 1};
    harness_open(&harness, &options);
    struct called first;
    struct called second;
    let_it_queue(&harness, &first, &second, 200);
    assert_int_equal(called_poll(&first), RUN_WAITING);  /* past system_time_ms, were it that */
    assert_int_equal(called_poll(&second), RUN_WAITING); /* it passes the turn on */
    assert_int_equal(called_poll(&first), RUN_WAITING);  /* and the other passes it back */
    run_cancel(first.run);
    const struct outcome *outcome = called_finish(&first);
    assert_int_equal(outcome->code, CORDON_OUTCOME_CANCELLED);
    assert_true(outcome->queued_time_ns >= 200000000);
    assert_true(outcome->used[CORDON_LIMIT_SYSTEM_TIME_MS] < 50);
    called_end(&first);
    called_end(&second);
    harness_close(&harness);
}

/* Waiting for a thread, with a permit, is waiting for neighbours, too. */
static void waiting_for_a_thread_is_nobodys_limit(void **state)
{
    (void)state;
    struct harness harness;
    const struct harness_options options = {.guests = {"spin", "waits"}, .delay_ms = 10};
    harness_open(&harness, &options);
    struct limit_changes lower = {0};
    change(&lower, CORDON_LIMIT_SYSTEM_TIME_MS, 100);
    struct called called[2];
    struct run_request requests[] = {
        request_of("spin:query", "{}"), request_of("waits:reads", "{\"n\":2}")};
    for (size_t i = 0; i < 2; i++) {
        requests[i].lower = &lower;
        called_begin(&called[i], &harness, &requests[i]);
        (void)called_poll(&called[i]); /* the one is ready for its next turn, the other waits */
    }
    const struct timespec wait = {.tv_nsec = 300000000};
    (void)nanosleep(&wait, NULL); /* nobody has a thread for them */
    assert_int_equal(called_poll(&called[0]), RUN_READY);
    run_cancel(called[0].run);
    assert_int_equal(called_finish(&called[0])->code, CORDON_OUTCOME_CANCELLED);
    assert_true(run_outcome(called[0].run)->queued_time_ns >= 300000000);
    const struct outcome *outcome = called_finish(&called[1]);
    assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
    assert_true(outcome->queued_time_ns >= 150000000);
    assert_true(outcome->used[CORDON_LIMIT_SYSTEM_TIME_MS] < 100);
    for (size_t i = 0; i < 2; i++) {
        called_end(&called[i]);
    }
    harness_close(&harness);
}

static void who_gets_no_turn_for_too_long_is_told_so(void **state)
{
    (void)state;
    struct harness harness;
    const struct harness_options options = {
        .guests = {"spin"}, .permits = 1, .short_run_ns = 1, .turns_ns = 20000000};
    harness_open(&harness, &options);
    struct called first;
    struct called second;
    let_it_queue(&harness, &first, &second, 0);
    const struct outcome *outcome = called_finish(&first); /* its own wait, to the end */
    assert_int_equal(outcome->code, CORDON_OUTCOME_OVERLOADED);
    assert_true(slice_equal(
        outcome->message, SLICE("Too many concurrent requests: the call waited for its turns for "
                                "too long. A retry is safe.")));
    assert_true(outcome->queued_time_ns >= 20000000);
    called_end(&first);
    called_end(&second);
    harness_close(&harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trace_waits_for_the_store),
        cmocka_unit_test(a_trace_ends_with_its_run),
        cmocka_unit_test(waiting_is_not_the_functions_time),
        cmocka_unit_test(waiting_is_bounded_by_the_systems_time),
        cmocka_unit_test(spinning_between_the_waits_is_the_functions_time),
        cmocka_unit_test(reading_a_long_call_is_not_the_functions_time),
        cmocka_unit_test(waiting_changes_nothing_but_time),
        cmocka_unit_test(waiting_runs_hold_no_permit),
        cmocka_unit_test(a_waiting_run_can_be_cancelled_and_freed),
        cmocka_unit_test(a_trace_needs_a_permit),
        cmocka_unit_test(waiting_for_a_turn_is_nobodys_limit),
        cmocka_unit_test(waiting_for_a_thread_is_nobodys_limit),
        cmocka_unit_test(who_gets_no_turn_for_too_long_is_told_so),
        cmocka_unit_test(no_mutation_starves),
    };
    return cmocka_run_group_tests_name("run/waits", tests, NULL, NULL);
}
