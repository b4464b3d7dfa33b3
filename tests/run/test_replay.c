/*
 * Records and their replays: on another runner, over another and empty store, at another time, each
 * run must come out the same, however it ended. And one that is changed must be told apart.
 */
#include "run/relay.h"

#include "base/hash.h"
#include "base/memory.h"
#include "run/record/recording.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define GUESTS                                                                                     \
    {"basic",  "documents",  "counter", "clock", "spin",    "waits", "logs",                       \
     "memory", "host_bytes", "left",    "table", "effects", "relay"}

static void open_pair(struct harness *first, struct harness *second, unsigned delay_ms)
{
    const struct harness_options options = {.guests = GUESTS, .delay_ms = delay_ms};
    const struct harness_options prompt = {.guests = GUESTS};
    harness_open(first, &options);
    harness_open(second, &prompt);
}

/* The record of a run that is done; to be freed. */
static struct slice take_record(const struct harness *harness, const struct called *called)
{
    struct buffer bytes;
    buffer_init(&bytes, RECORDING_BYTES_MAX);
    assert_good(run_get_record(called->run, harness->modules, harness->module_count, &bytes));
    size_t size = 0;
    const uint8_t *data = buffer_take(&bytes, &size);
    return slice_of(data, size);
}

static void free_record(struct slice record)
{
    mem_free((void *)(uintptr_t)record.data);
}

/* Replays; `*out_differs` says whether it was another run, and then `words` say how. */
static cordon_error *replay(
    struct harness *harness, struct slice record, char words[600], bool *out_differs)
{
    struct recording recording;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 65536);
    assert_good(recording_read(record, &arena, &recording));
    assert_good(recording_check_engine(&recording, harness->runner));
    const struct run_request request = recording_request(&recording);
    struct called called;
    called_begin(&called, harness, &request);
    (void)called_finish(&called);
    cordon_error *error =
        run_replay_differs(called.run, WORDS_WITH_VALUES, words, 600, out_differs);
    called_end(&called);
    return error;
}

static bool replay_differs(struct harness *harness, struct slice record, char words[600])
{
    bool differs = false;
    assert_good(replay(harness, record, words, &differs));
    return differs;
}

static void assert_same(struct harness *harness, struct slice record, const char *path)
{
    char words[600];
    if (replay_differs(harness, record, words)) {
        fail_msg("%s: %s", path, words);
    }
}

static struct slice record_call(
    struct harness *harness,
    const char *path,
    const char *args,
    const struct limit_changes *lower,
    cordon_outcome_code code)
{
    struct run_request request = request_of(path, args);
    request.record = true;
    request.lower = lower;
    struct called called;
    called_begin(&called, harness, &request);
    const struct outcome *outcome = called_finish(&called);
    if (outcome->code != code) {
        fail_msg(
            "%s ended as %s: %.*s", path, outcome_code_name(outcome), SLICE_FMT(outcome->message));
    }
    const struct slice record = take_record(harness, &called);
    called_end(&called);
    return record;
}

static void every_kind_of_run_comes_out_the_same(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *args;
        cordon_outcome_code code;
    } calls[] = {
        {"basic:echo", "{\"a\":[1,2,{\"$integer\":\"KgAAAAAAAAA=\"}]}", CORDON_OUTCOME_SUCCESS},
        {"basic:echo_action", "{\"a\":1}", CORDON_OUTCOME_SUCCESS},
        {"basic:fail", "{}", CORDON_OUTCOME_FAILED},
        {"basic:fail_malformed", "{}", CORDON_OUTCOME_FAILED},
        {"basic:unreachable", "{}", CORDON_OUTCOME_TRAPPED},
        {"basic:divide", "{}", CORDON_OUTCOME_TRAPPED},
        {"basic:outside", "{}", CORDON_OUTCOME_TRAPPED},
        {"basic:typed", "{\"name\":1}", CORDON_OUTCOME_INVALID_ARGUMENTS},
        {"basic:returns_object", "{\"name\":1}", CORDON_OUTCOME_INVALID_RETURN},
        {"documents:insert", "{\"n\":3}", CORDON_OUTCOME_SUCCESS},
        {"documents:read", "{\"n\":3}", CORDON_OUTCOME_SUCCESS},
        {"documents:scans", "{\"n\":3}", CORDON_OUTCOME_SUCCESS},
        {"documents:insert_then_fail", "{\"n\":2}", CORDON_OUTCOME_FAILED},
        {"documents:insert_in_query", "{\"n\":1}", CORDON_OUTCOME_CAPABILITY_DENIED},
        {"counter:add", "{}", CORDON_OUTCOME_SUCCESS},
        {"counter:add", "{}", CORDON_OUTCOME_SUCCESS},
        {"counter:get", "{}", CORDON_OUTCOME_SUCCESS},
        {"counter:add_then_fail", "{}", CORDON_OUTCOME_FAILED},
        {"clock:now", "{}", CORDON_OUTCOME_SUCCESS},
        {"clock:now_twice", "{}", CORDON_OUTCOME_SUCCESS},
        {"clock:now_action", "{}", CORDON_OUTCOME_SUCCESS},
        {"clock:random", "{}", CORDON_OUTCOME_SUCCESS},
        {"clock:random_mutation", "{}", CORDON_OUTCOME_SUCCESS},
        {"clock:random_action", "{}", CORDON_OUTCOME_SUCCESS},
        {"spin:rounds", "{\"n\":300000}", CORDON_OUTCOME_SUCCESS},
        {"table:grow", "{\"n\":9}", CORDON_OUTCOME_SUCCESS},
        {"host_bytes:insert", "{\"n\":20000}", CORDON_OUTCOME_SUCCESS},
        {"host_bytes:insert_array", "{\"n\":20000}", CORDON_OUTCOME_SUCCESS},
        {"host_bytes:insert_again", "{\"n\":9}", CORDON_OUTCOME_SUCCESS},
        {"host_bytes:fail", "{\"n\":20000}", CORDON_OUTCOME_FAILED},
        {"host_bytes:output", "{\"n\":20000}", CORDON_OUTCOME_SUCCESS},
        {"host_bytes:output_typed", "{\"n\":20000}", CORDON_OUTCOME_SUCCESS},
        {"left:insert", "{}", CORDON_OUTCOME_SUCCESS},
        {"left:read", "{}", CORDON_OUTCOME_SUCCESS},
        {"left:looks", "{}", CORDON_OUTCOME_SUCCESS},
        {"left:fuel_action", "{}", CORDON_OUTCOME_SUCCESS},
        {"effects:sleep", "{\"ms\":20}", CORDON_OUTCOME_SUCCESS},
        {"effects:sleep", "{\"ms\":-20}", CORDON_OUTCOME_SUCCESS},
        {"effects:sleep_query", "{\"ms\":20}", CORDON_OUTCOME_CAPABILITY_DENIED},
        {"effects:sleeps", "{\"n\":3}", CORDON_OUTCOME_SUCCESS},
        {"effects:clocks", "{\"n\":3}", CORDON_OUTCOME_SUCCESS},
        {"effects:random", "{\"n\":65536}", CORDON_OUTCOME_SUCCESS},
        {"effects:random", "{\"n\":65537}", CORDON_OUTCOME_INVALID_HOST_CALL},
        {"effects:both", "{}", CORDON_OUTCOME_SUCCESS},
    };
    for (unsigned delay_ms = 0; delay_ms <= 1; delay_ms++) {
        struct harness first;
        struct harness second;
        open_pair(&first, &second, delay_ms);
        for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
            const struct slice record =
                record_call(&first, calls[i].path, calls[i].args, NULL, calls[i].code);
            assert_same(&second, record, calls[i].path);
            assert_same(&second, record, calls[i].path);
            free_record(record);
        }
        harness_close(&first);
        harness_close(&second);
    }
}

/* A limit on work ends the replay by itself; one on time where it ended the recorded run. */
static void a_run_that_met_a_limit_meets_it_again(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *args;
        cordon_limit limit;
        uint64_t value;
    } calls[] = {
        {"spin:query", "{}", CORDON_LIMIT_FUEL, 1000000},
        {"spin:host", "{}", CORDON_LIMIT_FUEL, 5000000},
        {"documents:insert_or_trap", "{\"n\":9}", CORDON_LIMIT_DOCUMENTS_WRITTEN, 4},
        {"documents:read_or_trap", "{\"n\":9}", CORDON_LIMIT_DOCUMENTS_READ, 2},
        {"documents:insert", "{\"n\":900}", CORDON_LIMIT_HOST_BYTES, 100000},
        {"documents:read", "{\"n\":9}", CORDON_LIMIT_HOST_BYTES, 10000},
        {"host_bytes:insert", "{\"n\":20000}", CORDON_LIMIT_HOST_BYTES, 500000},
        {"host_bytes:output", "{\"n\":20000}", CORDON_LIMIT_HOST_BYTES, 500000},
        {"spin:query", "{}", CORDON_LIMIT_USER_TIME_MS, 20},
        {"spin:host", "{}", CORDON_LIMIT_USER_TIME_MS, 20},
        {"spin:action", "{}", CORDON_LIMIT_USER_TIME_MS, 20},
        {"waits:reads", "{\"n\":5}", CORDON_LIMIT_SYSTEM_TIME_MS, 12},
        {"waits:spins", "{\"n\":5}", CORDON_LIMIT_USER_TIME_MS, 20},
        {"effects:sleep", "{\"ms\":60000}", CORDON_LIMIT_USER_TIME_MS, 20},
        {"effects:sleeps", "{\"n\":1000000}", CORDON_LIMIT_USER_TIME_MS, 20},
        {"effects:sleeps", "{\"n\":1000000}", CORDON_LIMIT_FUEL, 100000},
    };
    struct harness first;
    struct harness second;
    open_pair(&first, &second, 5);
    free_record(record_call(&first, "documents:insert", "{\"n\":9}", NULL, CORDON_OUTCOME_SUCCESS));
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        struct limit_changes lower = {0};
        change(&lower, calls[i].limit, calls[i].value);
        const struct slice record =
            record_call(&first, calls[i].path, calls[i].args, &lower, CORDON_OUTCOME_LIMIT);
        assert_same(&second, record, calls[i].path);
        free_record(record);
    }
    harness_close(&first);
    harness_close(&second);
}

/* Stopped before it began, between two slices, and while it waited. */
static void a_cancelled_run_is_cancelled_again(void **state)
{
    (void)state;
    static const char *const calls[][2] = {
        {"spin:query", "{}"},
        {"spin:action", "{}"},
        {"waits:reads", "{\"n\":5}"},
        {"effects:sleep", "{\"ms\":60000}"},
    };
    struct harness first;
    struct harness second;
    open_pair(&first, &second, 20);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        for (int polls = 1; polls <= 3; polls++) {
            struct run_request request = request_of(calls[i][0], calls[i][1]);
            request.record = true;
            struct called called;
            called_begin(&called, &first, &request);
            for (int poll = 0; poll < polls; poll++) {
                (void)called_poll(&called);
            }
            run_cancel(called.run);
            assert_int_equal(called_finish(&called)->code, CORDON_OUTCOME_CANCELLED);
            const struct slice record = take_record(&first, &called);
            called_end(&called);
            assert_same(&second, record, calls[i][0]);
            free_record(record);
        }
    }
    harness_close(&first);
    harness_close(&second);
}

/* -- Calls inside a transaction --------------------------------------------------------------- */

#define UDF(type, path, args) "{\"udfType\":\"" type "\",\"name\":\"" path "\",\"args\":" args "}"

/* The same two levels down: `relay:udf` calls itself with what calls the function. */
static const char *twice(const char *udf, char out[RELAY_JSON_BYTES])
{
    char inner[RELAY_JSON_BYTES];
    (void)snprintf(
        out, RELAY_JSON_BYTES, "{\"udfType\":\"query\",\"name\":\"relay:udf\",\"args\":%s}",
        relay_quote(udf, inner));
    return out;
}

/*
 * Calls `udf` inside a transaction, cancels it after some polls (0: not), records it however it
 * ends, and replays it on another runner.
 */
static cordon_outcome_code record_udf(
    struct harness *first,
    struct harness *second,
    const char *path,
    const char *udf,
    const struct limit_changes *lower,
    int polls)
{
    char text[RELAY_JSON_BYTES];
    struct run_request request = request_of(path, relay_quote(udf, text));
    request.record = true;
    request.lower = lower;
    struct called called;
    called_begin(&called, first, &request);
    enum run_state state = RUN_READY;
    for (int poll = 0; poll < polls && state != RUN_DONE; poll++) {
        state = called_poll(&called);
        if (state == RUN_WAITING && poll + 1 < polls) {
            called_wait(&called);
        }
    }
    if (polls > 0) {
        run_cancel(called.run);
    }
    const cordon_outcome_code code = called_finish(&called)->code;
    const struct slice record = take_record(first, &called);
    called_end(&called);
    assert_same(second, record, udf);
    free_record(record);
    return code;
}

/* Its guest is stopped where it was, and with it whoever waits for it. */
static void a_call_inside_meets_a_limit_again(void **state)
{
    (void)state;
    static const struct {
        const char *udf;
        cordon_limit limit;
        uint64_t value;
    } calls[] = {
        {UDF("query", "spin:query", "{}"), CORDON_LIMIT_FUEL, 5000000},
        {UDF("query", "spin:host", "{}"), CORDON_LIMIT_FUEL, 5000000},
        {UDF("query", "spin:query", "{}"), CORDON_LIMIT_USER_TIME_MS, 20},
        {UDF("query", "spin:host", "{}"), CORDON_LIMIT_USER_TIME_MS, 20},
        {UDF("query", "waits:reads", "{\"n\":9}"), CORDON_LIMIT_SYSTEM_TIME_MS, 12},
        {UDF("query", "waits:spins", "{\"n\":5}"), CORDON_LIMIT_USER_TIME_MS, 20},
    };
    struct harness first;
    struct harness second;
    open_pair(&first, &second, 5);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        struct limit_changes lower = {0};
        char deeper[RELAY_JSON_BYTES];
        change(&lower, calls[i].limit, calls[i].value);
        assert_int_equal(
            record_udf(&first, &second, "relay:udf", calls[i].udf, &lower, 0),
            CORDON_OUTCOME_LIMIT);
        assert_int_equal(
            record_udf(&first, &second, "relay:udf", twice(calls[i].udf, deeper), &lower, 0),
            CORDON_OUTCOME_LIMIT);
    }
    harness_close(&first);
    harness_close(&second);
}

/* At each of its first polls: before it began, in its turns, while it waits, after its end. */
static void a_call_inside_is_cancelled_again(void **state)
{
    (void)state;
    static const char *const calls[] = {
        UDF("query", "spin:query", "{}"),
        UDF("query", "spin:host", "{}"),
        UDF("query", "waits:reads", "{\"n\":5}"),
        UDF("query", "waits:spins", "{\"n\":2}"),
        UDF("query", "basic:typed", "{\"name\":1}"),
        UDF("query", "basic:missing", "{}"),
    };
    size_t cancelled = 0;
    for (unsigned delay_ms = 0; delay_ms <= 5; delay_ms += 5) {
        struct harness first;
        struct harness second;
        open_pair(&first, &second, delay_ms);
        for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
            char deeper[RELAY_JSON_BYTES];
            const char *udf = twice(calls[i], deeper);
            for (int polls = 1; polls <= 7; polls++) {
                cancelled += record_udf(&first, &second, "relay:udf", calls[i], NULL, polls) ==
                             CORDON_OUTCOME_CANCELLED;
                cancelled += record_udf(&first, &second, "relay:udf", udf, NULL, polls) ==
                             CORDON_OUTCOME_CANCELLED;
            }
        }
        harness_close(&first);
        harness_close(&second);
    }
    assert_true(cancelled > 60);
}

/* A record has what ran and no more; without a part of it, it is no record, or another run. */
static void a_record_has_every_module_that_ran(void **state)
{
    (void)state;
    struct harness first;
    struct harness second;
    const struct harness_options both = {.guests = {"spin", "relay", "basic", "clock"}};
    const struct harness_options one = {.guests = {"relay"}};
    harness_open(&first, &both);
    harness_open(&second, &one);
    char text[RELAY_JSON_BYTES];
    char deeper[RELAY_JSON_BYTES];
    const char *udf = twice(UDF("query", "basic:echo", "{\"a\":1}"), deeper);
    struct run_request request = request_of("relay:udf", relay_quote(udf, text));
    request.record = true;
    struct called called;
    called_begin(&called, &first, &request);
    assert_int_equal(called_finish(&called)->code, CORDON_OUTCOME_SUCCESS);
    const struct slice record = take_record(&first, &called);
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 65536);
    struct recording recording;
    assert_good(recording_read(record, &arena, &recording));
    assert_int_equal(recording.module_count, 2);
    assert_true(slice_equal(recording.modules[0].wasm, first.modules[1]));
    assert_true(slice_equal(recording.modules[1].wasm, first.modules[2]));
    assert_same(&first, record, "all modules");
    char words[600];
    assert_true(replay_differs(&second, record, words)); /* there is no `basic` */

    struct buffer bytes;
    buffer_init(&bytes, RECORDING_BYTES_MAX);
    cordon_error *error = run_get_record(called.run, second.modules, 1, &bytes);
    assert_non_null(error);
    assert_int_equal(cordon_error_get_code(error), CORDON_E_INVALID);
    cordon_error_free(error);
    buffer_done(&bytes);
    called_end(&called);
    free_record(record);
    harness_close(&first);
    harness_close(&second);
}

/* One that lost the module of a call, or has one twice, is refused or told apart. */
static void drop_module(struct recording *recording)
{
    recording->module_count--;
}

static void repeat_module(struct recording *recording)
{
    static struct recorded_module modules[2];
    modules[0] = recording->modules[0];
    modules[1] = recording->modules[0];
    recording->modules = modules;
}

static struct slice rewrite(struct slice record, void (*change_it)(struct recording *recording));

static void a_record_without_a_module_is_told_apart(void **state)
{
    (void)state;
    struct harness harness;
    const struct harness_options options = {.guests = {"relay", "basic"}};
    harness_open(&harness, &options);
    char text[RELAY_JSON_BYTES];
    const char *args = relay_quote(UDF("query", "basic:echo", "{}"), text);
    const struct slice record =
        record_call(&harness, "relay:udf", args, NULL, CORDON_OUTCOME_SUCCESS);
    const struct slice dropped = rewrite(record, drop_module);
    char words[600] = "";
    assert_true(replay_differs(&harness, dropped, words));
    assert_non_null(strstr(words, "a module that the record does not have"));
    const struct slice twice_there = rewrite(record, repeat_module);
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 65536);
    struct recording recording;
    cordon_error *error = recording_read(twice_there, &arena, &recording);
    assert_non_null(error);
    assert_int_equal(cordon_error_get_code(error), CORDON_E_INVALID);
    cordon_error_free(error);
    free_record(dropped);
    free_record(twice_there);
    free_record(record);
    harness_close(&harness);
}

/* -- What is not the same -------------------------------------------------------------------- */

static struct slice rewrite(struct slice record, void (*change_it)(struct recording *recording))
{
    struct recording recording;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 65536);
    assert_good(recording_read(record, &arena, &recording));
    change_it(&recording);
    struct buffer bytes;
    buffer_init(&bytes, RECORDING_BYTES_MAX);
    assert_good(recording_write(&recording, &bytes));
    size_t size = 0;
    const uint8_t *data = buffer_take(&bytes, &size);
    return slice_of(data, size);
}

static void change_seed(struct recording *recording)
{
    recording->seed[0] ^= 1;
}

static void change_time(struct recording *recording)
{
    recording->time_ns += 1000000;
}

static void change_args(struct recording *recording)
{
    recording->args = SLICE("[{\"n\":4}]");
}

static void change_fuel(struct recording *recording)
{
    recording->allowed[CORDON_LIMIT_FUEL] = 20000;
}

static void shorten_tape(struct recording *recording)
{
    recording->tape.size = 0;
}

static void damage_tape(struct recording *recording)
{
    recording->tape.size--;
}

static void change_path(struct recording *recording)
{
    recording->path = SLICE("documents:insert_then_fail");
}

static void another_run_is_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        void (*change_it)(struct recording *recording);
        const char *words;
    } cases[] = {
        {"seed", change_seed, "with other bytes"},
        {"time", change_time, "to write the document"},
        {"arguments", change_args, "after the last of the"},
        {"fuel", change_fuel, "the record goes on"},
        {"tape missing", shorten_tape, "after the last of the 0 recorded calls"},
        {"tape damaged", damage_tape, "is damaged"},
        {"function", change_path, "recorded: code Success; replayed: code Failed"},
    };
    struct harness first;
    struct harness second;
    open_pair(&first, &second, 0);
    const struct slice record =
        record_call(&first, "documents:insert", "{\"n\":3}", NULL, CORDON_OUTCOME_SUCCESS);
    assert_same(&second, record, "unchanged");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char words[600] = "";
        const struct slice changed = rewrite(record, cases[i].change_it);
        if (!replay_differs(&second, changed, words) || strstr(words, cases[i].words) == NULL) {
            fail_msg("%s: %s", cases[i].what, words);
        }
        free_record(changed);
    }
    free_record(record);
    harness_close(&first);
    harness_close(&second);
}

static void a_damaged_record_is_refused(void **state)
{
    (void)state;
    struct harness harness;
    const struct harness_options options = {.guests = {"basic"}};
    harness_open(&harness, &options);
    const struct slice record =
        record_call(&harness, "basic:echo", "{}", NULL, CORDON_OUTCOME_SUCCESS);
    uint8_t *bytes = (uint8_t *)(uintptr_t)record.data;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 65536);
    struct recording recording;
    for (size_t i = 0; i < record.size; i++) {
        bytes[i] ^= 0x10;
        cordon_error *error = recording_read(record, &arena, &recording);
        assert_non_null(error);
        assert_int_equal(cordon_error_get_code(error), CORDON_E_INVALID);
        cordon_error_free(error);
        bytes[i] ^= 0x10;
    }
    for (size_t size = 0; size < record.size; size++) {
        cordon_error *error = recording_read(slice_of(bytes, size), &arena, &recording);
        assert_non_null(error);
        cordon_error_free(error);
    }
    assert_good(recording_read(record, &arena, &recording));
    free_record(record);
    harness_close(&harness);
}

static struct slice sign_again(struct slice record)
{
    const struct slice body = slice_of(record.data, record.size - SHA256_BYTES);
    hash_sha256(&body, 1, (uint8_t *)(uintptr_t)record.data + body.size);
    return record;
}

/* How a record that somebody changed ends: it may be refused, or replayed as another run. */
enum forged { FORGED_REFUSED, FORGED_DIFFERS, FORGED_SAME, FORGED_COUNT };

/* A refusal before the replay is of the record, one after it of what the record asked for. */
static enum forged refused(cordon_error *error, cordon_error_code code)
{
    assert_int_equal(cordon_error_get_code(error), code);
    assert_true(strlen(cordon_error_get_message(error)) > 20);
    cordon_error_free(error);
    return FORGED_REFUSED;
}

static enum forged read_forged(struct harness *harness, struct slice record)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 65536);
    struct recording recording;
    cordon_error *error = recording_read(record, &arena, &recording);
    if (error == NULL) {
        error = recording_check_engine(&recording, harness->runner);
    }
    if (error != NULL) {
        return refused(error, CORDON_E_INVALID);
    }
    char words[600] = "";
    bool differs = false;
    error = replay(harness, record, words, &differs);
    if (error != NULL) {
        return refused(error, CORDON_E_INTERNAL);
    }
    assert_true(!differs || strlen(words) > 10);
    return differs ? FORGED_DIFFERS : FORGED_SAME;
}

/* Where the only module of a record lies in it. */
static struct slice module_in(struct slice record)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 65536);
    struct recording recording;
    assert_good(recording_read(record, &arena, &recording));
    assert_int_equal(recording.module_count, 1);
    return recording.modules[0].wasm;
}

/*
 * The checksum is no secret: each bit of a record is turned over and the checksum made good. What
 * comes of it is an error with words, or a run within its limits that is told apart from the
 * recorded one unless the bit says nothing about it, such as how long it might have taken.
 */
static void a_forged_record_is_refused_or_told_apart(void **state)
{
    (void)state;
    struct harness harness;
    const struct harness_options options = {.guests = {"documents"}};
    harness_open(&harness, &options);
    const struct slice record =
        record_call(&harness, "documents:insert", "{\"n\":2}", NULL, CORDON_OUTCOME_SUCCESS);
    uint8_t *bytes = (uint8_t *)(uintptr_t)record.data;
    size_t counts[FORGED_COUNT] = {0};
    const struct slice module = module_in(record);
    const size_t size = record.size - module.size;
    for (size_t i = 0; i < record.size - SHA256_BYTES; i++) {
        if (bytes + i == module.data) {
            i += module.size; /* those of another module are told apart by its hash */
        }
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] ^= (uint8_t)(1 << bit);
            counts[read_forged(&harness, sign_again(record))]++;
            bytes[i] ^= (uint8_t)(1 << bit);
        }
    }
    assert_same(&harness, sign_again(record), "as it was");
    assert_true(counts[FORGED_REFUSED] > size);
    assert_true(counts[FORGED_DIFFERS] > size);
    assert_true(counts[FORGED_SAME] < 2 * size);
    free_record(record);
    harness_close(&harness);
}

/* What lies outside of the function leaves no record. */
static void what_cannot_be_repeated_is_not_recorded(void **state)
{
    (void)state;
    struct harness harness;
    const struct harness_options options = {.guests = {"basic", "counter"}};
    harness_open(&harness, &options);
    struct run_request requests[] = {
        request_of("nothing:here", "{}"), request_of("counter:add", "{}"),
        request_of("basic:echo", "{}")};
    requests[1].idempotency_key = SLICE("again");
    struct called called;
    called_begin(&called, &harness, &requests[1]);
    (void)called_finish(&called);
    called_end(&called);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        requests[i].record = i < 2;
        called_begin(&called, &harness, &requests[i]);
        (void)called_finish(&called);
        struct buffer bytes;
        buffer_init(&bytes, RECORDING_BYTES_MAX);
        cordon_error *error = run_get_record(called.run, NULL, 0, &bytes);
        assert_non_null(error);
        assert_int_equal(cordon_error_get_code(error), CORDON_E_INVALID);
        assert_int_equal(bytes.size, 0);
        cordon_error_free(error);
        called_end(&called);
    }
    harness_close(&harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_run_comes_out_the_same),
        cmocka_unit_test(a_run_that_met_a_limit_meets_it_again),
        cmocka_unit_test(a_cancelled_run_is_cancelled_again),
        cmocka_unit_test(a_call_inside_meets_a_limit_again),
        cmocka_unit_test(a_call_inside_is_cancelled_again),
        cmocka_unit_test(a_record_has_every_module_that_ran),
        cmocka_unit_test(a_record_without_a_module_is_told_apart),
        cmocka_unit_test(another_run_is_told_apart),
        cmocka_unit_test(a_damaged_record_is_refused),
        cmocka_unit_test(a_forged_record_is_refused_or_told_apart),
        cmocka_unit_test(what_cannot_be_repeated_is_not_recorded),
    };
    return cmocka_run_group_tests_name("run/replay", tests, NULL, NULL);
}
