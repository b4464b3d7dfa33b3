/*
 * Functions of the embedding program, as it gives them: what a guest gets and pays, calls that wait
 * for another thread, calls that are given up, records, and rows that cannot be.
 */
#include <cordon/cordon.h>

#include "support/expect.h"
#include "support/signals.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char guest[1 << 20];
static cordon_module module = {.name = "program.wasm", .data = guest};

static int read_guest(void **state)
{
    (void)state;
    FILE *file = fopen(CORDON_TEST_GUESTS "/program.wasm", "rbe");
    assert_non_null(file);
    module.size = fread(guest, 1, sizeof guest, file);
    return fclose(file);
}

/* What a test tells the function of the program to do, and what became of it. */
struct shop {
    const char *reply;
    size_t reply_size; /* 0: strlen */
    const char *refusal;
    bool twice;       /* another reply first */
    bool gives_null;  /* in place of what it says, and of its size */
    atomic_int left;  /* times that it answers PENDING first */
    bool by_thread;   /* and a thread wakes it */
    bool by_itself;   /* and it wakes itself */
    unsigned slow_ms; /* how long it takes each time */
    pthread_t thread;
    bool has_thread;
    atomic_int calls;
    atomic_int abandoned;
    cordon_kind kind;
    char args[256];
    cordon_runtime *runtime;
};

static void *wake_later(void *arg)
{
    (void)usleep(20000);
    cordon_host_call_wake(arg);
    return NULL;
}

static cordon_host_answer price(void *arg, cordon_host_call *call)
{
    struct shop *shop = arg;
    size_t size = 0;
    const char *args = cordon_host_call_get_args(call, &size);
    (void)snprintf(shop->args, sizeof shop->args, "%.*s", (int)size, args);
    shop->kind = cordon_host_call_get_kind(call);
    atomic_fetch_add(&shop->calls, 1);
    (void)usleep(1000 * shop->slow_ms);
    if (atomic_fetch_sub(&shop->left, 1) > 0) {
        cordon_host_call_set_state(call, shop);
        if (shop->by_thread && !shop->has_thread) {
            shop->has_thread = pthread_create(&shop->thread, NULL, wake_later, call) == 0;
        }
        if (shop->by_itself) {
            cordon_host_call_wake(call);
        }
        return CORDON_HOST_PENDING;
    }
    if (shop->twice) {
        cordon_host_call_reply(call, "\"an earlier reply, longer than the one that counts\"", 51);
        cordon_host_call_refuse(call, "Earlier", "and a refusal");
    }
    if (shop->gives_null && shop->refusal != NULL) {
        cordon_host_call_refuse(call, NULL, NULL);
    } else if (shop->gives_null) {
        cordon_host_call_reply(call, NULL, 9);
    } else if (shop->refusal != NULL) {
        cordon_host_call_refuse(call, "OutOfStock", shop->refusal);
    } else if (shop->reply != NULL) {
        cordon_host_call_reply(
            call, shop->reply, shop->reply_size > 0 ? shop->reply_size : strlen(shop->reply));
    }
    return CORDON_HOST_DONE;
}

static void abandon(void *arg, cordon_host_call *call)
{
    struct shop *shop = arg;
    assert_ptr_equal(cordon_host_call_get_state(call), shop);
    atomic_fetch_add(&shop->abandoned, 1);
}

static cordon_host_function function_of(struct shop *shop, unsigned kinds)
{
    return (cordon_host_function){
        .size = sizeof(cordon_host_function),
        .module = "shop",
        .name = "price",
        .kinds = kinds,
        .fuel = 5000,
        .fuel_per_kib = 2048,
        .call = price,
        .abandon = abandon,
        .arg = shop,
    };
}

#define ALL (CORDON_HOST_QUERIES | CORDON_HOST_MUTATIONS | CORDON_HOST_ACTIONS)

static void open_shop(struct shop *shop, unsigned kinds)
{
    const cordon_host_function function = function_of(shop, kinds);
    const cordon_host_function *const list[] = {&function};
    const cordon_runtime_options options = {
        .size = sizeof options,
        .compile_inside = true,
        .host_functions = list,
        .host_function_count = 1,
    };
    char *report = NULL;
    expect_ok(cordon_runtime_new(&options, &shop->runtime));
    engine_signals_restore();
    expect_ok(cordon_load(shop->runtime, &module, 1, &report));
    cordon_free(report);
}

static cordon_call *begin(struct shop *shop, const char *path, const char *args)
{
    const cordon_request request = {
        .size = sizeof request, .path = path, .args = args, .record = true};
    cordon_call *call = NULL;
    expect_ok(cordon_call_new(shop->runtime, &request, NULL, NULL, &call));
    return call;
}

/* Calls to the end; the outcome as JSON is the caller's. */
static char *ask(struct shop *shop, const char *path, const char *args)
{
    char *json = NULL;
    cordon_call *call = begin(shop, path, args);
    cordon_call_finish(call);
    expect_ok(cordon_outcome_to_json(cordon_call_get_outcome(call), &json));
    cordon_call_free(call);
    return json;
}

static void expect_outcome(struct shop *shop, const char *path, const char *args, const char *words)
{
    char *json = ask(shop, path, args);
    if (strstr(json, words) == NULL) {
        fail_msg("%s %s\nexpected: %s\n     got: %.2000s", path, args, words, json);
    }
    cordon_free(json);
}

/* -- Answers -------------------------------------------------------------------------------- */

static void a_call_is_answered(void **state)
{
    (void)state;
    static const struct {
        struct shop shop;
        const char *path;
        const char *words;
    } rows[] = {
        {{.reply = "{\"cents\":250}"}, "program:ask", "\"value\":{\"cents\":250}"},
        {{.reply = "{\"cents\":250}", .twice = true}, "program:ask", "\"value\":{\"cents\":250}"},
        {{.reply = "7"}, "program:ask_query", "\"value\":7"},
        {{.reply = "7"}, "program:ask_mutation", "\"value\":7"},
        {{.reply = "8"}, "program:inner", "\"value\":8"},
        {{.reply = NULL}, "program:ask", "\"value\":null"},
        {{.refusal = "no \"tea\""},
         "program:ask",
         "\"value\":{\"code\":\"OutOfStock\",\"message\":\"no \\\"tea\\\"\"}"},
        {{.refusal = "none", .twice = true}, "program:ask", "\"message\":\"none\""},
        {{.reply = "{cents"}, "program:ask", "\"value\":{\"code\":\"InvalidHostReply\""},
        {{.reply = "1 2"}, "program:ask", "\"code\":\"InvalidHostReply\""},
        {{.reply = "\"\xff\""}, "program:ask", "\"code\":\"InvalidHostReply\""},
        {{.gives_null = true}, "program:ask", "\"value\":{\"code\":\"InvalidHostReply\""},
        {{.refusal = "none", .gives_null = true},
         "program:ask",
         "\"value\":{\"code\":\"\",\"message\":\"\"}"},
        {{.reply = "1", .left = 3, .by_itself = true}, "program:ask", "\"value\":1"},
        {{.reply = "2", .left = 1, .by_thread = true}, "program:ask", "\"value\":2"},
        {{.reply = "3", .left = 1, .by_thread = true}, "program:ask_query", "\"value\":3"},
        {{.reply = "4", .left = 1, .by_thread = true}, "program:inner", "\"value\":4"},
        {{.reply = "5", .left = 1, .by_thread = true}, "program:twice", "\"value\":5"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct shop shop = rows[i].shop;
        open_shop(&shop, ALL);
        expect_outcome(&shop, rows[i].path, "{\"item\":\"tea\"}", rows[i].words);
        assert_string_equal(shop.args, "{\"item\":\"tea\"}");
        assert_int_equal(shop.abandoned, 0);
        if (shop.has_thread) {
            assert_int_equal(pthread_join(shop.thread, NULL), 0);
        }
        cordon_runtime_free(shop.runtime);
    }
}

/* -- What a guest may not ------------------------------------------------------------------- */

static void what_is_no_good_call_never_reaches_the_program(void **state)
{
    (void)state;
    static const struct {
        unsigned kinds;
        const char *path;
        const char *words;
    } rows[] = {
        {CORDON_HOST_ACTIONS, "program:ask_query",
         "A query can't call `price` of `shop`. An action can"},
        {CORDON_HOST_MUTATIONS, "program:ask", "An action can't call `price` of `shop`."},
        {ALL, "program:malformed", "\"code\":\"InvalidHostCall\""},
        {ALL, "program:past_end", "\"code\":\"InvalidHostCall\""},
        {ALL, "program:oversize", "it takes at most 65536"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct shop shop = {.reply = "1"};
        open_shop(&shop, rows[i].kinds);
        expect_outcome(&shop, rows[i].path, "{}", rows[i].words);
        assert_int_equal(shop.calls, 0);
        cordon_runtime_free(shop.runtime);
    }
}

static void a_call_costs_what_it_says(void **state)
{
    (void)state;
    struct shop shop = {.reply = "1"};
    open_shop(&shop, ALL);
    double fuel[2];
    for (int i = 0; i < 2; i++) {
        cordon_call *call = begin(&shop, i == 0 ? "program:ask" : "program:twice", "{}");
        cordon_call_finish(call);
        fuel[i] = (double)cordon_outcome_get_used(cordon_call_get_outcome(call), CORDON_LIMIT_FUEL);
        cordon_call_free(call);
    }
    /* 5,000, 2 bytes of 1,024 at 2,048, input_read of 64 KiB, and some ten operators */
    assert_in_range((uint64_t)(fuel[1] - fuel[0]), 5004 + 12950, 5004 + 12950 + 20);
    cordon_runtime_free(shop.runtime);
}

static void a_reply_without_room_ends_the_run(void **state)
{
    (void)state;
    const size_t size = (size_t)129 << 20;
    char *large = malloc(size);
    assert_non_null(large);
    memset(large, 'x', size);
    large[0] = '"';
    large[size - 1] = '"';
    struct shop shop = {.reply = large, .reply_size = size};
    open_shop(&shop, ALL);
    expect_outcome(&shop, "program:ask", "{}", "\"limit\":{\"name\":\"host_bytes\"");
    cordon_runtime_free(shop.runtime);
    free(large);
}

/* -- Calls that end early ------------------------------------------------------------------- */

static void a_call_is_given_up_with_its_run(void **state)
{
    (void)state;
    enum way { BY_LIMIT, BY_CANCEL, BY_FREE };
    for (int way = BY_LIMIT; way <= BY_FREE; way++) {
        struct shop shop = {.left = 1000000};
        open_shop(&shop, ALL);
        cordon_request request = {.size = sizeof request, .path = "program:ask"};
        request.lower.set[CORDON_LIMIT_USER_TIME_MS] = way == BY_LIMIT;
        request.lower.value[CORDON_LIMIT_USER_TIME_MS] = 50;
        cordon_call *call = NULL;
        expect_ok(cordon_call_new(shop.runtime, &request, NULL, NULL, &call));
        for (int i = 0; i < 100 && shop.calls == 0; i++) {
            (void)cordon_call_poll(call, 10);
        }
        assert_int_equal(shop.calls, 1);
        if (way == BY_CANCEL) {
            cordon_call_cancel(call);
        }
        if (way != BY_FREE) {
            cordon_call_finish(call);
            assert_int_equal(
                cordon_outcome_get_code(cordon_call_get_outcome(call)),
                way == BY_LIMIT ? CORDON_OUTCOME_LIMIT : CORDON_OUTCOME_CANCELLED);
        }
        cordon_call_free(call);
        assert_int_equal(shop.abandoned, 1);
        cordon_runtime_free(shop.runtime);
    }
}

/* -- Records -------------------------------------------------------------------------------- */

static void expect_replay(struct shop *shop, const char *bytes, size_t size)
{
    cordon_record *record = NULL;
    cordon_call *replay = NULL;
    char *difference = NULL;
    expect_ok(cordon_record_read(bytes, size, &record));
    expect_ok(cordon_replay_new(shop->runtime, record, NULL, NULL, &replay));
    cordon_call_finish(replay);
    expect_ok(cordon_replay_get_difference(replay, &difference));
    if (difference != NULL) {
        fail_msg("%s", difference);
    }
    cordon_call_free(replay);
    cordon_record_free(record);
}

/* It is the same run, to the last byte that the host held, and the program is not asked. */
static void a_replay_does_not_ask(void **state)
{
    (void)state;
    static const struct {
        struct shop shop;
        const char *path;
        uint64_t host_bytes; /* 0: as many as there are */
    } rows[] = {
        {{.reply = "{\"cents\":250}"}, "program:ask", 0},
        {{.reply = "{\"cents\":250}", .twice = true}, "program:twice", 0},
        {{.refusal = "none"}, "program:ask_query", 0},
        {{.reply = "1", .left = 1, .by_thread = true}, "program:ask_mutation", 0},
        {{.reply = "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]"}, "program:inner", 0},
        {{.reply = "\"0123456789012345678901234567890123456789\""}, "program:ask", 120},
        {{.left = 1000000}, "program:ask", 0}, /* ends by its time */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct shop shop = rows[i].shop;
        open_shop(&shop, ALL);
        cordon_request request = {.size = sizeof request, .path = rows[i].path, .record = true};
        request.lower.set[CORDON_LIMIT_HOST_BYTES] = rows[i].host_bytes > 0;
        request.lower.value[CORDON_LIMIT_HOST_BYTES] = rows[i].host_bytes;
        request.lower.set[CORDON_LIMIT_USER_TIME_MS] = true;
        request.lower.value[CORDON_LIMIT_USER_TIME_MS] = 1000;
        cordon_call *call = NULL;
        char *bytes = NULL;
        size_t size = 0;
        expect_ok(cordon_call_new(shop.runtime, &request, NULL, NULL, &call));
        cordon_call_finish(call);
        expect_ok(cordon_call_get_record(call, &module, 1, &bytes, &size));
        cordon_call_free(call);
        const int calls = shop.calls;
        expect_replay(&shop, bytes, size);
        assert_int_equal(shop.calls, calls);
        cordon_free(bytes);
        if (shop.has_thread) {
            assert_int_equal(pthread_join(shop.thread, NULL), 0);
        }
        cordon_runtime_free(shop.runtime);
    }
}

/* A limit of time ends the run, and not the next turn of the guest, which may be its last. */
static void what_takes_too_long_ends_the_run(void **state)
{
    (void)state;
    static const struct {
        unsigned slow_ms;
        const char *path;
        const char *name;
    } rows[] = {
        {1000, "program:ask", "SystemTimedOut"},   {1000, "program:ask_query", "SystemTimedOut"},
        {1000, "program:inner", "SystemTimedOut"}, {1, "program:ask", "Success"},
        {1, "program:ask_query", "Success"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct shop shop = {.reply = "1", .slow_ms = rows[i].slow_ms};
        open_shop(&shop, ALL);
        cordon_request request = {.size = sizeof request, .path = rows[i].path, .record = true};
        request.lower.set[CORDON_LIMIT_SYSTEM_TIME_MS] = true;
        request.lower.value[CORDON_LIMIT_SYSTEM_TIME_MS] = 900;
        cordon_call *call = NULL;
        char *bytes = NULL;
        size_t size = 0;
        expect_ok(cordon_call_new(shop.runtime, &request, NULL, NULL, &call));
        cordon_call_finish(call);
        assert_string_equal(cordon_outcome_get_name(cordon_call_get_outcome(call)), rows[i].name);
        assert_int_equal(shop.abandoned, 0); /* it was answered */
        expect_ok(cordon_call_get_record(call, &module, 1, &bytes, &size));
        cordon_call_free(call);
        expect_replay(&shop, bytes, size);
        cordon_free(bytes);
        cordon_runtime_free(shop.runtime);
    }
}

/* -- The table ------------------------------------------------------------------------------ */

static void rows_that_cannot_be_are_refused(void **state)
{
    (void)state;
    struct shop shop = {.reply = "1"};
    const cordon_host_function good = function_of(&shop, ALL);
    static const struct {
        const char *module;
        const char *name;
        unsigned kinds;
        bool no_call;
        bool small;
        const char *words;
    } rows[] = {
        {NULL, "price", ALL, false, false, "must have a module and a name"},
        {"", "price", ALL, false, false, "must have a module and a name"},
        {"shop", NULL, ALL, false, false, "must have a module and a name"},
        {"my shop", "price", ALL, false, false, "printable"},
        {"shop", "pri\nce", ALL, false, false, "printable"},
        {"convex", "price", ALL, false, false, "Cordon's own"},
        {"convex/core", "price", ALL, false, false, "Cordon's own"},
        {"convex/shop", "price", ALL, false, false, "Cordon's own"},
        {"env", "price", ALL, false, false, "Cordon's own"},
        {"wasi_snapshot_preview1", "fd_read", ALL, false, false, "Cordon's own"},
        {"shop", "price", 0, false, false, "one or more of CORDON_HOST_QUERIES"},
        {"shop", "price", 8, false, false, "one or more of CORDON_HOST_QUERIES"},
        {"shop", "price", ALL, true, false, "and a function `call`"},
        {"shop", "price", ALL, false, true, "options.host_functions[].size"},
        {"shop", "other", ALL, false, false, NULL},
        {"shop", "price", ALL, false, false, "is there twice"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        cordon_host_function second = good;
        second.size = rows[i].small ? 4 : sizeof second;
        second.module = rows[i].module;
        second.name = rows[i].name;
        second.kinds = rows[i].kinds;
        second.call = rows[i].no_call ? NULL : price;
        const cordon_host_function *const list[] = {&good, &second};
        const cordon_runtime_options options = {
            .size = sizeof options,
            .compile_inside = true,
            .host_functions = list,
            .host_function_count = 2,
        };
        cordon_runtime *runtime = NULL;
        cordon_error *error = cordon_runtime_new(&options, &runtime);
        if (rows[i].words == NULL) {
            expect_ok(error);
            cordon_runtime_free(runtime);
        } else {
            assert_non_null(error);
            assert_int_equal(cordon_error_get_code(error), CORDON_E_INVALID);
            if (strstr(cordon_error_get_message(error), rows[i].words) == NULL) {
                fail_msg("row %zu: %s", i, cordon_error_get_message(error));
            }
            cordon_error_free(error);
        }
    }
}

static void a_module_that_imports_more_is_refused(void **state)
{
    (void)state;
    const cordon_runtime_options options = {.size = sizeof options, .compile_inside = true};
    cordon_runtime *runtime = NULL;
    char *report = NULL;
    expect_ok(cordon_runtime_new(&options, &runtime));
    engine_signals_restore();
    cordon_error *error = cordon_load(runtime, &module, 1, &report);
    assert_non_null(error);
    assert_int_equal(cordon_error_get_code(error), CORDON_E_MODULE_REFUSED);
    assert_non_null(strstr(cordon_error_get_message(error), "shop"));
    cordon_error_free(error);
    cordon_runtime_free(runtime);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_answered),
        cmocka_unit_test(what_is_no_good_call_never_reaches_the_program),
        cmocka_unit_test(a_call_costs_what_it_says),
        cmocka_unit_test(a_reply_without_room_ends_the_run),
        cmocka_unit_test(a_call_is_given_up_with_its_run),
        cmocka_unit_test(a_replay_does_not_ask),
        cmocka_unit_test(what_takes_too_long_ends_the_run),
        cmocka_unit_test(rows_that_cannot_be_are_refused),
        cmocka_unit_test(a_module_that_imports_more_is_refused),
    };
    return cmocka_run_group_tests(tests, read_guest, NULL);
}
