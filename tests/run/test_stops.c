/*
 * How runs are ended: soon after their limit, wherever they spin, and so that nothing of them is
 * left, however many there were.
 */
#include "run/harness.h"
#include "support/size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Sanitizers, which make the host many times slower, run with a smaller size. */
static bool is_sanitized(void)
{
    return test_size(100) < 100;
}

/* -- How soon ------------------------------------------------------------------------------- */

/*
 * Work without end. What one call of the host does is a step of its own, so those with a megabyte
 * of JSON are here, too; what takes longer in one step (a bulk instruction over 128 MiB) is not.
 */
static const struct spin {
    const char *guest;
    const char *path;
    const char *args;
    cordon_limit limit;
} spins[] = {
    {"spin", "spin:query", "{}", CORDON_LIMIT_USER_TIME_MS},
    {"spin", "spin:mutation", "{}", CORDON_LIMIT_USER_TIME_MS},
    {"spin", "spin:action", "{}", CORDON_LIMIT_USER_TIME_MS},
    {"spin", "spin:host", "{}", CORDON_LIMIT_USER_TIME_MS},
    {"start_spins", "phase:run", "{}", CORDON_LIMIT_USER_TIME_MS},
    {"start_spins", "phase:run_mutation", "{}", CORDON_LIMIT_USER_TIME_MS},
    {"initialize_spins", "phase:run", "{}", CORDON_LIMIT_USER_TIME_MS},
    {"initialize_spins", "phase:run_mutation", "{}", CORDON_LIMIT_USER_TIME_MS},
    {"bulk", "bulk:touch", "{}", CORDON_LIMIT_USER_TIME_MS},
    {"bulk", "bulk:table", "{}", CORDON_LIMIT_USER_TIME_MS},
    {"bulk", "bulk:random", "{}", CORDON_LIMIT_USER_TIME_MS},
    {"bulk", "bulk:log", "{}", CORDON_LIMIT_USER_TIME_MS},
    {"bulk", "bulk:output", "{}", CORDON_LIMIT_USER_TIME_MS},
    {"host_bytes", "host_bytes:user_time", "{\"n\":1000000}", CORDON_LIMIT_USER_TIME_MS},
    {"host_bytes", "host_bytes:system_time", "{\"n\":1000000}", CORDON_LIMIT_SYSTEM_TIME_MS},
    {"effects", "effects:sleep", "{\"ms\":100000}", CORDON_LIMIT_USER_TIME_MS},
    {"effects", "effects:naps", "{\"n\":1000000}", CORDON_LIMIT_USER_TIME_MS},
};

enum { ALLOWED_MS = 20, LATE_MS_MAX = 10, LATE_MS_MAX_SANITIZED = 200, TRIES_MAX = 50 };

/* How much later than allowed it was ended. */
static uint64_t lateness_ms(struct harness *harness, const struct spin *spin)
{
    struct limit_changes lower = {0};
    change(&lower, spin->limit, ALLOWED_MS);
    struct run_request request = request_of(spin->path, spin->args);
    request.lower = &lower;
    struct called called;
    called_begin(&called, harness, &request);
    const struct outcome *outcome = called_finish(&called);
    if (outcome->code != CORDON_OUTCOME_LIMIT || outcome->limit != spin->limit) {
        fail_msg("%s: %.*s", spin->path, SLICE_FMT(outcome->message));
    }
    const uint64_t used_ms = outcome->used[spin->limit];
    assert_true(used_ms >= ALLOWED_MS && outcome->limit_used >= ALLOWED_MS);
    called_end(&called);
    return used_ms - ALLOWED_MS;
}

/*
 * A machine that does other things, too, makes a run late that is not; it never makes one early.
 * So what counts is the least of some tries.
 */
static void who_spins_is_ended_within_ten_milliseconds(void **state)
{
    (void)state;
    const uint64_t most_ms = is_sanitized() ? LATE_MS_MAX_SANITIZED : LATE_MS_MAX;
    for (size_t i = 0; i < sizeof spins / sizeof spins[0]; i++) {
        struct harness harness;
        const struct harness_options options = {.guests = {spins[i].guest}};
        harness_open(&harness, &options);
        uint64_t least_ms = UINT64_MAX;
        for (int tries = 0; tries < TRIES_MAX && least_ms > most_ms; tries++) {
            const uint64_t late_ms = lateness_ms(&harness, &spins[i]);
            least_ms = late_ms < least_ms ? late_ms : least_ms;
        }
        if (least_ms > most_ms) {
            fail_msg("%s was ended %zu ms too late at best", spins[i].path, (size_t)least_ms);
        }
        harness_close(&harness);
    }
}

/* -- What is left --------------------------------------------------------------------------- */

enum leaving { STAYS, CANCELS, LEAVES };

/* Runs that end in the middle, each for another reason. */
static const struct abort {
    const char *path;
    const char *args;
    cordon_limit limit; /* lowered to `value`, if that is anything */
    uint64_t value;
    enum leaving leaving; /* after the first poll */
} aborts[] = {
    {"basic:unreachable", "{}", 0, 0, STAYS},
    {"basic:fail", "{}", 0, 0, STAYS},
    {"results:malformed", "{}", 0, 0, STAYS},
    {"stack:forever", "{}", 0, 0, STAYS},
    {"spin:query", "{}", CORDON_LIMIT_FUEL, 200000, STAYS},
    {"spin:action", "{}", CORDON_LIMIT_USER_TIME_MS, 1, STAYS},
    {"spin:query", "{}", 0, 0, CANCELS},
    {"spin:query", "{}", 0, 0, LEAVES},
    {"memory:grow_or_trap", "{\"n\":4096}", 0, 0, STAYS},
    {"memory:touch", "{\"n\":30}", CORDON_LIMIT_MEMORY_BYTES, 1048576, STAYS},
    {"table:grow_or_trap", "{\"n\":1000}", CORDON_LIMIT_TABLE_ELEMENTS, 500, STAYS},
    {"host_bytes:output", "{\"n\":20000}", CORDON_LIMIT_HOST_BYTES, 100000, STAYS},
    {"effects:random_query", "{\"n\":1}", 0, 0, STAYS},
    {"effects:sleep", "{\"ms\":100000}", 0, 0, CANCELS},
    {"effects:sleep", "{\"ms\":100000}", 0, 0, LEAVES},
};

static void run_abort(struct harness *harness, const struct abort *abort)
{
    struct limit_changes lower = {0};
    if (abort->value != 0) {
        change(&lower, abort->limit, abort->value);
    }
    struct run_request request = request_of(abort->path, abort->args);
    request.lower = &lower;
    struct called called;
    called_begin(&called, harness, &request);
    if (abort->leaving != STAYS) {
        assert_int_not_equal(called_poll(&called), RUN_DONE);
    }
    if (abort->leaving == CANCELS) {
        run_cancel(called.run);
    }
    if (abort->leaving != LEAVES && called_finish(&called)->code == CORDON_OUTCOME_SUCCESS) {
        fail_msg("%s was a success", abort->path);
    }
    called_end(&called);
}

static size_t resident_pages(void)
{
    char text[128] = {0};
    char *rest = NULL;
    FILE *file = fopen("/proc/self/statm", "re");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    (void)fclose(file);
    (void)strtoul(text, &rest, 10); /* of all its addresses */
    return strtoul(rest, NULL, 10);
}

static void require_rest(const struct harness *harness)
{
    const struct runner_counts counts = runner_get_counts(harness->runner);
    assert_int_equal(counts.permits_used, 0);
    assert_int_equal(counts.permits_waiting, 0);
    assert_int_equal(counts.slots_used, 0);
    assert_int_equal(counts.memory_used, 0);
}

/*
 * 100,000 of them in `make check-long`. A tenth goes ahead, so that what is made at the first use
 * is there; a sanitizer, where the size is smaller, keeps what was freed.
 */
static void aborted_runs_leave_nothing(void **state)
{
    (void)state;
    struct harness harness;
    const struct harness_options options = {
        .guests = {
            "basic", "results", "stack", "spin", "memory", "table", "host_bytes", "effects"}};
    harness_open(&harness, &options);
    const size_t runs = test_size(5000);
    size_t before = 0;
    for (size_t i = 0; i < runs + runs / 10; i++) {
        if (i == runs / 10) {
            before = resident_pages();
        }
        run_abort(&harness, &aborts[i % (sizeof aborts / sizeof aborts[0])]);
        require_rest(&harness);
    }
    const size_t after = resident_pages();
    printf("%zu runs: %zu pages resident, %zu before\n", runs, after, before);
    if (!is_sanitized()) {
        assert_true(after <= before + before / 10);
    }
    harness_close(&harness); /* asserts that all else is at rest */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_spins_is_ended_within_ten_milliseconds),
        cmocka_unit_test(aborted_runs_leave_nothing),
    };
    return cmocka_run_group_tests_name("run/stops", tests, NULL, NULL);
}
