/*
 * Functions that call others. An action's calls are runs of their own; those of a query or mutation
 * are inside its transaction, and one that fails leaves nothing behind. A failure is a refusal that
 * the caller may handle; whatever ends the caller ends its call.
 */
#include "run/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NAME(path, args) "{\"name\":\"" path "\",\"args\":" args "}"

static void open_world(struct harness *harness, uint32_t permits, uint32_t slots, unsigned delay_ms)
{
    const struct harness_options options = {
        .guests = {"relay", "basic", "spin", "waits"},
        .permits = permits,
        .slots = slots,
        .delay_ms = delay_ms,
    };
    harness_open(harness, &options);
}

static struct run_request call_of(const char *path, const char *args, char text[RELAY_JSON_BYTES])
{
    struct run_request request = request_of(path, relay_quote(args, text));
    request.any_kind = true;
    return request;
}

struct call_case {
    const char *path;
    const char *args;
    const char *value; /* a part of it */
};

static const struct call_case cases[] = {
    {"relay:call_query", NAME("basic:echo", "{\"a\":1}"), "{\"a\":1}"},
    {"relay:call_query", "{\"name\":\"basic:echo\"}", "{}"},
    {"relay:call_twice", NAME("basic:echo", "{\"a\":1}"), "{\"a\":1}"}, /* both end with the run */
    {"relay:call_query", "{\"name\":\"basic.js:echo\",\"args\":null}", "{}"},
    {"relay:call_action", NAME("basic:echo_action", "{\"a\":[1]}"), "{\"a\":[1]}"},
    {"relay:call_mutation", NAME("relay:insert", "{\"q\":\"{}\"}"), "InvalidArgument"},
    /* What fails is told with its code, its words and its data. */
    {"relay:call_query", NAME("basic:fail", "{}"), "\"code\":\"Failed\""},
    {"relay:call_query", NAME("basic:unreachable", "{}"), "\"code\":\"Trapped\""},
    {"relay:call_query", NAME("basic:typed", "{\"name\":1}"), "\"code\":\"InvalidArguments\""},
    {"relay:call_query", NAME("basic:missing", "{}"), "\"code\":\"FunctionNotFound\""},
    {"relay:call_mutation", NAME("basic:echo", "{}"), "as Mutation, but it is defined as Query"},
    {"relay:call_query", NAME("basic:hidden", "{\"a\":2}"), "{\"a\":2}"}, /* internal */
    {"relay:call_query", "{\"args\":{}}", "`name`"},
    {"relay:call_query", "{\"name\":1}", "`name`"},
    {"relay:call_query", NAME("basic:echo", "[]"), "`args` for `runQuery`"},
    {"relay:call_query", NAME("basic:echo", "{\"$x\":1}"), "InvalidValue"},
    {"relay:deep", "{}", "\"code\":\"MaximumCallDepthExceeded\""},
};

/* Makes each call, and replays it. */
static void check_cases(const struct call_case *list, size_t count, struct harness *harness)
{
    for (size_t i = 0; i < count; i++) {
        char text[RELAY_JSON_BYTES];
        char value[8192];
        struct called called;
        struct run_request request = call_of(list[i].path, list[i].args, text);
        request.record = true;
        called_begin(&called, harness, &request);
        const struct outcome *outcome = called_finish(&called);
        (void)snprintf(
            value, sizeof value, "%.*s%.*s", SLICE_FMT(outcome->value),
            SLICE_FMT(outcome->message));
        if (outcome->code != CORDON_OUTCOME_SUCCESS || strstr(value, list[i].value) == NULL) {
            fail_msg("%s %s: %s", list[i].path, list[i].args, value);
        }
        relay_assert_replays(harness, &called, list[i].args);
        called_end(&called);
    }
}

static void check_actions(uint32_t permits, unsigned delay_ms)
{
    struct harness harness;
    open_world(&harness, permits, 0, delay_ms);
    check_cases(cases, sizeof cases / sizeof cases[0], &harness);
    harness_close(&harness);
}

static void calls_come_back_with_their_outcome(void **state)
{
    (void)state;
    check_actions(4, 0);
    check_actions(4, 1);
}

/* A caller gives its permit back, so that one is enough for any depth. */
static void one_permit_is_enough(void **state)
{
    (void)state;
    check_actions(1, 0);
}

/* What the call wrote is there, in a transaction of its own, when the action goes on. */
static void each_call_is_a_transaction(void **state)
{
    (void)state;
    struct harness harness;
    open_world(&harness, 1, 0, 0);
    char inner[RELAY_JSON_BYTES];
    char outer[4096];
    char text[RELAY_JSON_BYTES];
    struct called called;
    (void)snprintf(
        outer, sizeof outer, "{\"name\":\"relay:insert\",\"args\":%s}",
        relay_quote("{\"table\":\"t\",\"value\":{}}", inner));
    struct run_request request = call_of("relay:call_mutation", outer, text);
    called_begin(&called, &harness, &request);
    const struct outcome *outcome = called_finish(&called);
    assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
    assert_true(slice_starts_with(outcome->value, SLICE("{\"_id\":")));
    called_end(&called);
    harness_close(&harness);
}

/* A slot for a caller is none for its call; where there is none left, that is a refusal. */
static void calls_have_slots_of_their_own(void **state)
{
    (void)state;
    struct harness harness;
    open_world(&harness, 1, 4, 0);
    char text[RELAY_JSON_BYTES];
    char value[4096];
    struct called called;
    struct run_request request = call_of("relay:deep", "{}", text);
    called_begin(&called, &harness, &request); /* 4 and a quarter of them: the sixth finds none */
    const struct outcome *outcome = called_finish(&called);
    assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
    (void)snprintf(value, sizeof value, "%.*s", SLICE_FMT(outcome->value));
    assert_non_null(strstr(value, "\"code\":\"Overloaded\""));
    called_end(&called);
    harness_close(&harness);
}

static void who_cancels_an_action_cancels_its_call(void **state)
{
    (void)state;
    static const char *const callees[] = {
        NAME("spin:query", "{}"),
        NAME("waits:reads", "{\"n\":5}"),
    };
    for (size_t i = 0; i < 2; i++) {
        struct harness harness;
        open_world(&harness, 2, 0, 100);
        char text[RELAY_JSON_BYTES];
        struct called called;
        const struct run_request request = call_of("relay:call_query", callees[i], text);
        called_begin(&called, &harness, &request);
        enum run_state polled = called_poll(&called);
        for (int polls = 0; polls < 3 && polled == RUN_READY; polls++) {
            polled = called_poll(&called);
        }
        assert_int_not_equal(polled, RUN_DONE);
        assert_int_equal(runner_get_counts(harness.runner).slots_used, 2);
        run_cancel(called.run);
        assert_int_equal(called_finish(&called)->code, CORDON_OUTCOME_CANCELLED);
        called_end(&called);

        called_begin(&called, &harness, &request);
        (void)called_poll(&called);
        called_end(&called); /* in its midst */
        harness_close(&harness);
    }
}

/* The action's clock goes on while its call runs, and its limit ends both. */
static void the_limit_of_an_action_ends_its_call(void **state)
{
    (void)state;
    struct harness harness;
    open_world(&harness, 2, 0, 0);
    char text[RELAY_JSON_BYTES];
    char value[4096];
    struct called called;
    struct limit_changes lower = {0};
    change(&lower, CORDON_LIMIT_USER_TIME_MS, 100);
    struct run_request request = call_of("relay:call_query", NAME("spin:query", "{}"), text);
    request.lower = &lower;
    called_begin(&called, &harness, &request);
    const struct outcome *outcome = called_finish(&called);
    (void)snprintf(value, sizeof value, "%.*s", SLICE_FMT(outcome->value));
    /* Both have that limit, and began at about the same time. */
    if (outcome->code == CORDON_OUTCOME_SUCCESS) {
        assert_non_null(strstr(value, "TimedOut"));
    } else {
        assert_int_equal(outcome->code, CORDON_OUTCOME_LIMIT);
        assert_int_equal(outcome->limit, CORDON_LIMIT_USER_TIME_MS);
    }
    assert_in_range(outcome->used[CORDON_LIMIT_USER_TIME_MS], 100, 1000);
    called_end(&called);
    harness_close(&harness);
}

static void only_actions_call_so(void **state)
{
    (void)state;
    struct harness harness;
    open_world(&harness, 2, 0, 0);
    char text[RELAY_JSON_BYTES];
    struct called called;
    const struct run_request request =
        call_of("relay:call_in_query", NAME("basic:echo", "{}"), text);
    called_begin(&called, &harness, &request);
    assert_int_equal(called_finish(&called)->code, CORDON_OUTCOME_CAPABILITY_DENIED);
    called_end(&called);
    harness_close(&harness);
}

/*
 * What is deployed while an action sleeps is not for it: it calls the functions that it began with,
 * and what it calls does so too, though there are none of that name any more.
 */
static void a_run_calls_functions_of_its_own_deploy(void **state)
{
    (void)state;
    static const char *const callees[] = {
        NAME("basic:echo", "{\"a\":1}"),
        NAME(
            "relay:udf", "{\"q\":\"{\\\"udfType\\\":\\\"query\\\","
                         "\\\"name\\\":\\\"basic:echo\\\",\\\"args\\\":{\\\"a\\\":1}}\"}"),
    };
    for (size_t i = 0; i < sizeof callees / sizeof callees[0]; i++) {
        struct harness harness;
        open_world(&harness, 2, 0, 0);
        char text[RELAY_JSON_BYTES];
        struct called sleeping;
        struct called later;
        struct buffer report;
        const struct run_request request = call_of("relay:sleep_then_call", callees[i], text);
        called_begin(&sleeping, &harness, &request);
        while (called_poll(&sleeping) == RUN_READY) {
        }
        assert_null(run_outcome(sleeping.run)); /* nobody polls it until it is finished below */
        const struct deploy_module relay = {.name = SLICE("relay"), .wasm = harness.modules[0]};
        buffer_init(&report, 65536);
        assert_good(
            runner_deploy(harness.runner, TENANT_DEFAULT, &relay, 1, DEPLOY_KEEP, NULL, &report));
        buffer_done(&report);
        assert_int_equal(
            call(&later, &harness, "basic:echo", "{}")->code, CORDON_OUTCOME_FUNCTION_NOT_FOUND);
        called_end(&later);

        const struct outcome *outcome = called_finish(&sleeping);
        assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
        if (!slice_equal(outcome->value, SLICE("{\"a\":1}"))) {
            fail_msg("%s: %.*s", callees[i], SLICE_FMT(outcome->value));
        }
        called_end(&sleeping);
        harness_close(&harness);
    }
}

/* -- Inside a transaction --------------------------------------------------------------------- */

#define UDF(type, path, args) "{\"udfType\":\"" type "\",\"name\":\"" path "\",\"args\":" args "}"

static const struct call_case inner_cases[] = {
    {"relay:udf", UDF("query", "basic:echo", "{\"a\":1}"), "{\"a\":1}"},
    {"relay:udf_mutation", UDF("query", "basic:hidden", "{\"a\":2}"), "{\"a\":2}"},
    {"relay:udf", UDF("query", "basic:fail", "{}"), "\"code\":\"Failed\""},
    {"relay:udf", UDF("query", "basic:unreachable", "{}"), "\"code\":\"Trapped\""},
    {"relay:udf", UDF("query", "basic:typed", "{\"name\":1}"), "\"code\":\"InvalidArguments\""},
    {"relay:udf", UDF("query", "basic:returns_object", "{\"name\":1}"),
     "\"code\":\"InvalidReturn\""},
    {"relay:udf", UDF("query", "basic:missing", "{}"), "\"code\":\"FunctionNotFound\""},
    {"relay:udf", UDF("query", "waits:reads", "{\"n\":2}"), "1"},
    {"relay:udf", UDF("action", "basic:echo_action", "{}"), "`udfType`"},
    {"relay:udf", "{\"udfType\":\"query\",\"name\":\"basic:echo\",\"transactionLimits\":{}}",
     "`transactionLimits`"},
    {"relay:deep_udf", "{}", "\"code\":\"MaximumCallDepthExceeded\""},
};

static void calls_inside_come_back_with_their_outcome(void **state)
{
    (void)state;
    for (unsigned delay_ms = 0; delay_ms < 2; delay_ms++) {
        struct harness harness;
        open_world(&harness, 1, 1, delay_ms);
        check_cases(inner_cases, sizeof inner_cases / sizeof inner_cases[0], &harness);
        harness_close(&harness);
    }
}

#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER true
#else
#define THREAD_SANITIZER false
#endif

enum { DEPTH_MAX = 8 };

/* A call of `relay:udf` that calls itself until the innermost, at that depth, reads and waits. */
static const char *deep_call(unsigned depth, char out[RELAY_JSON_BYTES])
{
    char text[RELAY_JSON_BYTES];
    (void)snprintf(out, RELAY_JSON_BYTES, "%s", UDF("query", "waits:reads", "{\"n\":1}"));
    for (unsigned level = 2; level < depth; level++) {
        (void)relay_quote(out, text);
        const int size = snprintf(
            out, RELAY_JSON_BYTES, "{\"udfType\":\"query\",\"name\":\"relay:udf\",\"args\":%s}",
            text);
        assert_in_range(size, 1, RELAY_JSON_BYTES - 1);
    }
    return out;
}

/*
 * Every slot is taken, each by a run that calls to full depth and waits there. As many as there are
 * instances for are there at one time; the others wait before their first call, and hold nobody up.
 * None fails for want of an instance.
 */
static void calls_have_instances_for_their_depth(void **state)
{
    (void)state;
    if (THREAD_SANITIZER) {
        skip(); /* which leaves the engine too little address space */
    }
    enum { SLOTS = 50, NESTS = 32, LEFT = 3 };
    struct harness harness;
    open_world(&harness, 2, SLOTS, 300);
    char args[RELAY_JSON_BYTES];
    char text[RELAY_JSON_BYTES];
    const struct run_request request = call_of("relay:udf", deep_call(DEPTH_MAX, args), text);
    struct called called[SLOTS];
    for (size_t i = 0; i < SLOTS; i++) {
        called_begin(&called[i], &harness, &request);
        while (called_poll(&called[i]) == RUN_READY) {
        }
        assert_null(run_outcome(called[i].run)); /* it waits */
    }
    const struct runner_counts counts = runner_get_counts(harness.runner);
    assert_int_equal(counts.nests_used, NESTS);
    assert_int_equal(counts.nests_waiting, SLOTS - NESTS);
    assert_int_equal(counts.permits_used, 0); /* who waits holds none */
    for (size_t i = 0; i < LEFT; i++) { /* of those who wait, and of those who are waited for */
        called_end(&called[SLOTS - 1 - i]);
        called_end(&called[i]);
    }
    for (size_t i = LEFT; i < SLOTS - LEFT; i++) {
        const struct outcome *outcome = called_finish(&called[i]);
        if (outcome->code != CORDON_OUTCOME_SUCCESS || outcome->value.data[0] == '{') {
            fail_msg("%.*s%.*s", SLICE_FMT(outcome->value), SLICE_FMT(outcome->message));
        }
        assert_int_equal(outcome->used[CORDON_LIMIT_CALL_DEPTH], 1); /* the others have ended */
        called_end(&called[i]);
    }
    harness_close(&harness);
}

/* Who waits for instances waits as long as for any turn, and may be cancelled meanwhile. */
static void waiting_for_instances_ends(void **state)
{
    (void)state;
    if (THREAD_SANITIZER) {
        skip();
    }
    enum { SLOTS = 34, NESTS = 32, TURNS_MS = 1500 };
    const struct harness_options options = {
        .guests = {"basic", "relay", "waits"},
        .delay_ms = 1000,
        .permits = 2,
        .slots = SLOTS,
        .turns_ns = (uint64_t)TURNS_MS * 1000000,
    };
    struct harness harness;
    harness_open(&harness, &options);
    char args[RELAY_JSON_BYTES];
    char text[RELAY_JSON_BYTES];
    const struct run_request request = call_of("relay:udf", deep_call(DEPTH_MAX, args), text);
    struct called called[SLOTS];
    for (size_t i = 0; i < SLOTS; i++) {
        called_begin(&called[i], &harness, &request);
        while (called_poll(&called[i]) == RUN_READY) {
        }
    }
    assert_int_equal(runner_get_counts(harness.runner).nests_waiting, SLOTS - NESTS);
    run_cancel(called[NESTS].run);
    assert_int_equal(called_finish(&called[NESTS])->code, CORDON_OUTCOME_CANCELLED);
    const struct outcome *outcome = called_finish(&called[NESTS + 1]);
    assert_int_equal(outcome->code, CORDON_OUTCOME_OVERLOADED);
    assert_true(outcome->queued_time_ns >= (uint64_t)TURNS_MS * 1000000);
    assert_true(outcome->system_time_ns + outcome->user_time_ns < outcome->queued_time_ns);
    const struct runner_counts counts = runner_get_counts(harness.runner);
    assert_int_equal(counts.nests_used, NESTS);
    assert_int_equal(counts.nests_waiting, 0);
    assert_int_equal(counts.permits_used, 0);
    for (size_t i = 0; i < SLOTS; i++) {
        called_end(&called[i]);
    }
    harness_close(&harness);
}

/* More of them than there is address space for is refused, however large the numbers. */
static void too_many_instances_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t slots;
        uint64_t depth;
    } settings[] = {
        {29000, 8}, {UINT32_MAX, 8}, {1, 40000}, {1, UINT64_MAX}, {UINT32_MAX, UINT64_MAX}};
    struct metrics *metrics = NULL;
    assert_good(metrics_new(&metrics));
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        struct runner_options options = {
            .metrics = metrics,
            .compile_inside = true,
            .permits = 1,
            .slots = settings[i].slots,
            .memory_bytes = (uint64_t)1 << 30,
        };
        change(&options.limits, CORDON_LIMIT_CALL_DEPTH, settings[i].depth);
        struct runner *runner = NULL;
        cordon_error *error = runner_new(&options, &runner);
        assert_non_null(error);
        assert_non_null(strstr(cordon_error_get_message(error), "lower one of the two"));
        cordon_error_free(error);
    }
    metrics_free(metrics);
}

/* As many as the address space has room for, and the kernel has no mappings for. */
static void too_many_mappings_are_refused(void **state)
{
    (void)state;
    FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
    char text[32] = "";
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    (void)fclose(file);
    if (strtoull(text, NULL, 10) > 100000) {
        skip(); /* the operator has raised it */
    }
    struct metrics *metrics = NULL;
    assert_good(metrics_new(&metrics));
    const struct runner_options options = {
        .metrics = metrics,
        .compile_inside = true,
        .permits = 1,
        .slots = 12000,
        .memory_bytes = (uint64_t)1 << 30,
    };
    struct runner *runner = NULL;
    cordon_error *error = runner_new(&options, &runner);
    assert_non_null(error);
    assert_non_null(strstr(cordon_error_get_message(error), "sysctl vm.max_map_count"));
    cordon_error_free(error);
    metrics_free(metrics);
}

/* The numbers of the table's documents, in the order of their creation: "1 5 7". */
static void read_numbers(struct harness *harness, char *out, size_t size)
{
    static char text[RELAY_ANSWER_BYTES];
    const char *at = relay_ask(
        harness, "relay:all",
        "{\"query\":{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"t\",\"order\":null},"
        "\"operators\":[]}}",
        text);
    size_t used = 0;
    out[0] = '\0';
    while ((at = strstr(at, "\"n\":")) != NULL) {
        at += 4;
        used += (size_t)snprintf(
            out + used, size - used, "%s%.0f", used == 0 ? "" : " ", strtod(at, NULL));
        assert_true(used < size);
    }
}

/* The document with the number 1, whose id stands in `out`. */
static void insert_first(struct harness *harness, char *out, size_t size)
{
    static char text[RELAY_ANSWER_BYTES];
    (void)relay_ask(harness, "relay:insert", "{\"table\":\"t\",\"value\":{\"n\":1}}", text);
    const char *const id = strstr(text, "\"_id\":\"");
    assert_non_null(id);
    (void)snprintf(out, size, "%.*s", (int)strcspn(id + 7, "\""), id + 7);
}

#define INSERTED "{\"table\":\"t\",\"value\":{\"n\":3}}"
#define PATCHED "{\"id\":\"%s\",\"value\":{\"n\":2}}"
#define REMOVED "{\"id\":\"%s\"}"

/* What the caller writes before and behind the call stays, and so does what was there. */
static const struct {
    const char *callee;
    const char *args; /* of its host call; with the id of the first document */
    const char *numbers;
} undone_cases[] = {
    {"relay:insert", INSERTED, "1 5 3 7"}, {"relay:insert_then_trap", INSERTED, "1 5 7"},
    {"relay:patch", PATCHED, "2 5 7"},     {"relay:patch_then_trap", PATCHED, "1 5 7"},
    {"relay:remove", REMOVED, "5 7"},      {"relay:remove_then_trap", REMOVED, "1 5 7"},
};

static void check_undone(struct harness *harness, size_t number)
{
    char id[64];
    char args[256];
    char inner[RELAY_JSON_BYTES];
    char outer[4096];
    char text[RELAY_JSON_BYTES];
    char numbers[64];
    struct called called;
    insert_first(harness, id, sizeof id);
    const char *const end = strstr(undone_cases[number].args, "%s");
    if (end == NULL) {
        (void)snprintf(args, sizeof args, "%s", undone_cases[number].args);
    } else {
        (void)snprintf(
            args, sizeof args, "%.*s%s%s", (int)(end - undone_cases[number].args),
            undone_cases[number].args, id, end + 2);
    }
    (void)snprintf(
        outer, sizeof outer, "{\"udfType\":\"mutation\",\"name\":\"%s\",\"args\":%s}",
        undone_cases[number].callee, relay_quote(args, inner));
    struct run_request request = call_of("relay:try", outer, text);
    request.record = true;
    called_begin(&called, harness, &request);
    const struct outcome *outcome = called_finish(&called);
    assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
    assert_int_equal(outcome->used[CORDON_LIMIT_DOCUMENTS_WRITTEN], 3); /* all were tried */
    relay_assert_replays(harness, &called, outer);
    called_end(&called);
    read_numbers(harness, numbers, sizeof numbers);
    if (strcmp(numbers, undone_cases[number].numbers) != 0) {
        fail_msg("%s leaves %s", undone_cases[number].callee, numbers);
    }
}

static void what_failed_inside_leaves_nothing(void **state)
{
    (void)state;
    const size_t count = sizeof undone_cases / sizeof undone_cases[0];
    for (size_t i = 0; i < 2 * count; i++) {
        struct harness harness;
        open_world(&harness, 1, 1, (unsigned)(i / count));
        check_undone(&harness, i % count);
        harness_close(&harness);
    }
}

static void queries_call_no_mutations(void **state)
{
    (void)state;
    struct harness harness;
    open_world(&harness, 1, 1, 0);
    char text[RELAY_JSON_BYTES];
    struct called called;
    const struct run_request request =
        call_of("relay:udf", UDF("mutation", "relay:insert", "{\"q\":\"{}\"}"), text);
    called_begin(&called, &harness, &request);
    assert_int_equal(called_finish(&called)->code, CORDON_OUTCOME_CAPABILITY_DENIED);
    called_end(&called);
    harness_close(&harness);
}

/* Fuel and time are the caller's, and end both; so does who cancels. */
static void what_the_caller_pays_for_ends_both(void **state)
{
    (void)state;
    static const struct {
        cordon_limit limit;
        uint64_t value;
    } limits[] = {{CORDON_LIMIT_FUEL, 50000000}, {CORDON_LIMIT_USER_TIME_MS, 50}};
    struct harness harness;
    open_world(&harness, 1, 1, 0);
    char text[RELAY_JSON_BYTES];
    struct called called;
    for (size_t i = 0; i < 2; i++) {
        struct limit_changes lower = {0};
        change(&lower, limits[i].limit, limits[i].value);
        struct run_request request = call_of("relay:udf", UDF("query", "spin:query", "{}"), text);
        request.lower = &lower;
        called_begin(&called, &harness, &request);
        const struct outcome *outcome = called_finish(&called);
        assert_int_equal(outcome->code, CORDON_OUTCOME_LIMIT);
        assert_int_equal(outcome->limit, limits[i].limit);
        assert_in_range(outcome->used[limits[i].limit], limits[i].value, 10 * limits[i].value);
        called_end(&called);
    }
    const struct run_request request = call_of("relay:udf", UDF("query", "spin:query", "{}"), text);
    called_begin(&called, &harness, &request);
    assert_int_equal(called_poll(&called), RUN_READY);
    run_cancel(called.run);
    assert_int_equal(called_finish(&called)->code, CORDON_OUTCOME_CANCELLED);
    called_end(&called);
    called_begin(&called, &harness, &request);
    assert_int_equal(called_poll(&called), RUN_READY);
    called_end(&called); /* in its midst */
    harness_close(&harness);
}

/* The memory of caller and call together has the limit of one. */
static void memory_counts_over_the_calls(void **state)
{
    (void)state;
    struct harness harness;
    open_world(&harness, 1, 1, 0);
    char text[RELAY_JSON_BYTES];
    char value[4096];
    struct called called;
    struct limit_changes lower = {0};
    change(&lower, CORDON_LIMIT_MEMORY_BYTES, (uint64_t)400 * 65536); /* relay has 256 pages */
    struct run_request request = call_of("relay:deep_udf", "{}", text);
    request.lower = &lower;
    called_begin(&called, &harness, &request);
    const struct outcome *outcome = called_finish(&called);
    (void)snprintf(value, sizeof value, "%.*s", SLICE_FMT(outcome->value));
    assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
    if (strstr(value, "OutOfMemory") == NULL) {
        fail_msg("%s", value);
    }
    called_end(&called);
    harness_close(&harness);
}

/* Lines of the call stand among the caller's. */
static void log_lines_come_together(void **state)
{
    (void)state;
    struct harness harness;
    const struct harness_options options = {.guests = {"relay", "logs"}};
    harness_open(&harness, &options);
    char text[RELAY_JSON_BYTES];
    struct called called;
    const struct run_request request =
        call_of("relay:udf", UDF("query", "logs:levels", "{}"), text);
    called_begin(&called, &harness, &request);
    const struct outcome *outcome = called_finish(&called);
    assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
    assert_true(outcome->log_line_count > 0);
    assert_int_equal(outcome->used[CORDON_LIMIT_LOG_LINES], outcome->log_line_count);
    called_end(&called);
    harness_close(&harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_come_back_with_their_outcome),
        cmocka_unit_test(one_permit_is_enough),
        cmocka_unit_test(each_call_is_a_transaction),
        cmocka_unit_test(calls_have_slots_of_their_own),
        cmocka_unit_test(who_cancels_an_action_cancels_its_call),
        cmocka_unit_test(the_limit_of_an_action_ends_its_call),
        cmocka_unit_test(only_actions_call_so),
        cmocka_unit_test(a_run_calls_functions_of_its_own_deploy),
        cmocka_unit_test(calls_inside_come_back_with_their_outcome),
        cmocka_unit_test(calls_have_instances_for_their_depth),
        cmocka_unit_test(waiting_for_instances_ends),
        cmocka_unit_test(too_many_instances_are_refused),
        cmocka_unit_test(too_many_mappings_are_refused),
        cmocka_unit_test(what_failed_inside_leaves_nothing),
        cmocka_unit_test(queries_call_no_mutations),
        cmocka_unit_test(what_the_caller_pays_for_ends_both),
        cmocka_unit_test(memory_counts_over_the_calls),
        cmocka_unit_test(log_lines_come_together),
    };
    return cmocka_run_group_tests_name("run/calls", tests, NULL, NULL);
}
