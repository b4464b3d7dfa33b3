/* The life of runs: counts, conflicts, repeats, swaps. */
#include "run/relay.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/random.h"
#include "run/result.h"
#include "run/state.h"
#include "store/local.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void open_guests(struct harness *harness, const char *first, const char *second)
{
    const struct harness_options options = {.guests = {first, second}};
    harness_open(harness, &options);
}

static void a_function_answers(void **state)
{
    (void)state;
    struct harness harness;
    struct called called;
    open_guests(&harness, "basic", NULL);
    const struct outcome *outcome =
        call(&called, &harness, "basic:echo", "{\"b\":{\"$integer\":\"KgAAAAAAAAA=\"},\"a\":-0}");
    assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
    assert_true(slice_equal(
        outcome->value,
        SLICE("{\"a\":{\"$float\":\"AAAAAAAAAIA=\"},\"b\":{\"$integer\":\"KgAAAAAAAAA=\"}}")));
    assert_true(outcome->used[CORDON_LIMIT_FUEL] > 0);
    called_end(&called);
    harness_close(&harness);
}

/* Fuel, value and log are the same on every repeat, after failures too. */
static void the_same_run_costs_the_same(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "basic:echo", "basic:fail", "basic:unreachable", "basic:divide", "basic:outside",
    };
    struct harness harness;
    open_guests(&harness, "basic", NULL);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        uint64_t fuel = 0;
        for (int turn = 0; turn < 5; turn++) {
            struct called called;
            const struct outcome *outcome = call(&called, &harness, paths[i], "{\"x\":1}");
            if (turn > 0) {
                assert_int_equal(outcome->used[CORDON_LIMIT_FUEL], fuel);
            }
            fuel = outcome->used[CORDON_LIMIT_FUEL];
            called_end(&called);
        }
    }
    harness_close(&harness);
}

/* What the host holds for a run counts for it, and so must be the same each time. */
static void the_same_run_holds_the_same(void **state)
{
    (void)state;
    static const uint8_t seed[RANDOM_SEED_BYTES] = {1};
    struct harness harness;
    open_guests(&harness, "documents", NULL);
    uint64_t held = 0;
    for (int turn = 0; turn < 20; turn++) {
        struct run_request request = request_of("documents:insert_then_fail", "{\"n\":50}");
        request.seed = seed;
        request.has_time = true;
        struct called called;
        called_begin(&called, &harness, &request);
        const struct outcome *outcome = called_finish(&called);
        assert_int_equal(outcome->code, CORDON_OUTCOME_FAILED);
        if (turn > 0) {
            assert_int_equal(outcome->used[CORDON_LIMIT_HOST_BYTES], held);
        }
        held = outcome->used[CORDON_LIMIT_HOST_BYTES];
        called_end(&called);
    }
    harness_close(&harness);
}

/* One permit and two runs without end: a third gets its turn, and all end as they should. */
static void who_computes_without_end_passes_its_turn_on(void **state)
{
    (void)state;
    struct harness harness;
    const struct harness_options options = {
        .guests = {"spin", "basic"}, .permits = 1, .short_run_ns = 1};
    harness_open(&harness, &options);
    struct called busy[2];
    const struct run_request request = request_of("spin:query", "{}");
    for (size_t i = 0; i < 2; i++) {
        called_begin(&busy[i], &harness, &request);
        (void)called_poll(&busy[i]);
    }
    struct called other;
    const struct run_request short_one = request_of("basic:echo", "{}");
    called_begin(&other, &harness, &short_one);
    assert_int_equal(called_poll(&other), RUN_WAITING);
    unsigned polls = 0;
    while (called_poll(&other) != RUN_DONE) {
        assert_true(++polls < 100); /* it is third in the queue */
        (void)called_poll(&busy[0]);
        (void)called_poll(&busy[1]);
    }
    assert_int_equal(run_outcome(other.run)->code, CORDON_OUTCOME_SUCCESS);
    called_end(&other);
    for (size_t i = 0; i < 2; i++) {
        assert_int_not_equal(called_poll(&busy[i]), RUN_DONE);
        run_cancel(busy[i].run);
        assert_int_equal(called_finish(&busy[i])->code, CORDON_OUTCOME_CANCELLED);
        called_end(&busy[i]);
    }
    harness_close(&harness);
}

static void ids_and_randomness_follow_the_seed(void **state)
{
    (void)state;
    struct harness harness;
    open_guests(&harness, "documents", "clock");
    static const char *const paths[] = {"documents:insert", "clock:random"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char texts[3][200];
        for (uint8_t turn = 0; turn < 3; turn++) {
            uint8_t seed[RANDOM_SEED_BYTES] = {(uint8_t)(turn / 2)};
            struct run_request request = request_of(paths[i], "{\"n\":1}");
            request.seed = seed;
            request.has_time = true;
            request.time_ns = 1000000;
            struct called called;
            called_begin(&called, &harness, &request);
            const struct outcome *outcome = called_finish(&called);
            assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
            (void)snprintf(texts[turn], sizeof texts[turn], "%.*s", SLICE_FMT(outcome->value));
            called_end(&called);
        }
        assert_string_equal(texts[0], texts[1]);
        assert_string_not_equal(texts[0], texts[2]);
    }
    harness_close(&harness);
}

/* Who chooses keys by a seed that is known has nodes of one height, and walks them one by one. */
static void the_heights_of_a_transaction_follow_the_seed(void **state)
{
    (void)state;
    struct harness harness;
    open_guests(&harness, "spin", "documents");
    uint64_t seeds[3] = {0};
    for (uint8_t turn = 0; turn < 3; turn++) {
        uint8_t seed[RANDOM_SEED_BYTES] = {(uint8_t)(turn / 2)};
        struct run_request request = request_of("spin:query", "{}");
        request.seed = seed;
        struct called called;
        called_begin(&called, &harness, &request);
        while (called.run->txn == NULL) {
            assert_int_not_equal(run_poll(called.run, 0), RUN_DONE);
        }
        seeds[turn] = ((const struct local_txn *)called.run->txn)->reads.seed;
        run_cancel(called.run);
        assert_int_equal(called_finish(&called)->code, CORDON_OUTCOME_CANCELLED);
        called_end(&called);
    }
    assert_true(seeds[0] != 0 && seeds[0] == seeds[1] && seeds[0] != seeds[2]);
    harness_close(&harness);
}

static void a_run_that_is_freed_anywhere_leaves_nothing(void **state)
{
    (void)state;
    struct harness harness;
    open_guests(&harness, "spin", "documents");
    for (int polls = 0; polls < 6; polls++) {
        struct called called;
        const struct run_request request = request_of("documents:insert", "{\"n\":10000}");
        called_begin(&called, &harness, &request);
        for (int i = 0; i < polls; i++) {
            (void)run_poll(called.run, 0); /* one slice */
        }
        called_end(&called);
    }
    harness_close(&harness);
}

static void every_slot_in_use_is_overload(void **state)
{
    (void)state;
    enum { SLOTS = 3 };
    struct harness harness;
    struct harness_options options = {.guests = {"documents"}, .slots = SLOTS};
    harness_open(&harness, &options);
    struct called called[SLOTS + 1];
    const struct run_request request = request_of("documents:insert", "{\"n\":1}");
    for (int i = 0; i <= SLOTS; i++) {
        called_begin(&called[i], &harness, &request);
    }
    const struct outcome *refused = called_finish(&called[SLOTS]);
    assert_int_equal(refused->code, CORDON_OUTCOME_OVERLOADED);
    for (int i = 0; i < SLOTS; i++) {
        assert_int_equal(called_finish(&called[i])->code, CORDON_OUTCOME_SUCCESS);
    }
    for (int i = 0; i <= SLOTS; i++) {
        called_end(&called[i]);
    }
    harness_close(&harness);
}

static void a_spent_process_budget_is_overload(void **state)
{
    (void)state;
    struct harness harness;
    struct harness_options options = {.guests = {"documents"}, .memory_bytes = 100000};
    harness_open(&harness, &options);
    struct called first;
    struct called second;
    /* One page of memory fits once, not twice. */
    const struct run_request request = request_of("documents:insert", "{\"n\":100000}");
    called_begin(&first, &harness, &request);
    called_begin(&second, &harness, &request);
    assert_int_equal(run_poll(first.run, 0), RUN_READY);
    const struct outcome *refused = called_finish(&second);
    static const char words[] =
        "The server has no memory for this call now. Nothing was committed; a retry is safe.";
    assert_int_equal(refused->code, CORDON_OUTCOME_OVERLOADED);
    assert_int_equal(refused->message.size, sizeof words - 1);
    assert_memory_equal(refused->message.data, words, sizeof words - 1);
    called_end(&second);
    called_end(&first);
    harness_close(&harness);
}

/* Of calls that wait with 40 kB of arguments each, 200,000 bytes have room for a few. */
static void large_arguments_count_for_the_process(void **state)
{
    (void)state;
    enum { TEXT_BYTES = 40000 };
    struct harness harness;
    struct harness_options options = {.guests = {"basic"}, .memory_bytes = 200000};
    harness_open(&harness, &options);
    char *args = malloc(TEXT_BYTES + 100);
    assert_non_null(args);
    (void)snprintf(args, TEXT_BYTES + 100, "{\"text\":\"%0*d\"}", TEXT_BYTES, 0);
    const struct run_request request = request_of("basic:echo", args);
    struct called called[8];
    size_t alive = 0;
    while (alive < 8) {
        called_begin(&called[alive], &harness, &request);
        if (run_outcome(called[alive].run) != NULL) {
            break;
        }
        alive++;
    }
    assert_in_range(alive, 1, 4);
    assert_int_equal(run_outcome(called[alive].run)->code, CORDON_OUTCOME_OVERLOADED);
    assert_true(runner_get_counts(harness.runner).memory_used >= alive * TEXT_BYTES);
    for (size_t i = 0; i <= alive; i++) {
        called_end(&called[i]);
    }
    assert_int_equal(runner_get_counts(harness.runner).memory_used, 0);
    free(args);
    harness_close(&harness);
}

/* 100,000 numbers are 200 kB of text and 1.6 MB while it is read, which must be there first. */
static void reading_arguments_counts_for_the_process(void **state)
{
    (void)state;
    enum { NUMBERS = 100000 };
    static const struct {
        uint64_t memory_bytes;
        cordon_outcome_code code;
    } cases[] = {
        {1000000, CORDON_OUTCOME_OVERLOADED},
        {4000000, CORDON_OUTCOME_INVALID_ARGUMENTS}, /* as its end is missing */
    };
    char *args = malloc(2 * NUMBERS + 1);
    assert_non_null(args);
    for (size_t i = 0; i < NUMBERS; i++) {
        memcpy(args + 2 * i, i == 0 ? "[0" : ",0", 3);
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct harness harness;
        const struct harness_options options = {
            .guests = {"basic"}, .memory_bytes = cases[i].memory_bytes};
        harness_open(&harness, &options);
        struct called called;
        const struct outcome *outcome = call(&called, &harness, "basic:nothing", args);
        assert_int_equal(outcome->code, cases[i].code);
        assert_true(outcome->message.size > 0);
        called_end(&called);
        harness_close(&harness);
    }
    free(args);
}

/* What a module says about its own limits lowers them, and never raises them. */
static void a_function_lowers_limits_for_itself(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *args;
        cordon_outcome_code code;
        uint64_t allowed;
    } cases[] = {
        {"spin:rounds_lowered", "{\"n\":10000}", CORDON_OUTCOME_SUCCESS, 0},
        {"spin:rounds_lowered", "{\"n\":100000}", CORDON_OUTCOME_LIMIT, 100000},
        {"spin:rounds", "{\"n\":100000}", CORDON_OUTCOME_SUCCESS, 0},
        {"spin:rounds_raised", "{\"n\":100000000}", CORDON_OUTCOME_LIMIT, 1000000},
    };
    struct harness harness;
    struct harness_options options = {.guests = {"spin"}};
    change(&options.limits, CORDON_LIMIT_FUEL, 1000000);
    harness_open(&harness, &options);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct called called;
        const struct outcome *outcome = call(&called, &harness, cases[i].path, cases[i].args);
        assert_int_equal(outcome->code, cases[i].code);
        if (cases[i].code == CORDON_OUTCOME_LIMIT) {
            assert_int_equal(outcome->limit, CORDON_LIMIT_FUEL);
            assert_int_equal(outcome->limit_allowed, cases[i].allowed);
        }
        called_end(&called);
    }
    harness_close(&harness);
}

/* Ten choices for each of so many items: within the steps that a check may take, and past them. */
static void arguments_too_costly_to_check_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t items;
        cordon_outcome_code code;
    } cases[] = {{1000, CORDON_OUTCOME_SUCCESS}, {400000, CORDON_OUTCOME_INVALID_ARGUMENTS}};
    struct harness harness;
    open_guests(&harness, "basic", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer args;
        buffer_init(&args, (size_t)4 << 20);
        assert_good(buffer_append(&args, SLICE("{\"list\":[1")));
        for (size_t item = 1; item < cases[i].items; item++) {
            assert_good(buffer_append(&args, SLICE(",1")));
        }
        assert_good(buffer_append(&args, SLICE("]}")));
        struct run_request request = request_of("basic:unions", "{}");
        request.args = buffer_slice(&args);
        struct called called;
        called_begin(&called, &harness, &request);
        const struct outcome *outcome = called_finish(&called);
        assert_int_equal(outcome->code, cases[i].code);
        called_end(&called);
        buffer_done(&args);
    }
    harness_close(&harness);
}

/* Two mutations that read what the other writes: one is run again and sees the other's write. */
static void a_conflict_runs_again(void **state)
{
    (void)state;
    struct harness harness;
    open_guests(&harness, "counter", NULL);
    struct called called;
    (void)call(&called, &harness, "counter:add", "{}");
    called_end(&called);

    struct called slow;
    struct called quick;
    const struct run_request request = request_of("counter:add_slowly", "{}");
    called_begin(&slow, &harness, &request);
    assert_int_equal(run_poll(slow.run, 0), RUN_READY); /* has its snapshot */
    const struct outcome *outcome = call(&quick, &harness, "counter:add", "{}");
    assert_true(slice_equal(outcome->value, SLICE("2")));
    called_end(&quick);
    outcome = called_finish(&slow);
    assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
    assert_true(slice_equal(outcome->value, SLICE("3")));
    assert_int_equal(outcome->retries, 1);
    called_end(&slow);
    harness_close(&harness);
}

/*
 * What `again:draw` draws with a seed, at a time; with `overtaken`, in its second attempt. Its
 * tables have the same numbers either way.
 */
static void draw(const struct run_request *request, bool overtaken, char out[400])
{
    struct harness harness;
    struct called called;
    open_guests(&harness, "again", "counter");
    if (!overtaken) {
        (void)call(&called, &harness, "counter:add", "{}");
        called_end(&called);
    }
    struct called draws;
    called_begin(&draws, &harness, request);
    assert_int_equal(run_poll(draws.run, 0), RUN_READY); /* has its snapshot */
    if (overtaken) {
        (void)call(&called, &harness, "counter:add", "{}");
        called_end(&called);
    }
    const struct outcome *outcome = called_finish(&draws);
    assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
    assert_int_equal(outcome->retries, overtaken);
    (void)snprintf(out, 400, "%.*s", SLICE_FMT(outcome->value));
    called_end(&draws);
    harness_close(&harness);
}

/* The same random bytes, the same time and the same ids, as if there had been no attempt before. */
static void a_run_that_begins_again_draws_the_same(void **state)
{
    (void)state;
    uint8_t seed[RANDOM_SEED_BYTES];
    memset(seed, 7, sizeof seed);
    struct run_request request = request_of("again:draw", "{}");
    request.seed = seed;
    request.has_time = true;
    request.time_ns = (uint64_t)1700000000123 * 1000000;
    char straight[400];
    char again[400];
    draw(&request, false, straight);
    draw(&request, true, again);
    assert_non_null(strstr(straight, "7b225f696422")); /* `{"_id"`: it has inserted */
    assert_string_equal(straight, again);

    memset(seed, 8, sizeof seed);
    draw(&request, true, again);
    assert_string_not_equal(straight, again);
}

/* The same for a seed and a time that nobody has given: no attempt takes others. */
static void a_run_keeps_its_seed_and_time(void **state)
{
    (void)state;
    struct harness harness;
    struct called draws;
    struct called quick;
    open_guests(&harness, "again", "counter");
    const struct run_request request = request_of("again:draw", "{}");
    called_begin(&draws, &harness, &request);
    assert_int_equal(run_poll(draws.run, 0), RUN_READY);
    uint8_t seed[RANDOM_SEED_BYTES];
    memcpy(seed, draws.run->seed, sizeof seed);
    const uint64_t time_ns = draws.run->time_ns;
    (void)call(&quick, &harness, "counter:add", "{}");
    called_end(&quick);
    assert_int_equal(called_finish(&draws)->retries, 1);
    assert_memory_equal(draws.run->seed, seed, sizeof seed);
    assert_true(draws.run->time_ns == time_ns);
    called_end(&draws);
    harness_close(&harness);
}

/* A run that lasts longer than what it saw is kept begins again, and ends well. */
static void a_lost_snapshot_is_a_conflict(void **state)
{
    (void)state;
    enum { WINDOW_MS = 20 };
    struct harness harness;
    const struct harness_options options = {.guests = {"counter", "relay"}, .window_ms = WINDOW_MS};
    static char out[RELAY_ANSWER_BYTES];
    char patch[200];
    harness_open(&harness, &options);
    (void)relay_ask(&harness, "relay:insert", "{\"table\":\"t\",\"value\":{}}", out);
    (void)snprintf(
        patch, sizeof patch, "{\"id\":\"%.32s\",\"value\":{\"a\":1}}", strstr(out, ":\"") + 2);
    struct called called;
    (void)call(&called, &harness, "counter:add", "{}");
    called_end(&called);
    struct called slow[2];
    struct run_request requests[] = {
        request_of("counter:add_slowly", "{}"), request_of("counter:get_slowly", "{}")};
    for (size_t i = 0; i < 2; i++) {
        called_begin(&slow[i], &harness, &requests[i]);
        assert_int_equal(run_poll(slow[i].run, 0), RUN_READY); /* has its snapshot */
    }
    const uint64_t until = clock_monotonic_ns() + (uint64_t)WINDOW_MS * 10 * 1000000;
    while (clock_monotonic_ns() < until) { /* what is written over, is in time removed */
        assert_non_null(strstr(relay_ask(&harness, "relay:patch", patch, out), "\"a\":1"));
    }
    static const char *const values[] = {"2", "2"};
    for (size_t i = 0; i < 2; i++) {
        const struct outcome *outcome = called_finish(&slow[i]);
        if (outcome->code != CORDON_OUTCOME_SUCCESS) {
            fail_msg("%s: %.*s", outcome_code_name(outcome), SLICE_FMT(outcome->message));
        }
        if (!slice_equal(outcome->value, slice_str(values[i])) || outcome->retries == 0) {
            fail_msg("%zu: %.*s, %u retries", i, SLICE_FMT(outcome->value), outcome->retries);
        }
        called_end(&slow[i]);
    }
    harness_close(&harness);
}

static void wake_nobody(void *arg)
{
    (void)arg;
}

/* The words of one that loses for good are Convex's, with the document that was changed. */
static void who_lost_is_told_why(void **state)
{
    (void)state;
    struct harness harness;
    open_guests(&harness, "counter", NULL);
    struct called called;
    (void)call(&called, &harness, "counter:add", "{}");
    called_end(&called);
    struct store_txn *txn = NULL;
    enum store_step step = STORE_DONE;
    bool found = false;
    uint32_t table = 0;
    assert_good(store_begin(harness.store, 1, (struct store_wake){wake_nobody, NULL}, &txn));
    assert_good(store_table_find(txn, SLICE("counts"), &step, &found, &table));
    assert_true(found);
    const struct {
        struct store_commit_result result;
        const char *words;
    } cases[] = {
        {{.conflict = true, .conflict_table = table, .conflict_has_id = true},
         "Documents read from or written to the \"counts\" table changed while this mutation was "
         "being run and on every subsequent retry. Another call changed the document with ID "
         "\"j57000000000000000"},
        {{.conflict = true},
         "Documents read from or written to the \"a table\" table changed while this mutation was "
         "being run and on every subsequent retry. A retry is safe."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct outcome outcome;
        outcome_init(&outcome);
        assert_good(result_set_conflict(&outcome, txn, &cases[i].result));
        assert_int_equal(outcome.code, CORDON_OUTCOME_CONFLICT);
        if (outcome.message.size < strlen(cases[i].words) ||
            memcmp(outcome.message.data, cases[i].words, strlen(cases[i].words)) != 0) {
            fail_msg("%.*s", SLICE_FMT(outcome.message));
        }
        outcome_done(&outcome);
    }
    store_end(&txn);
    harness_close(&harness);
}

static void check_idempotent_calls(const struct harness_options *options)
{
    struct harness harness;
    harness_open(&harness, options);
    struct run_request request = request_of("counter:add", "{}");
    request.idempotency_key = SLICE("order 66");
    struct called called;
    for (int turn = 0; turn < 3; turn++) {
        called_begin(&called, &harness, &request);
        const struct outcome *outcome = called_finish(&called);
        assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
        assert_true(slice_equal(outcome->value, SLICE("1")));
        called_end(&called);
    }
    struct run_request others[] = {request, request, request};
    others[0].args = SLICE("{\"other\":true}");
    others[1].path = SLICE("counter:add_then_fail");
    others[2].caller = CALLER_ADMIN; /* who calls is somebody else */
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        called_begin(&called, &harness, &others[i]);
        assert_int_equal(called_finish(&called)->code, CORDON_OUTCOME_INVALID_ARGUMENTS);
        called_end(&called);
    }
    request.idempotency_key = SLICE("order 67");
    called_begin(&called, &harness, &request);
    assert_true(slice_equal(called_finish(&called)->value, SLICE("2")));
    called_end(&called);
    harness_close(&harness);
}

/* However the commit is answered: at once, by a thread of the store, after a wait. */
static void an_idempotent_call_is_done_once(void **state)
{
    (void)state;
    const struct harness_options options[] = {
        {.guests = {"counter"}},
        {.guests = {"counter"}, .flusher = true},
        {.guests = {"counter"}, .delay_ms = 5},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        check_idempotent_calls(&options[i]);
    }
}

static void a_failed_mutation_writes_nothing_but_its_record(void **state)
{
    (void)state;
    struct harness harness;
    open_guests(&harness, "counter", NULL);
    struct called called;
    (void)call(&called, &harness, "counter:add", "{}");
    called_end(&called);
    const struct outcome *outcome = call(&called, &harness, "counter:add_then_fail", "{}");
    assert_int_equal(outcome->code, CORDON_OUTCOME_FAILED);
    called_end(&called);
    outcome = call(&called, &harness, "counter:add", "{}");
    assert_true(slice_equal(outcome->value, SLICE("2")));
    called_end(&called);

    static const char *const outcomes[] = {"deploy", "Success", "Failed", "Success"};
    struct store_txn *txn = NULL;
    assert_good(store_begin(
        harness.store, TENANT_DEFAULT, (struct store_wake){(void (*)(void *))abort, NULL}, &txn));
    uint8_t previous[32] = {0};
    for (uint64_t sequence = 1; sequence <= 4; sequence++) {
        enum store_step step = STORE_DONE;
        bool found = false;
        struct audit_record record;
        assert_good(store_audit_read(txn, sequence, &step, &found, &record));
        assert_true(found);
        assert_int_equal(record.sequence, sequence);
        assert_memory_equal(record.previous, previous, sizeof previous);
        memcpy(previous, record.hash, sizeof previous);
        char body[4096];
        (void)snprintf(body, sizeof body, "%.*s", SLICE_FMT(record.body));
        assert_non_null(strstr(body, outcomes[sequence - 1]));
    }
    store_end(&txn);
    harness_close(&harness);
}

/* A run keeps the functions it began with; the next one has the new ones. */
static void a_deploy_does_not_touch_runs_under_way(void **state)
{
    (void)state;
    struct harness harness;
    open_guests(&harness, "documents", NULL);
    struct called called;
    const struct run_request request = request_of("documents:insert", "{\"n\":2000}");
    called_begin(&called, &harness, &request);
    assert_int_equal(run_poll(called.run, 0), RUN_READY);
    struct buffer report;
    buffer_init(&report, 4096);
    assert_good(runner_deploy(harness.runner, TENANT_DEFAULT, NULL, 0, DEPLOY_KEEP, NULL, &report));
    buffer_done(&report);
    assert_int_equal(called_finish(&called)->code, CORDON_OUTCOME_SUCCESS);
    called_end(&called);
    const struct outcome *outcome = call(&called, &harness, "documents:insert", "{\"n\":1}");
    assert_int_equal(outcome->code, CORDON_OUTCOME_FUNCTION_NOT_FOUND);
    called_end(&called);
    harness_close(&harness);
}

static void a_refused_deploy_changes_nothing(void **state)
{
    (void)state;
    struct harness harness;
    open_guests(&harness, "basic", NULL);
    const struct deploy_module bad = {.name = SLICE("bad.wasm"), .wasm = SLICE("\0asm....")};
    struct buffer report;
    buffer_init(&report, 4096);
    cordon_error *error =
        runner_deploy(harness.runner, TENANT_DEFAULT, &bad, 1, DEPLOY_KEEP, NULL, &report);
    assert_non_null(error);
    assert_int_equal(cordon_error_get_code(error), CORDON_E_MODULE_REFUSED);
    assert_non_null(strstr(cordon_error_get_message(error), "bad.wasm"));
    cordon_error_free(error);
    buffer_done(&report);
    struct called called;
    assert_int_equal(call(&called, &harness, "basic:nothing", "{}")->code, CORDON_OUTCOME_SUCCESS);
    called_end(&called);
    harness_close(&harness);
}

static void requests_are_checked_in_convexs_order(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *args;
        cordon_kind kind;
        bool admin;
        cordon_outcome_code code;
        const char *text;
    } cases[] = {
        {"basic:missing", "{}", CORDON_QUERY, false, CORDON_OUTCOME_FUNCTION_NOT_FOUND,
         "Could not find public function for 'basic:missing'."},
        {"basic:hidden", "{}", CORDON_MUTATION, false, CORDON_OUTCOME_FUNCTION_NOT_FOUND,
         "Could not find public function for 'basic:hidden'."},
        {"basic:hidden", "{}", CORDON_QUERY, true, CORDON_OUTCOME_SUCCESS, ""},
        {"basic:echo", "not json", CORDON_MUTATION, false, CORDON_OUTCOME_FUNCTION_NOT_FOUND,
         "Trying to execute basic.js:echo as Mutation, but it is defined as Query."},
        {"basic:echo", "not json", CORDON_QUERY, false, CORDON_OUTCOME_INVALID_ARGUMENTS,
         "Invalid arguments for basic:echo: "},
        {"basic.js:echo", "{}", CORDON_QUERY, false, CORDON_OUTCOME_SUCCESS, ""},
        {"basic:typed", "{}", CORDON_QUERY, false, CORDON_OUTCOME_INVALID_ARGUMENTS,
         "ArgumentValidationError: Object is missing the required field `name`."},
        {"basic:typed", "{\"name\":\"x\"}", CORDON_QUERY, false, CORDON_OUTCOME_SUCCESS, ""},
        {"basic:returns_object", "{}", CORDON_QUERY, false, CORDON_OUTCOME_INVALID_RETURN,
         "ReturnsValidationError: "},
        {"basic:twice", "{}", CORDON_QUERY, false, CORDON_OUTCOME_SUCCESS, ""},
    };
    struct harness harness;
    open_guests(&harness, "basic", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct run_request request = request_of(cases[i].path, cases[i].args);
        request.any_kind = false;
        request.kind = cases[i].kind;
        request.caller = cases[i].admin ? CALLER_ADMIN : CALLER_PUBLIC;
        struct called called;
        called_begin(&called, &harness, &request);
        const struct outcome *outcome = called_finish(&called);
        if (outcome->code != cases[i].code ||
            !slice_starts_with(outcome->message, slice_str(cases[i].text))) {
            fail_msg(
                "%s: %s: %.*s", cases[i].path, outcome_code_name(outcome),
                SLICE_FMT(outcome->message));
        }
        called_end(&called);
    }
    harness_close(&harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_function_answers),
        cmocka_unit_test(the_same_run_costs_the_same),
        cmocka_unit_test(the_same_run_holds_the_same),
        cmocka_unit_test(who_computes_without_end_passes_its_turn_on),
        cmocka_unit_test(ids_and_randomness_follow_the_seed),
        cmocka_unit_test(the_heights_of_a_transaction_follow_the_seed),
        cmocka_unit_test(a_run_that_is_freed_anywhere_leaves_nothing),
        cmocka_unit_test(every_slot_in_use_is_overload),
        cmocka_unit_test(a_spent_process_budget_is_overload),
        cmocka_unit_test(large_arguments_count_for_the_process),
        cmocka_unit_test(reading_arguments_counts_for_the_process),
        cmocka_unit_test(a_function_lowers_limits_for_itself),
        cmocka_unit_test(arguments_too_costly_to_check_are_refused),
        cmocka_unit_test(a_conflict_runs_again),
        cmocka_unit_test(a_run_that_begins_again_draws_the_same),
        cmocka_unit_test(a_run_keeps_its_seed_and_time),
        cmocka_unit_test(a_lost_snapshot_is_a_conflict),
        cmocka_unit_test(who_lost_is_told_why),
        cmocka_unit_test(an_idempotent_call_is_done_once),
        cmocka_unit_test(a_failed_mutation_writes_nothing_but_its_record),
        cmocka_unit_test(a_deploy_does_not_touch_runs_under_way),
        cmocka_unit_test(a_refused_deploy_changes_nothing),
        cmocka_unit_test(requests_are_checked_in_convexs_order),
    };
    return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
