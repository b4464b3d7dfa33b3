/* Deploys: names of functions, places of what is not valid, and stopping. */
#include "run/harness.h"

#include "base/clock.h"
#include "base/memory.h"
#include "run/audit/audit_rows.h"
#include "run/audit/auditor.h"
#include "run/await.h"
#include "run/deploy/deploy_rows.h"
#include "run/deploy/deployment.h"
#include "run/internal.h"
#include "run/names.h"
#include "run/tenant/tenants.h"
#include "unit/wasm_build.h"
#include "wasm/reader.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define METADATA                                                                                   \
    "{\"abi\":1,\"functions\":[{\"path\":\"a:run\",\"export\":\"a:run\",\"kind\":\"query\","       \
    "\"visibility\":\"public\"}]}"

static char *text_of(char byte, size_t size)
{
    char *text = mem_new(size + 1);
    assert_non_null(text);
    memset(text, byte, size);
    return text;
}

static cordon_error *deploy(struct harness *harness, struct slice wasm, struct buffer *report)
{
    const struct deploy_module module = {.name = SLICE("built.wasm"), .wasm = wasm};
    return runner_deploy(harness->runner, TENANT_DEFAULT, &module, 1, DEPLOY_KEEP, NULL, report);
}

/* -- Many functions --------------------------------------------------------------------------- */

enum { CROWD = 8192, CROWD_PATH_BYTES = 16 };

/* Paths whose hashes without a seed lie in one part of 64 of an index for so many. */
static void choose_crowded(
    char paths[CROWD][CROWD_PATH_BYTES], struct wasm_metadata_function functions[CROWD])
{
    size_t count = 0;
    for (uint32_t i = 0; count < CROWD; i++) {
        (void)snprintf(paths[count], CROWD_PATH_BYTES, "a:f%u", i);
        const struct slice path = slice_str(paths[count]);
        if (hash_fast(path, 0) % ((size_t)2 * CROWD) < (size_t)2 * CROWD / 64) {
            functions[count++].path.text = path;
        }
    }
}

/* How many places that are taken stand side by side at most: so many a search may look at. */
static size_t longest_run(const struct deployment *deployment)
{
    size_t longest = 0;
    size_t run = 0;
    for (size_t i = 0; i < deployment->index_size; i++) {
        run = deployment->index[i] == 0 ? 0 : run + 1;
        longest = run > longest ? run : longest;
    }
    return longest;
}

/*
 * Who chooses paths can't have them all in one place of the index, where each call, on its loop,
 * and each function of the deploy would go past all others: of 8,192 in twice as many places by
 * chance, more than some 200 stand together once in a lifetime.
 */
static void paths_can_not_be_crowded(void **state)
{
    (void)state;
    char(*paths)[CROWD_PATH_BYTES] = mem_new_array(CROWD, sizeof *paths);
    struct wasm_metadata_function *functions = mem_new_array(CROWD, sizeof *functions);
    struct deployment *deployment = NULL;
    assert_non_null(paths);
    assert_non_null(functions);
    choose_crowded(paths, functions);
    const struct wasm_metadata metadata = {.functions = functions, .function_count = CROWD};
    assert_good(deployment_new(TENANT_DEFAULT, 1, &deployment));
    deployment->modules[0] = (struct deployed_module){.metadata = &metadata};
    deployment->module_count = 1;
    assert_good(deployment_index(deployment));
    assert_int_equal(deployment->function_count, CROWD);
    assert_in_range(longest_run(deployment), 1, 1000);
    for (size_t i = 0; i < CROWD; i++) {
        const struct deployed_function *const found =
            deployment_find(deployment, slice_str(paths[i]));
        assert_non_null(found);
        assert_ptr_equal(found->metadata, &functions[i]);
    }
    assert_null(deployment_find(deployment, SLICE("a:none")));
    deployment_unref(deployment);
    mem_free(functions);
    mem_free(paths);
}

/* -- Names ------------------------------------------------------------------------------------ */

/*
 * A name of 8 MiB in a stack as deep as may be: neither the report nor the machine code nor the
 * frames get it, and the function is known by what fits.
 */
static void a_large_name_costs_nothing(void **state)
{
    (void)state;
    const size_t large = (size_t)8 << 20;
    struct build b;
    build_init(&b);
    const uint32_t own = build_function(&b, NULL, "", "", CODE(OP_UNREACHABLE));
    assert_int_equal(own, 0);
    /* Calls itself, with a countdown in a global, and then the first one. */
    (void)build_global(&b, true, 100);
    build_function(
        &b, "a:run", "", "",
        CODE(
            OP_GLOBAL_GET, 0, OP_I32_EQZ, OP_IF, OP_BLOCK_EMPTY, OP_CALL, 0, OP_END, OP_GLOBAL_GET,
            0, OP_I32_CONST, 1, OP_I32_SUB, OP_GLOBAL_SET, 0, OP_CALL, 1));
    build_memory(&b, "memory", 1, BUILD_NO_MAX);
    build_metadata(&b, METADATA);
    char *name = text_of('n', large);
    build_name(&b, 0, "inner");
    build_name(&b, 1, name);
    mem_free(name);

    struct harness harness;
    const struct harness_options options = {.guests = {NULL}};
    harness_open(&harness, &options);
    struct buffer report;
    buffer_init(&report, 65536); /* the report has no room for it */
    assert_good(deploy(&harness, build_finish(&b), &report));
    assert_non_null(strstr((const char *)report.data, "\"namesLeftOut\":0"));
    assert_non_null(strstr(
        (const char *)report.data, "\"capabilities\":[],\"recursive\":true,\"callDepth\":null"));
    const char *code = strstr((const char *)report.data, "\"codeBytes\":");
    assert_non_null(code);
    assert_in_range(strtoull(code + strlen("\"codeBytes\":"), NULL, 10), 1, large / 8);
    buffer_done(&report);

    struct called called;
    const struct outcome *outcome = call(&called, &harness, "a:run", "{}");
    assert_int_equal(outcome->code, CORDON_OUTCOME_TRAPPED);
    assert_int_equal(outcome->frame_count, 64);
    assert_true(slice_equal(outcome->frames[0].function, SLICE("inner")));
    for (size_t i = 1; i < 64; i++) {
        assert_int_equal(outcome->frames[i].function.size, WASM_NAME_SHOWN_MAX);
        assert_int_equal(outcome->frames[i].function.data[0], 'n');
    }
    called_end(&called);
    harness_close(&harness);
    build_done(&b);
}

/* All together have a bound too; what has no room is counted, and the rest keeps its name. */
static void names_are_kept_up_to_a_bound(void **state)
{
    (void)state;
    const uint32_t fitting = (uint32_t)(NAMES_BYTES_MAX / WASM_NAME_SHOWN_MAX);
    struct build b;
    build_init(&b);
    char *long_name = text_of('x', 3 * (size_t)WASM_NAME_SHOWN_MAX);
    for (uint32_t i = 0; i < fitting + 2; i++) {
        build_function(&b, NULL, "", "", NO_CODE);
        if (i != 1) {
            build_name(&b, i, i == 3 ? "short" : long_name);
        }
    }
    mem_free(long_name);
    CORDON_CLEANUP_ARENA struct arena read;
    CORDON_CLEANUP_ARENA struct arena kept;
    arena_init(&read, (size_t)64 << 20);
    arena_init(&kept, NAMES_BYTES_MAX + ((size_t)1 << 20));
    const struct wasm_module *module = NULL;
    struct function_names names = {0};
    assert_good(wasm_read(build_finish(&b), &wasm_limits_default, &read, &module));
    assert_good(names_keep(module, &kept, &names));
    assert_int_equal(names.count, fitting + 2);
    assert_int_equal(names_find(&names, 0).size, WASM_NAME_SHOWN_MAX);
    assert_int_equal(names_find(&names, 1).size, 0);
    assert_true(slice_equal(names_find(&names, 3), SLICE("short")));
    /* Of `fitting` places one is taken by the short name, so that only the last has no room. */
    assert_int_equal(names.left_out, 1);
    assert_int_equal(names_find(&names, fitting).size, WASM_NAME_SHOWN_MAX);
    assert_int_equal(names_find(&names, fitting + 1).size, 0);
    assert_int_equal(names_find(&names, fitting + 2).size, 0); /* there is no such function */
    assert_int_equal(names_find(&names, UINT32_MAX).size, 0);
    build_done(&b);
}

/* A character that the bound would cut in two is left out. */
static void a_cut_name_is_whole_characters(void **state)
{
    (void)state;
    struct build b;
    build_init(&b);
    build_function(&b, NULL, "", "", NO_CODE);
    char *name = text_of('a', WASM_NAME_SHOWN_MAX + 3);
    memcpy(name + WASM_NAME_SHOWN_MAX - 1, "\xe2\x82\xac", 3);
    build_name(&b, 0, name);
    mem_free(name);
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)1 << 20);
    const struct wasm_module *module = NULL;
    struct function_names names = {0};
    assert_good(wasm_read(build_finish(&b), &wasm_limits_default, &arena, &module));
    assert_good(names_keep(module, &arena, &names));
    assert_int_equal(names_find(&names, 0).size, WASM_NAME_SHOWN_MAX - 1);
    build_done(&b);
}

/* -- Code that is not valid ------------------------------------------------------------------- */

static void invalid_code_is_refused_at_its_place(void **state)
{
    (void)state;
    struct build b;
    build_init(&b);
    build_memory(&b, "memory", 1, BUILD_NO_MAX);
    build_function(&b, "a:run", "", "", NO_CODE);
    build_function(&b, NULL, "", "", CODE(OP_I64_CONST, 1, OP_I32_EQZ, OP_DROP));
    build_name(&b, 1, "odd_one");
    build_metadata(&b, METADATA);
    const struct slice wasm = build_finish(&b);
    const uint8_t *found = memmem(wasm.data, wasm.size, "\x42\x01\x45\x1a", 4);
    assert_non_null(found);
    char place[96];
    const unsigned offset = (unsigned)(found - wasm.data) + 2;
    (void)snprintf(
        place, sizeof place,
        ", at byte %u (0x%x) in the code section, in function 1 \"odd_one\". Compilers", offset,
        offset);

    struct harness harness;
    const struct harness_options options = {.guests = {"basic"}};
    harness_open(&harness, &options);
    struct buffer report;
    buffer_init(&report, 65536);
    cordon_error *error = deploy(&harness, wasm, &report);
    assert_non_null(error);
    assert_int_equal(cordon_error_get_code(error), CORDON_E_MODULE_REFUSED);
    const char *text = cordon_error_get_message(error);
    assert_non_null(strstr(text, "built.wasm: The module is not valid: type mismatch"));
    if (strstr(text, place) == NULL) {
        fail_msg("expected: %s\ngot: %s", place, text);
    }
    cordon_error_free(error);
    buffer_done(&report);
    harness_close(&harness);
    build_done(&b);
}

/* -- Stopping --------------------------------------------------------------------------------- */

/* Who takes turns without end, and is interrupted. */
struct turning {
    struct runner *runner;
    atomic_bool ends;
};

static struct runner *runner_to_stop;
static atomic_uint stops_made;

static void stop_from_signal(int number)
{
    (void)number;
    runner_stop_deploys(runner_to_stop);
    (void)atomic_fetch_add(&stops_made, 1);
}

static void *take_turns(void *arg)
{
    static const atomic_bool never;
    struct turning *turning = arg;
    uint64_t served = 0;
    while (!atomic_load(&turning->ends)) {
        struct build_turn turn;
        assert_true(build_turn_take(&turning->runner->build_turns, &served, &never, &turn));
        build_turn_give(&turning->runner->build_turns);
    }
    return NULL;
}

/* Wherever it is met: a handler that waited for a lock of its own thread would wait for ever. */
static void a_signal_may_stop_them(void **state)
{
    (void)state;
    enum { SIGNALS = 2000, PATIENCE_MS = 20000 };
    struct harness harness;
    const struct harness_options options = {.guests = {"basic"}};
    harness_open(&harness, &options);
    struct turning turning = {.runner = harness.runner};
    struct sigaction action = {.sa_handler = stop_from_signal};
    struct sigaction before;
    pthread_t thread;
    runner_to_stop = harness.runner;
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    assert_int_equal(pthread_create(&thread, NULL, take_turns, &turning), 0);
    for (unsigned i = 1; i <= SIGNALS; i++) {
        assert_int_equal(pthread_kill(thread, SIGUSR1), 0);
        const uint64_t until_ns = clock_deadline_ns(PATIENCE_MS);
        while (atomic_load(&stops_made) < i) {
            assert_true(clock_monotonic_ns() < until_ns);
            (void)sched_yield();
        }
    }
    atomic_store(&turning.ends, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
    runner_allow_deploys(harness.runner);
    harness_close(&harness);
}

static void stopped_deploys_change_nothing(void **state)
{
    (void)state;
    struct build b;
    build_init(&b);
    const struct slice wasm = build_guest(&b, "a:run", NO_CODE, METADATA);
    struct harness harness;
    const struct harness_options options = {.guests = {"basic"}};
    harness_open(&harness, &options);
    runner_stop_deploys(harness.runner);
    for (int i = 0; i < 2; i++) {
        struct buffer report;
        buffer_init(&report, 65536);
        cordon_error *error = deploy(&harness, wasm, &report);
        buffer_done(&report);
        assert_non_null(error);
        assert_int_equal(cordon_error_get_code(error), CORDON_E_OVERLOADED);
        assert_non_null(strstr(cordon_error_get_message(error), "deploy again when it is back"));
        cordon_error_free(error);
    }
    struct called called;
    assert_int_equal(call(&called, &harness, "basic:nothing", "{}")->code, CORDON_OUTCOME_SUCCESS);
    called_end(&called);

    runner_allow_deploys(harness.runner);
    struct buffer report;
    buffer_init(&report, 65536);
    assert_good(deploy(&harness, wasm, &report));
    buffer_done(&report);
    assert_int_equal(call(&called, &harness, "a:run", "{}")->code, CORDON_OUTCOME_SUCCESS);
    called_end(&called);
    harness_close(&harness);
    build_done(&b);
}

/* -- Long deploys ----------------------------------------------------------------------------- */

enum { WINDOW_MS = 50, BODIES = 40, BODY_TURNS = 4000, TURN_BYTES = 5 };

/* A small module that takes many times as long to compile as the store keeps a snapshot. */
static struct slice build_long(struct build *b)
{
    static uint8_t code[TURN_BYTES * BODY_TURNS];
    for (size_t i = 0; i < sizeof code; i += TURN_BYTES) {
        const uint8_t turn[TURN_BYTES] = {OP_I32_CONST, 0, OP_MEMORY_GROW, 0, OP_DROP};
        memcpy(code + i, turn, sizeof turn);
    }
    build_init(b);
    build_memory(b, "memory", 1, BUILD_NO_MAX);
    build_function(b, "a:run", "", "", NO_CODE);
    for (int i = 0; i < BODIES; i++) {
        (void)build_function(b, NULL, "", "", slice_of(code, sizeof code));
    }
    build_metadata(b, METADATA);
    return build_finish(b);
}

struct deployer {
    struct harness *harness;
    struct slice wasm;
    cordon_error *error;
    atomic_bool done;
};

static void *deploy_long(void *arg)
{
    struct deployer *deployer = arg;
    struct buffer report;
    buffer_init(&report, 65536);
    deployer->error = deploy(deployer->harness, deployer->wasm, &report);
    buffer_done(&report);
    atomic_store(&deployer->done, true);
    return NULL;
}

/* Others commit meanwhile, and what is older than the window is removed as they do. */
static void a_deploy_may_take_longer_than_a_snapshot_lasts(void **state)
{
    (void)state;
    struct build b;
    struct harness harness;
    const struct harness_options options = {.guests = {"counter"}, .window_ms = WINDOW_MS};
    harness_open(&harness, &options);
    struct deployer deployer = {.harness = &harness, .wasm = build_long(&b)};
    pthread_t thread;
    const uint64_t started = clock_monotonic_ns();
    assert_int_equal(pthread_create(&thread, NULL, deploy_long, &deployer), 0);
    unsigned commits = 0;
    while (!atomic_load(&deployer.done)) {
        struct called called;
        commits += call(&called, &harness, "counter:add", "{}")->code == CORDON_OUTCOME_SUCCESS;
        called_end(&called);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_good(deployer.error);
    assert_true(clock_monotonic_ns() - started > (uint64_t)WINDOW_MS * 4 * 1000000);
    assert_true(commits > 10);
    harness_close(&harness);
    build_done(&b);
}

/* -- The audit log ---------------------------------------------------------------------------- */

static size_t count_refusals(struct harness *harness)
{
    CORDON_CLEANUP_BUFFER struct buffer lines;
    buffer_init(&lines, (size_t)8 << 20);
    uint64_t next = 1;
    assert_good(audit_rows_page(harness->store, TENANT_DEFAULT, 1, (size_t)1 << 20, &lines, &next));
    assert_good(buffer_append_byte(&lines, '\0'));
    size_t count = 0;
    for (const char *at = (const char *)lines.data; (at = strstr(at, "deploy_refused")) != NULL;
         at++) {
        count++;
    }
    return count;
}

/* That a deploy was refused is written in the end, whichever call of the store fails. */
static void refusals_are_audited_in_the_end(void **state)
{
    (void)state;
    char folder[] = "/tmp/cordon-refusals-XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(folder));
    const struct harness_options options = {.faulty = true};
    struct harness harness;
    harness_open(&harness, &options);
    const struct auditor_options audit = {
        .store = harness.store, .tenant = TENANT_DEFAULT, .folder = folder};
    assert_good(runner_keep_audit(harness.runner, &audit));
    bool has_failed = true;
    size_t refused = 0;
    for (uint64_t nth = 1; has_failed; nth++) {
        CORDON_CLEANUP_BUFFER struct buffer report;
        buffer_init(&report, 65536);
        (void)store_fault_nth(harness.store, nth);
        cordon_error *error = deploy(&harness, SLICE("no module"), &report);
        has_failed = store_fault_nth(harness.store, 0) >= nth;
        assert_non_null(error);
        refused += cordon_error_get_code(error) == CORDON_E_MODULE_REFUSED;
        cordon_error_free(error);
        for (int tries = 0; count_refusals(&harness) < refused && tries < 5000; tries++) {
            (void)usleep(1000);
        }
        assert_int_equal(count_refusals(&harness), refused);
    }
    assert_true(refused >= 3); /* two of them met a store that failed to begin or to commit */
    harness_close(&harness);
    (void)snprintf(path, sizeof path, "%s/1.secret", folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* -- The last deploys ------------------------------------------------------------------------- */

/* A module of its own for each number: its name section says it. */
static struct slice build_numbered(struct build *b, unsigned number)
{
    char name[16];
    (void)snprintf(name, sizeof name, "number%u", number);
    build_init(b);
    build_memory(b, "memory", 1, BUILD_NO_MAX);
    build_function(b, "a:run", "", "", NO_CODE);
    build_metadata(b, METADATA);
    build_name(b, 0, name);
    return build_finish(b);
}

static void deploy_numbered(
    struct harness *harness, unsigned number, uint8_t out_hash[SHA256_BYTES])
{
    struct build b;
    struct buffer report;
    buffer_init(&report, 65536);
    const struct slice wasm = build_numbered(&b, number);
    hash_sha256(&wasm, 1, out_hash);
    assert_good(deploy(harness, wasm, &report));
    buffer_done(&report);
    build_done(&b);
}

static bool has_module(struct harness *harness, const uint8_t hash[SHA256_BYTES])
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)1 << 20);
    struct slice wasm;
    assert_good(deploy_rows_find_module(harness->store, TENANT_DEFAULT, hash, &arena, &wasm));
    return wasm.size > 0;
}

static void expect_list(struct harness *harness, const char *words)
{
    CORDON_CLEANUP_BUFFER struct buffer list;
    buffer_init(&list, 65536);
    assert_good(runner_list_deploys(harness->runner, TENANT_DEFAULT, &list));
    assert_good(buffer_append_byte(&list, '\0'));
    char found[256] = "";
    size_t size = 0;
    for (const char *at = (const char *)list.data; at != NULL;
         at = strstr(at + 1, "{\"number\":")) {
        const int part =
            snprintf(found + size, sizeof found - size, "%.*s", (int)strcspn(at, ","), at);
        assert_in_range(part, 1, sizeof found - size - 1);
        size += (size_t)part;
    }
    assert_string_equal(found, words);
}

/* The harness has made the first deploy, of no module. */

/* The bytes of a module are there as long as a kept deploy names it, and no longer. */
static void modules_of_kept_deploys_are_kept(void **state)
{
    (void)state;
    struct harness harness;
    const struct harness_options options = {.guests = {NULL}};
    uint8_t hashes[8][SHA256_BYTES];
    harness_open(&harness, &options);
    expect_list(&harness, "{\"current\":1{\"number\":1");
    deploy_numbered(&harness, 1, hashes[1]);
    deploy_numbered(&harness, 2, hashes[2]);
    deploy_numbered(&harness, 1, hashes[3]); /* as the first one */
    for (unsigned number = 4; number <= 6; number++) {
        deploy_numbered(&harness, number, hashes[number]);
    }
    assert_true(has_module(&harness, hashes[1])); /* the first is gone, the third has it */
    assert_true(has_module(&harness, hashes[2]));
    deploy_numbered(&harness, 7, hashes[7]);
    assert_false(has_module(&harness, hashes[2]));
    assert_true(has_module(&harness, hashes[1]));
    expect_list(
        &harness,
        "{\"current\":8{\"number\":8{\"number\":7{\"number\":6{\"number\":5{\"number\":4");
    harness_close(&harness);
}

/*
 * Whether a rollback to `number` fails, because the store does at its nth call. Calls after the
 * commit clean up, and whether they fail changes nothing.
 */
static bool rollback_failing(struct harness *harness, uint64_t number, uint64_t nth)
{
    CORDON_CLEANUP_BUFFER struct buffer report;
    buffer_init(&report, 65536);
    (void)store_fault_nth(harness->store, nth);
    cordon_error *error = runner_rollback(harness->runner, TENANT_DEFAULT, number, NULL, &report);
    const bool has_failed = error != NULL;
    assert_true(store_fault_nth(harness->store, 0) >= nth || !has_failed);
    cordon_error_free(error);
    return has_failed;
}

/* Whichever call of the store fails, what held goes on to hold, whole. */
static void a_rollback_that_fails_changes_nothing(void **state)
{
    (void)state;
    struct harness harness;
    const struct harness_options options = {.guests = {NULL}, .faulty = true};
    uint8_t hash[SHA256_BYTES];
    harness_open(&harness, &options);
    deploy_numbered(&harness, 1, hash);
    deploy_numbered(&harness, 2, hash);
    uint64_t nth = 1;
    for (; rollback_failing(&harness, 2, nth); nth++) {
        expect_list(&harness, "{\"current\":3{\"number\":3{\"number\":2{\"number\":1");
    }
    assert_true(nth > 5);
    expect_list(&harness, "{\"current\":2{\"number\":3{\"number\":2{\"number\":1");
    harness_close(&harness);
}

/* What was deployed before deploys had numbers is the first one. */
static void a_deploy_without_a_number_is_the_first(void **state)
{
    (void)state;
    struct harness harness;
    const struct harness_options options = {.guests = {NULL}};
    uint8_t first[SHA256_BYTES];
    uint8_t second[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    char text[256];
    harness_open(&harness, &options);
    deploy_numbered(&harness, 1, first);
    hex_encode(slice_of(first, sizeof first), hex);
    (void)snprintf(
        text, sizeof text, "{\"time_ms\":5,\"modules\":[{\"name\":\"old\",\"hash\":\"%s\"}]}", hex);
    struct rows rows;
    bool conflict = true;
    assert_good(rows_begin(harness.store, TENANT_DEFAULT, &rows));
    assert_good(store_row_put(rows.txn, KEYSPACE_MODULE, SLICE("deploy"), slice_str(text)));
    for (uint8_t number = 1; number <= 2; number++) {
        const uint8_t key[] = {'d', 'e', 'p', 'l', 'o', 'y', '/', 0, 0, 0, 0, 0, 0, 0, number};
        assert_good(store_row_remove(rows.txn, KEYSPACE_MODULE, slice_of(key, sizeof key)));
    }
    assert_good(rows_commit(&rows, &(struct store_commit_facts){0}, &conflict));
    assert_false(conflict);
    rows_end(&rows);
    expect_list(&harness, "{\"current\":1{\"number\":1");

    deploy_numbered(&harness, 2, second);
    expect_list(&harness, "{\"current\":2{\"number\":2{\"number\":1");
    CORDON_CLEANUP_BUFFER struct buffer report;
    buffer_init(&report, 65536);
    assert_good(runner_rollback(harness.runner, TENANT_DEFAULT, 1, NULL, &report));
    assert_non_null(memmem(report.data, report.size, "\"name\":\"old\"", 12));
    harness_close(&harness);
}

/* -- Loading ---------------------------------------------------------------------------------- */

struct reader {
    struct runner *runner;
    atomic_bool has_begun;
    atomic_bool is_done;
    bool is_loaded;
};

static void *read_cached(void *arg)
{
    struct reader *reader = arg;
    atomic_store(&reader->has_begun, true);
    cordon_error *error = runner_load_cached(reader->runner, TENANT_DEFAULT, &reader->is_loaded);
    atomic_store(&reader->is_done, true);
    return error;
}

static void begin_reading(struct reader *reader, pthread_t *thread)
{
    assert_int_equal(pthread_create(thread, NULL, read_cached, reader), 0);
    while (!atomic_load(&reader->has_begun)) {
        (void)usleep(1000);
    }
}

/* Who has the lock for a moment is waited for; who makes machine code under it is not. */
static void a_reader_waits_for_whoever_reads(void **state)
{
    (void)state;
    struct harness harness;
    harness_open(&harness, &(struct harness_options){.guests = {"basic"}});
    struct tenant *tenant = runner_tenants(harness.runner)->usual;
    pthread_t thread;
    void *error = NULL;
    assert_int_equal(pthread_mutex_lock(&tenant->load_lock), 0);
    atomic_store(&tenant->is_awake, false);
    struct reader waiting = {.runner = harness.runner};
    begin_reading(&waiting, &thread);
    (void)usleep(100000);
    assert_false(atomic_load(&waiting.is_done));
    atomic_store(&tenant->is_awake, true); /* the other one has loaded it */
    assert_int_equal(pthread_mutex_unlock(&tenant->load_lock), 0);
    assert_int_equal(pthread_join(thread, &error), 0);
    assert_null(error);
    assert_true(waiting.is_loaded);

    assert_int_equal(pthread_mutex_lock(&tenant->load_lock), 0);
    atomic_store(&tenant->is_awake, false);
    struct reader leaving = {.runner = harness.runner};
    begin_reading(&leaving, &thread);
    atomic_store(&tenant->lacks_code, true);
    assert_int_equal(pthread_join(thread, &error), 0);
    assert_null(error);
    assert_false(leaving.is_loaded);
    atomic_store(&tenant->is_awake, true);
    assert_int_equal(pthread_mutex_unlock(&tenant->load_lock), 0);
    harness_close(&harness);
}

/* Also where it is woken for something else than a call. */
static void who_lacks_machine_code_is_marked_before_it_is_made(void **state)
{
    (void)state;
    struct harness harness;
    harness_open(&harness, &(struct harness_options){.guests = {"basic"}});
    struct tenant *tenant = runner_tenants(harness.runner)->usual;
    atomic_store(&tenant->is_awake, false);
    assert_false(atomic_load(&tenant->lacks_code));
    assert_good(runner_load(harness.runner, TENANT_DEFAULT)); /* there is no cache */
    assert_true(atomic_load(&tenant->lacks_code));
    assert_true(atomic_load(&tenant->is_awake));
    harness_close(&harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_can_not_be_crowded),
        cmocka_unit_test(a_large_name_costs_nothing),
        cmocka_unit_test(names_are_kept_up_to_a_bound),
        cmocka_unit_test(a_cut_name_is_whole_characters),
        cmocka_unit_test(invalid_code_is_refused_at_its_place),
        cmocka_unit_test(stopped_deploys_change_nothing),
        cmocka_unit_test(a_signal_may_stop_them),
        cmocka_unit_test(a_deploy_may_take_longer_than_a_snapshot_lasts),
        cmocka_unit_test(refusals_are_audited_in_the_end),
        cmocka_unit_test(modules_of_kept_deploys_are_kept),
        cmocka_unit_test(a_rollback_that_fails_changes_nothing),
        cmocka_unit_test(a_deploy_without_a_number_is_the_first),
        cmocka_unit_test(a_reader_waits_for_whoever_reads),
        cmocka_unit_test(who_lacks_machine_code_is_marked_before_it_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
