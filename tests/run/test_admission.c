/*
 * Several tenants in one process: what one of them does to the others, counted in slots, bytes and
 * slices. Times are only compared with each other.
 */
#include "base/clock.h"
#include "run/harness.h"
#include "run/relay.h"
#include "run/state.h"
#include "support/expect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define MS ((uint64_t)1000000)

/* Fuel after which a guest gives the thread back; see engine. */
#define SLICE_FUEL 50000

enum { GREEDY = TENANT_DEFAULT, OTHER, THIRD };

static struct run_request as(uint32_t tenant, const char *path, const char *args)
{
    struct run_request request = request_of(path, args);
    request.tenant = tenant;
    return request;
}

static void assert_passes(struct harness *harness, uint32_t tenant)
{
    struct called called;
    const struct run_request request = as(tenant, "basic:echo", "{}");
    called_begin(&called, harness, &request);
    assert_int_equal(called_finish(&called)->code, CORDON_OUTCOME_SUCCESS);
    called_end(&called);
}

static void assert_refused(const struct outcome *outcome, const char *code, const char *words)
{
    assert_non_null(outcome);
    assert_int_equal(outcome->code, CORDON_OUTCOME_OVERLOADED);
    assert_string_equal(outcome_rejection_code(outcome), code);
    assert_true(slice_starts_with(outcome->message, slice_str(words)));
    assert_int_equal(outcome->used[CORDON_LIMIT_FUEL], 0);
}

/* 10,000 actions of one tenant wait, or would: the others have slots all the same. */
static void waiting_actions_leave_slots_for_others(void **state)
{
    (void)state;
    enum { CALLS = 10000, SLOTS = 64, SHARE = 48, SECOND = 12 };
    static struct called waiting[CALLS];
    const struct harness_options options = {
        .guests = {"effects", "basic"}, .permits = 2, .slots = SLOTS};
    struct harness harness;
    harness_open(&harness, &options);
    harness_add_tenant(&harness, OTHER);
    harness_add_tenant(&harness, THIRD);
    size_t alive[THIRD + 1] = {0};
    for (size_t i = 0; i < CALLS; i++) {
        const uint32_t tenant = i < CALLS / 2 ? GREEDY : OTHER; /* the second is greedy, too */
        const struct run_request request = as(tenant, "effects:sleep", "{\"ms\":60000}");
        called_begin(&waiting[i], &harness, &request);
        if (called_poll(&waiting[i]) == RUN_WAITING) {
            alive[tenant]++;
        } else {
            assert_refused(
                run_outcome(waiting[i].run), "WorkerOverloaded",
                "There are no available workers to process the request. Nothing was run; a retry "
                "is safe.");
        }
    }
    assert_int_equal(alive[GREEDY], SHARE);
    assert_int_equal(alive[OTHER], SECOND); /* three quarters of the rest */
    assert_int_equal(runner_get_counts(harness.runner).slots_used, SHARE + SECOND);
    assert_int_equal(runner_get_counts(harness.runner).permits_used, 0);
    assert_passes(&harness, THIRD);
    for (size_t i = 0; i < CALLS; i++) {
        called_end(&waiting[i]);
    }
    harness_close(&harness);
}

/*
 * Actions that have all the slots a tenant can have call another function each: a call finds a slot
 * of those for calls, or is refused, which its caller may handle. Nobody waits for a slot.
 */
static void waiting_parents_cannot_deadlock(void **state)
{
    (void)state;
    enum { SLOTS = 16, PARENTS = 32 };
    const struct harness_options options = {
        .guests = {"relay", "basic"}, .permits = 1, .slots = SLOTS};
    struct harness harness;
    harness_open(&harness, &options);
    harness_add_tenant(&harness, OTHER);
    char quoted[RELAY_JSON_BYTES];
    char args[RELAY_JSON_BYTES];
    (void)snprintf(args, sizeof args, "{\"name\":\"basic:echo\",\"args\":{}}");
    (void)relay_quote(args, quoted);
    struct called parents[PARENTS];
    size_t ended[2] = {0};
    for (uint32_t i = 0; i < PARENTS; i++) {
        const struct run_request request =
            as(i % 2 == 0 ? GREEDY : OTHER, "relay:call_query", quoted);
        called_begin(&parents[i], &harness, &request);
        (void)run_poll(parents[i].run, 0);
    }
    for (size_t polls = 0; runner_get_counts(harness.runner).slots_used > 0; polls++) {
        assert_true(polls < 3200);
        (void)called_poll(&parents[polls % PARENTS]);
    }
    for (size_t i = 0; i < PARENTS; i++) {
        const struct outcome *outcome = called_finish(&parents[i]);
        ended[outcome->code == CORDON_OUTCOME_SUCCESS ? 0 : 1]++;
        if (outcome->code != CORDON_OUTCOME_SUCCESS) {
            assert_string_equal(outcome_rejection_code(outcome), "WorkerOverloaded");
        }
    }
    assert_true(ended[0] >= SLOTS / 2);
    assert_int_equal(ended[0] + ended[1], PARENTS);
    for (size_t i = 0; i < PARENTS; i++) {
        called_end(&parents[i]);
    }
    harness_close(&harness);
}

/* Who is called by a run that has begun comes before calls that have not. */
static void calls_of_actions_come_first(void **state)
{
    (void)state;
    const struct harness_options options = {.guests = {"relay", "basic"}, .permits = 1};
    struct harness harness;
    harness_open(&harness, &options);
    char quoted[RELAY_JSON_BYTES];
    (void)relay_quote("{\"name\":\"basic:echo\",\"args\":{}}", quoted);
    struct called action;
    const struct run_request calls = as(GREEDY, "relay:call_query", quoted);
    called_begin(&action, &harness, &calls);
    assert_int_equal(
        run_poll(action.run, 0), RUN_READY); /* its memory is large: a turn of its own */
    struct called queries[2];
    const struct run_request request = as(GREEDY, "basic:echo", "{}");
    for (size_t i = 0; i < 2; i++) {
        called_begin(&queries[i], &harness, &request);
        assert_int_equal(called_poll(&queries[i]), RUN_WAITING);
    }
    assert_int_equal(called_poll(&action), RUN_WAITING); /* it calls; its permit is a query's now */
    assert_int_equal(called_poll(&queries[0]), RUN_DONE);
    assert_int_equal(called_poll(&queries[1]), RUN_WAITING);
    assert_true(atomic_load(&action.run->child->permit.has_permit));
    assert_int_equal(called_poll(&action), RUN_WAITING); /* the call is over */
    assert_int_equal(called_poll(&queries[1]), RUN_DONE);
    assert_int_equal(called_finish(&action)->code, CORDON_OUTCOME_SUCCESS);
    called_end(&action);
    called_end(&queries[0]);
    called_end(&queries[1]);
    harness_close(&harness);
}

/* Memory that a tenant holds is no reason for another's calls to fail. */
static void memory_is_shared_too(void **state)
{
    (void)state;
    enum { CALLS = 16, PAGE = 65536 };
    const struct harness_options options = {
        .guests = {"spin", "basic"},
        .slots = 64,
        .permits = 64,
        .memory_bytes = (uint64_t)CALLS * (PAGE + ACCOUNT_LUMP_BYTES)};
    struct harness harness;
    harness_open(&harness, &options);
    harness_add_tenant(&harness, OTHER);
    struct called called[CALLS];
    size_t alive = 0;
    for (size_t i = 0; i < CALLS; i++) {
        const struct run_request request = as(GREEDY, "spin:query", "{}");
        called_begin(&called[i], &harness, &request);
        if (run_poll(called[i].run, 0) != RUN_DONE) {
            alive++;
        } else {
            assert_int_equal(run_outcome(called[i].run)->code, CORDON_OUTCOME_OVERLOADED);
        }
    }
    assert_in_range(alive, CALLS / 2, CALLS * 3 / 4);
    assert_true(runner_get_counts(harness.runner).memory_used <= options.memory_bytes * 3 / 4);
    assert_passes(&harness, OTHER);
    for (size_t i = 0; i < CALLS; i++) {
        called_end(&called[i]);
    }
    harness_close(&harness);
}

/* Alone a tenant may have all there is. */
/* Nobody gives back what is kept of runs, so it may have no more than its part. */
static void what_is_kept_of_runs_has_a_part_of_the_memory(void **state)
{
    (void)state;
    enum { TOTAL = 1 << 26, PART = TOTAL / RUNNER_KEPT_PART };
    const struct harness_options options = {.guests = {"basic"}, .memory_bytes = TOTAL};
    struct harness harness;
    harness_open(&harness, &options);
    assert_true(runner_take_kept_memory(harness.runner, PART - 1));
    assert_false(runner_take_kept_memory(harness.runner, 2));
    assert_true(runner_take_kept_memory(harness.runner, 1));
    assert_false(runner_take_kept_memory(harness.runner, 1));
    assert_true(runner_take_memory(harness.runner, TOTAL - PART)); /* the rest is for others */
    assert_false(runner_take_memory(harness.runner, 1));
    runner_give_memory(harness.runner, TOTAL - PART);
    runner_give_kept_memory(harness.runner, PART);
    assert_int_equal(runner_get_counts(harness.runner).memory_used, 0);
    harness_close(&harness);
}

static void a_tenant_alone_has_all(void **state)
{
    (void)state;
    enum { SLOTS = 8 };
    const struct harness_options options = {.guests = {"effects"}, .slots = SLOTS};
    struct harness harness;
    harness_open(&harness, &options);
    struct called called[SLOTS];
    for (size_t i = 0; i < SLOTS; i++) {
        const struct run_request request = as(GREEDY, "effects:sleep", "{\"ms\":60000}");
        called_begin(&called[i], &harness, &request);
        assert_int_equal(called_poll(&called[i]), RUN_WAITING);
    }
    for (size_t i = 0; i < SLOTS; i++) {
        called_end(&called[i]);
    }
    harness_close(&harness);
}

static uint64_t fuel_of(const struct called *called)
{
    return engine_call_fuel_used(called->run->call);
}

/*
 * A tenant's runs have all permits and compute, each in a turn that would last for an hour. Another
 * calls: the first of them to end its slice gives it its permit. So it waits for one slice.
 */
static void another_tenant_waits_for_one_slice(void **state)
{
    (void)state;
    enum { PERMITS = 3, RUNS = 12 };
    const struct harness_options options = {
        .guests = {"spin", "basic"}, .permits = PERMITS, .processors = PERMITS};
    struct harness harness;
    harness_open(&harness, &options);
    harness_add_tenant(&harness, OTHER);
    struct called busy[RUNS];
    for (size_t i = 0; i < RUNS; i++) {
        const struct run_request request = as(GREEDY, "spin:query", "{}");
        called_begin(&busy[i], &harness, &request);
        (void)run_poll(busy[i].run, 0);
    }
    assert_int_equal(runner_get_counts(harness.runner).permits_used, PERMITS);
    for (size_t i = 0; i < 10; i++) {
        struct called other;
        const struct run_request request = as(OTHER, "basic:echo", "{}");
        called_begin(&other, &harness, &request);
        assert_int_equal(called_poll(&other), RUN_WAITING);
        size_t at = 0; /* one that has a permit */
        while (!atomic_load(&busy[at].run->permit.has_permit)) {
            at++;
        }
        const uint64_t before = fuel_of(&busy[at]);
        const uint64_t hour_ns = (uint64_t)3600 * 1000 * MS;
        assert_int_equal(run_poll(busy[at].run, clock_monotonic_ns() + hour_ns), RUN_WAITING);
        assert_true(fuel_of(&busy[at]) > before);
        assert_true(fuel_of(&busy[at]) <= before + SLICE_FUEL + 100);
        assert_int_equal(called_poll(&other), RUN_DONE);
        assert_int_equal(run_outcome(other.run)->code, CORDON_OUTCOME_SUCCESS);
        called_end(&other);
    }
    for (size_t i = 0; i < RUNS; i++) {
        called_end(&busy[i]);
    }
    harness_close(&harness);
}

/* Who leaves has given all of it back once the slice is over that its run was in. */
static void who_leaves_frees_everything_within_a_slice(void **state)
{
    (void)state;
    const struct harness_options options = {.guests = {"spin"}, .permits = 1, .slots = 2};
    struct harness harness;
    harness_open(&harness, &options);
    struct called running;
    struct called queued;
    const struct run_request request = as(GREEDY, "spin:action", "{}");
    called_begin(&running, &harness, &request);
    assert_int_equal(run_poll(running.run, 0), RUN_READY);
    called_begin(&queued, &harness, &request);
    assert_int_equal(called_poll(&queued), RUN_WAITING);

    run_cancel(queued.run); /* one that waits is gone at once */
    assert_int_equal(called_poll(&queued), RUN_DONE);
    assert_int_equal(runner_get_counts(harness.runner).permits_waiting, 0);
    assert_int_equal(runner_get_counts(harness.runner).slots_used, 1);

    const uint64_t before = fuel_of(&running);
    run_cancel(running.run);
    const uint64_t hour_ns = (uint64_t)3600 * 1000 * MS;
    assert_int_equal(run_poll(running.run, clock_monotonic_ns() + hour_ns), RUN_DONE);
    const struct outcome *outcome = run_outcome(running.run);
    assert_int_equal(outcome->code, CORDON_OUTCOME_CANCELLED);
    assert_true(outcome->used[CORDON_LIMIT_FUEL] <= before + SLICE_FUEL + 100);
    const struct runner_counts counts = runner_get_counts(harness.runner);
    assert_int_equal(counts.permits_used, 0);
    assert_int_equal(counts.slots_used, 0);
    called_end(&running);
    called_end(&queued);
    assert_int_equal(runner_get_counts(harness.runner).memory_used, 0);
    harness_close(&harness);
}

/* Turns of one processor for a while; what each run had of it in the end. */
static void let_them_compute(struct called *runs, size_t count, uint64_t for_ns)
{
    const uint64_t until_ns = clock_thread_cpu_ns() + for_ns;
    while (clock_thread_cpu_ns() < until_ns) {
        for (size_t i = 0; i < count; i++) {
            if (atomic_load(&runs[i].run->permit.has_permit)) {
                (void)run_poll(runs[i].run, clock_monotonic_ns() + MS / 2);
            }
        }
    }
}

/* Nine runs of one tenant and one of another have half of a processor for each tenant. */
static void processors_are_shared_between_tenants(void **state)
{
    (void)state;
    enum { RUNS = 10 };
    static const uint32_t weights[] = {100, 300};
    for (size_t w = 0; w < 2; w++) {
        const struct harness_options options = {
            .guests = {"spin"}, .permits = 2, .processors = 1, .short_run_ns = 1};
        struct harness harness;
        harness_open(&harness, &options);
        harness_add_tenant(&harness, OTHER);
        runner_set_weight(harness.runner, OTHER, weights[w]);
        struct called runs[RUNS];
        for (size_t i = 0; i < RUNS; i++) {
            const struct run_request request = as(i == 0 ? OTHER : GREEDY, "spin:query", "{}");
            called_begin(&runs[i], &harness, &request);
            (void)run_poll(runs[i].run, 0);
        }
        let_them_compute(runs, RUNS, 150 * MS);
        uint64_t had_ns[2] = {0};
        for (size_t i = 0; i < RUNS; i++) {
            had_ns[i == 0 ? 0 : 1] += runs[i].run->permit.spent_ns;
            called_end(&runs[i]);
        }
        const uint64_t percent = had_ns[0] * 100 / (had_ns[0] + had_ns[1]);
        const uint64_t due = weights[w] == 100 ? 50 : 75;
        assert_in_range(
            percent, due - 10, due + 10); /* a turn of 0.5 ms may be long on a busy machine */
        harness_close(&harness);
    }
}

/* More calls than the queue has room for are told so at once, with Convex's code and words. */
static void a_full_queue_says_so_at_once(void **state)
{
    (void)state;
    enum { CALLS = 2100 };
    static struct called called[CALLS];
    const struct harness_options options = {
        .guests = {"spin", "basic"}, .permits = 1, .slots = CALLS};
    struct harness harness;
    harness_open(&harness, &options);
    size_t refused = 0;
    for (size_t i = 0; i < CALLS; i++) {
        const struct run_request request = as(GREEDY, "spin:query", "{}");
        called_begin(&called[i], &harness, &request);
        if (run_poll(called[i].run, 0) == RUN_DONE) {
            refused++;
            assert_refused(
                run_outcome(called[i].run), "ExecuteFullError",
                "Too many concurrent requests in a short period of time. Spread out your requests "
                "out over time or throttle them to avoid errors. Nothing was run; a retry is "
                "safe.");
        }
    }
    assert_int_equal(refused, CALLS - 1 - 2000);
    assert_int_equal(runner_get_counts(harness.runner).calls_refused, refused);
    for (size_t i = 0; i < CALLS; i++) {
        called_end(&called[i]);
    }
    harness_close(&harness);
}

/* In a congested queue who waits for longer than the target is woken, and told so. */
static void a_congested_queue_says_so_when_the_target_is_over(void **state)
{
    (void)state;
    struct harness_options options = {.guests = {"spin"}, .permits = 1};
    options.queue_target_ns = 1;
    options.queue_interval_ns = 1;
    struct harness harness;
    harness_open(&harness, &options);
    struct called busy;
    const struct run_request request = as(GREEDY, "spin:query", "{}");
    called_begin(&busy, &harness, &request);
    assert_int_equal(run_poll(busy.run, 0), RUN_READY);
    struct called called[3];
    for (size_t i = 0; i < 3; i++) { /* above the target, congested, acted upon */
        called_begin(&called[i], &harness, &request);
        assert_int_equal(called_poll(&called[i]), RUN_WAITING);
    }
    assert_true(called[0].woken && called[1].woken);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(called_poll(&called[i]), RUN_DONE);
        assert_refused(
            run_outcome(called[i].run), "ExpiredInQueue",
            "Too many concurrent requests in a short");
    }
    assert_int_equal(runner_get_counts(harness.runner).calls_expired, 2);
    for (size_t i = 0; i < 3; i++) {
        called_end(&called[i]);
    }
    called_end(&busy);
    harness_close(&harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting_actions_leave_slots_for_others),
        cmocka_unit_test(waiting_parents_cannot_deadlock),
        cmocka_unit_test(calls_of_actions_come_first),
        cmocka_unit_test(memory_is_shared_too),
        cmocka_unit_test(what_is_kept_of_runs_has_a_part_of_the_memory),
        cmocka_unit_test(a_tenant_alone_has_all),
        cmocka_unit_test(another_tenant_waits_for_one_slice),
        cmocka_unit_test(who_leaves_frees_everything_within_a_slice),
        cmocka_unit_test(processors_are_shared_between_tenants),
        cmocka_unit_test(a_full_queue_says_so_at_once),
        cmocka_unit_test(a_congested_queue_says_so_when_the_target_is_over),
    };
    return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
