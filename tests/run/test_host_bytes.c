/*
 * Every byte that the host holds for a guest is charged to the run and to the process before it is
 * there: whatever a guest makes the host hold shows in its usage, ends the run to the byte at the
 * limit, and is overload when the process has no more.
 */
#include "run/harness.h"

#include "base/memory.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* A request that can be repeated exactly: with its own seed and time. */
static struct run_request repeatable(const char *path, const char *args)
{
    static const uint8_t seed[RANDOM_SEED_BYTES] = {5};
    struct run_request request = request_of(path, args);
    request.seed = seed;
    request.has_time = true;
    request.time_ns = 1700000000000000000;
    return request;
}

static const struct outcome *call_with_host_bytes(
    struct called *called,
    struct harness *harness,
    const char *path,
    const char *args,
    uint64_t host_bytes)
{
    struct limit_changes lower = {0};
    change(&lower, CORDON_LIMIT_HOST_BYTES, host_bytes);
    struct run_request request = repeatable(path, args);
    request.lower = &lower;
    called_begin(called, harness, &request);
    return called_finish(called);
}

static void assert_code(const struct outcome *outcome, cordon_outcome_code code, const char *path)
{
    if (outcome->code != code) {
        fail_msg(
            "%s ended as %s: %.*s", path, outcome_code_name(outcome), SLICE_FMT(outcome->message));
    }
}

/*
 * What a guest can make the host hold, and the least that has to be: 16 bytes for each node of a
 * text, 16 for each value, and the texts themselves.
 */
struct road {
    const char *path;
    const char *args;
    cordon_outcome_code code;
    uint64_t least;
};

#define NODE ((uint64_t)16)
#define VALUE ((uint64_t)16)

static const struct road roads[] = {
    /* Arguments of a call: refused once they are read, so that nothing else is held. */
    {"host_bytes:insert_array", "{\"n\":3500000}", CORDON_OUTCOME_SUCCESS, 3500000 * (2 + NODE)},
    {"host_bytes:insert_array", "{\"n\":300}", CORDON_OUTCOME_SUCCESS, 300 * (2 + NODE)},
    {"host_bytes:log", "{\"n\":1000000}", CORDON_OUTCOME_SUCCESS, 1000000 * (2 + NODE)},
    /* A document, which is made of them. */
    {"host_bytes:insert", "{\"n\":2000000}", CORDON_OUTCOME_SUCCESS, 2000000 * (2 + NODE + VALUE)},
    /* The data of a failure. */
    {"host_bytes:fail", "{\"n\":200000}", CORDON_OUTCOME_FAILED, 200000 * (2 + NODE + VALUE)},
    /* The result, read when the function has returned; kept until it is checked. */
    {"host_bytes:output", "{\"n\":1000000}", CORDON_OUTCOME_SUCCESS,
     1000000 * (2 + 2 + NODE + VALUE)},
    {"host_bytes:output_typed", "{\"n\":200000}", CORDON_OUTCOME_SUCCESS,
     200000 * (2 + 2 + NODE + VALUE)},
    {"host_bytes:output_cut", "{\"n\":200000}", CORDON_OUTCOME_INVALID_RETURN,
     200000 * (2 + 2 + NODE)},
    /* Log lines, and what is printed. */
    {"logs:lines", "{\"n\":200}", CORDON_OUTCOME_SUCCESS, 200 * 8},
    {"logs:long", "{\"n\":30000}", CORDON_OUTCOME_SUCCESS, 3 * 30000},
    {"wasi:write", "{}", CORDON_OUTCOME_SUCCESS, 100},
    /* What a transaction has written and read; of reads, what the store holds to go on. */
    {"documents:insert", "{\"n\":2000}", CORDON_OUTCOME_SUCCESS, 2000 * 500},
    {"documents:insert_large", "{\"n\":1000000}", CORDON_OUTCOME_SUCCESS, 3 * 1000000},
    {"documents:read", "{\"n\":2001}", CORDON_OUTCOME_SUCCESS, 2 * 1000000},
    {"documents:scans", "{\"n\":500}", CORDON_OUTCOME_SUCCESS, 500 * 16384},
    /* A call and an answer of every day. */
    {"basic:echo", "{\"a\":[1,2,3]}", CORDON_OUTCOME_SUCCESS, 13},
};

static void open_roads(struct harness *harness)
{
    const struct harness_options options = {
        .guests = {"host_bytes", "logs", "wasi", "basic", "documents"}};
    harness_open(harness, &options);
}

/* What is held shows; with just that it passes; with a byte less the limit ends it, and says so. */
static void a_run_may_hold_what_is_allowed_and_no_byte_more(void **state)
{
    (void)state;
    struct harness harness;
    open_roads(&harness);
    for (size_t i = 0; i < sizeof roads / sizeof roads[0]; i++) {
        const struct road *road = &roads[i];
        const uint64_t all = cordon_limit_get_info(CORDON_LIMIT_HOST_BYTES)->defaults[0];
        struct called called;
        (void)call_with_host_bytes(&called, &harness, road->path, road->args, all);
        called_end(&called); /* it made what all others find: the table, the documents */
        const struct outcome *outcome =
            call_with_host_bytes(&called, &harness, road->path, road->args, all);
        assert_code(outcome, road->code, road->path);
        const uint64_t used = outcome->used[CORDON_LIMIT_HOST_BYTES];
        called_end(&called);
        if (used < road->least || used > 3 * road->least + 20000) {
            fail_msg("%s holds %llu bytes", road->path, (unsigned long long)used);
        }
        outcome = call_with_host_bytes(&called, &harness, road->path, road->args, used);
        assert_code(outcome, road->code, road->path);
        assert_int_equal(outcome->used[CORDON_LIMIT_HOST_BYTES], used);
        called_end(&called);

        outcome = call_with_host_bytes(&called, &harness, road->path, road->args, used - 1);
        assert_code(outcome, CORDON_OUTCOME_LIMIT, road->path);
        assert_int_equal(outcome->limit, CORDON_LIMIT_HOST_BYTES);
        assert_int_equal(outcome->limit_used, used);
        assert_int_equal(outcome->limit_allowed, used - 1);
        assert_true(outcome->used[CORDON_LIMIT_HOST_BYTES] < used);
        called_end(&called);
    }
    harness_close(&harness);
}

/* What one call needs is free for the next: many hold no more than one. */
static void what_a_call_needs_is_given_back(void **state)
{
    (void)state;
    struct harness harness;
    open_roads(&harness);
    uint64_t used[2];
    static const char *const args[2] = {"{\"n\":1}", "{\"n\":300}"};
    for (size_t i = 0; i < 2; i++) {
        struct called called;
        const struct outcome *outcome = call(&called, &harness, "host_bytes:insert_again", args[i]);
        assert_code(outcome, CORDON_OUTCOME_SUCCESS, args[i]);
        used[i] = outcome->used[CORDON_LIMIT_HOST_BYTES];
        called_end(&called);
    }
    assert_true(used[0] > 8192 * NODE);
    assert_in_range(used[1], used[0], used[0] + 1024); /* the refusal is held, from the first on */
    harness_close(&harness);
}

/* A malformed text is the guest's fault, but only if there was room to read it. */
static void want_of_memory_is_not_the_guests_fault(void **state)
{
    (void)state;
    struct harness harness;
    open_roads(&harness);
    struct called called;
    const struct outcome *outcome =
        call(&called, &harness, "host_bytes:insert_cut", "{\"n\":100000}");
    assert_code(outcome, CORDON_OUTCOME_INVALID_HOST_CALL, "cut");
    called_end(&called);
    outcome =
        call_with_host_bytes(&called, &harness, "host_bytes:insert_cut", "{\"n\":100000}", 1000000);
    assert_code(outcome, CORDON_OUTCOME_LIMIT, "cut, and no room to read it");
    assert_int_equal(outcome->limit, CORDON_LIMIT_HOST_BYTES);
    called_end(&called);
    harness_close(&harness);
}

/* -- The process ----------------------------------------------------------------------------- */

static void what_the_process_lacks_is_overload(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *most; /* what fits in 64 MiB, guest and all */
        const char *more;
        cordon_outcome_code code;
        const char *words; /* about what was done, as the run had begun */
    } cases[] = {
        {"host_bytes:insert_array", "{\"n\":2500000}", "{\"n\":3500000}", CORDON_OUTCOME_SUCCESS,
         "Nothing was committed; a retry is safe."},
        {"host_bytes:insert", "{\"n\":1000000}", "{\"n\":2000000}", CORDON_OUTCOME_SUCCESS,
         "Nothing was committed; a retry is safe."},
        {"host_bytes:fail", "{\"n\":1000000}", "{\"n\":2000000}", CORDON_OUTCOME_FAILED,
         "A retry is safe."},
        {"host_bytes:output", "{\"n\":1000000}", "{\"n\":2000000}", CORDON_OUTCOME_SUCCESS,
         "A retry is safe."},
        {"host_bytes:output_action", "{\"n\":1000000}", "{\"n\":2000000}", CORDON_OUTCOME_SUCCESS,
         "What the action did before that stays done; a retry may do it again."},
    };
    struct harness harness;
    const struct harness_options options = {
        .guests = {"host_bytes"}, .memory_bytes = (uint64_t)64 << 20};
    harness_open(&harness, &options);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct called called;
        assert_code(
            call(&called, &harness, cases[i].path, cases[i].most), cases[i].code, cases[i].path);
        called_end(&called);
        const struct outcome *outcome = call(&called, &harness, cases[i].path, cases[i].more);
        assert_code(outcome, CORDON_OUTCOME_OVERLOADED, cases[i].path);
        const struct slice words = slice_str(cases[i].words);
        assert_true(outcome->message.size > words.size);
        assert_memory_equal(
            outcome->message.data + outcome->message.size - words.size, words.data, words.size);
        assert_memory_equal(outcome->message.data, "The server has no memory for this call", 38);
        called_end(&called);
        assert_int_equal(runner_get_counts(harness.runner).memory_used, 0);
    }
    harness_close(&harness);
}

/* Runs that wait in the middle of a call hold its arguments: the process counts them meanwhile. */
static void runs_that_wait_hold_what_they_read(void **state)
{
    (void)state;
    enum { NUMBERS = 200000, RUNS = 16 };
    struct harness harness;
    const struct harness_options options = {
        .guests = {"host_bytes"}, .delay_ms = 300, .memory_bytes = (uint64_t)24 << 20};
    harness_open(&harness, &options);
    char args[64];
    (void)snprintf(args, sizeof args, "{\"n\":%d}", NUMBERS);
    struct called called[RUNS];
    size_t waiting = 0;
    for (; waiting < RUNS; waiting++) {
        const struct run_request request = request_of("host_bytes:insert", args);
        called_begin(&called[waiting], &harness, &request);
        while (called_poll(&called[waiting]) == RUN_READY) {
        }
        const uint64_t held = runner_get_counts(harness.runner).memory_used;
        if (held < (waiting + 1) * NUMBERS * (2 + NODE)) {
            break; /* it waits no longer for its call, but to end */
        }
    }
    assert_in_range(waiting, 2, 6);
    assert_code(called_finish(&called[waiting]), CORDON_OUTCOME_OVERLOADED, "one too many");
    called_end(&called[waiting]);
    for (size_t i = 0; i < waiting; i++) {
        assert_code(called_finish(&called[i]), CORDON_OUTCOME_SUCCESS, "one that waited");
        called_end(&called[i]);
    }
    assert_int_equal(runner_get_counts(harness.runner).memory_used, 0);
    harness_close(&harness);
}

/* -- The machine ----------------------------------------------------------------------------- */

/*
 * Each allocation of a run failed in turn: never the guest's fault, nor a limit's, and all is given
 * back. What the end of a run cannot copy into its outcome is missing there; the run itself is not
 * wrong for it.
 */
static void what_the_machine_lacks_is_told_as_that(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "host_bytes:insert_array", "host_bytes:log", "host_bytes:output", "host_bytes:insert"};
    struct harness harness;
    open_roads(&harness);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        bool failed = false;
        for (uint64_t nth = 1;; nth++) {
            struct called called;
            const struct run_request request = repeatable(paths[i], "{\"n\":9000}");
            called_begin(&called, &harness, &request);
            (void)mem_fail_nth(nth);
            const struct outcome *outcome = called_finish(&called);
            const uint64_t made = mem_fail_nth(0);
            if (outcome->code != CORDON_OUTCOME_SUCCESS) {
                assert_code(outcome, CORDON_OUTCOME_INTERNAL, paths[i]);
                failed = true;
            }
            called_end(&called);
            assert_int_equal(runner_get_counts(harness.runner).memory_used, 0);
            if (made < nth) {
                break;
            }
        }
        assert_true(failed);
    }
    harness_close(&harness);
}

/* -- Caps ------------------------------------------------------------------------------------ */

/* The largest document in its longest encoding is taken; what is longer can be none. */
static void a_call_takes_every_document_and_no_longer_text(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *args;
        cordon_outcome_code code;
        const char *value; /* how the value begins */
    } cases[] = {
        /* 14 bytes of text for each 2 of a document of at most 1,048,576. */
        {"host_bytes:insert_empties", "{\"n\":524150}", CORDON_OUTCOME_SUCCESS, "null"},
        {"host_bytes:insert_empties", "{\"n\":524288}", CORDON_OUTCOME_SUCCESS,
         "{\"code\":\"ValueTooLargeError\""},
        {"host_bytes:insert_size", "{\"n\":8388608}", CORDON_OUTCOME_SUCCESS, "null"},
        {"host_bytes:insert_size", "{\"n\":8388609}", CORDON_OUTCOME_INVALID_HOST_CALL, ""},
    };
    struct harness harness;
    open_roads(&harness);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct called called;
        const struct outcome *outcome = call(&called, &harness, cases[i].path, cases[i].args);
        assert_code(outcome, cases[i].code, cases[i].args);
        assert_true(slice_starts_with(outcome->value, slice_str(cases[i].value)));
        called_end(&called);
    }
    harness_close(&harness);
}

#define SIZE_OF(literal) (sizeof(literal) - 1)

/* A result is as long as the host tells it, not as short as the guest could write it. */
static void a_result_that_grows_is_held_against_its_limit(void **state)
{
    (void)state;
    enum { NUMBERS = 1000 };
    /* Each with a comma behind it, but for the last. */
    static const uint64_t size =
        SIZE_OF("[[]]") + NUMBERS * SIZE_OF("{\"$float\":\"AAAAAAAAAIA=\"},") - 1;
    struct harness harness;
    open_roads(&harness);
    for (uint64_t missing = 0; missing <= 1; missing++) {
        struct limit_changes lower = {0};
        change(&lower, CORDON_LIMIT_RESULT_BYTES, size - missing);
        struct run_request request = repeatable("host_bytes:output_minus", "{\"n\":1000}");
        request.lower = &lower;
        struct called called;
        called_begin(&called, &harness, &request);
        const struct outcome *outcome = called_finish(&called);
        if (missing == 0) {
            assert_code(outcome, CORDON_OUTCOME_SUCCESS, "just as long");
            assert_int_equal(outcome->value.size, size);
        } else {
            assert_code(outcome, CORDON_OUTCOME_LIMIT, "too long");
            assert_int_equal(outcome->limit, CORDON_LIMIT_RESULT_BYTES);
            assert_int_equal(outcome->limit_used, size);
            assert_int_equal(outcome->value.size, 0);
        }
        called_end(&called);
    }
    harness_close(&harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_may_hold_what_is_allowed_and_no_byte_more),
        cmocka_unit_test(what_a_call_needs_is_given_back),
        cmocka_unit_test(want_of_memory_is_not_the_guests_fault),
        cmocka_unit_test(what_the_process_lacks_is_overload),
        cmocka_unit_test(runs_that_wait_hold_what_they_read),
        cmocka_unit_test(what_the_machine_lacks_is_told_as_that),
        cmocka_unit_test(a_call_takes_every_document_and_no_longer_text),
        cmocka_unit_test(a_result_that_grows_is_held_against_its_limit),
    };
    return cmocka_run_group_tests_name("run/host_bytes", tests, NULL, NULL);
}
