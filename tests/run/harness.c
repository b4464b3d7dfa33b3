/* See harness.h. */
#include "run/harness.h"

#include "base/clock.h"
#include "base/memory.h"
#include "run/tenant/tenants.h"
#include "support/signals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

void assert_good(cordon_error *error)
{
    if (error != NULL) {
        print_error("%s\n", cordon_error_get_message(error));
        cordon_error_free(error);
        fail();
    }
}

struct slice harness_read_guest(const char *name)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s.wasm", CORDON_TEST_GUESTS, name);
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        fail_msg("%s is missing; build the target `guests` first", path);
    }
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    const long size = ftell(file);
    rewind(file);
    uint8_t *bytes = mem_new((size_t)size);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)size, file), size);
    (void)fclose(file);
    return slice_of(bytes, (size_t)size);
}

void harness_add_tenant(struct harness *harness, uint32_t number)
{
    char name[16];
    (void)snprintf(name, sizeof name, "tenant-%u", (unsigned)number);
    struct tenant_settings *settings = MEM_NEW(struct tenant_settings);
    assert_non_null(settings);
    struct tenants *tenants = runner_tenants(harness->runner);
    struct tenant *tenant = tenant_new(harness->runner, slice_str(name), settings);
    assert_non_null(tenant);
    assert_good(tenants_make_room(tenants));
    tenant->number = number;
    tenants_put(tenants, tenant);
    assert_good(runner_load(harness->runner, number));
    harness_deploy(harness, number);
}

void harness_deploy(struct harness *harness, uint32_t tenant)
{
    struct deploy_module modules[HARNESS_GUESTS_MAX];
    for (size_t i = 0; i < harness->module_count; i++) {
        modules[i].name = slice_str(harness->names[i]);
        modules[i].wasm = harness->modules[i];
    }
    struct buffer report;
    buffer_init(&report, (size_t)1 << 20);
    assert_good(runner_deploy(
        harness->runner, tenant, modules, harness->module_count, DEPLOY_KEEP, NULL, &report));
    buffer_done(&report);
}

static void read_guests(struct harness *harness, const struct harness_options *options)
{
    size_t count = 0;
    while (count < HARNESS_GUESTS_MAX && options->guests[count] != NULL) {
        harness->names[count] = options->guests[count];
        harness->modules[count] = harness_read_guest(options->guests[count]);
        count++;
    }
    harness->module_count = count;
}

void harness_open(struct harness *harness, const struct harness_options *options)
{
    *harness = (struct harness){0};
    const struct store_options store = {
        .flusher_thread = options->flusher,
        .window_ms = options->window_ms,
    };
    struct store *inner = NULL;
    assert_good(store_open_memory(&store, &inner));
    if (options->delay_ms > 0) {
        assert_good(store_open_delay(inner, 0, &harness->store));
    } else if (options->faulty) {
        assert_good(store_open_fault(inner, &harness->store));
    } else {
        harness->store = inner;
    }
    assert_good(metrics_new(&harness->metrics));
    const struct runner_options runner = {
        .store = harness->store,
        .metrics = harness->metrics,
        .compile_inside = true,
        .limits = options->limits,
        .permits = options->permits > 0 ? options->permits : 4,
        .processors = options->processors,
        .short_run_ns = options->short_run_ns,
        .slots = options->slots > 0 ? options->slots : 64,
        .turns_ns = options->turns_ns > 0 ? options->turns_ns : (uint64_t)300000000000,
        .memory_bytes = options->memory_bytes > 0 ? options->memory_bytes : (uint64_t)4 << 30,
        .queue_target_ns = options->queue_target_ns,
        .queue_interval_ns = options->queue_interval_ns,
        .record_folder = options->record_folder,
        .record_bytes_max = (uint64_t)1 << 30,
        .record_keep_ms = 86400000,
        .record_functions = options->record_functions,
        .record_function_count = options->record_function_count,
        .replay_sample = options->replay_sample,
    };
    assert_good(runner_new(&runner, &harness->runner));
    engine_signals_restore(); /* cmocka sets its own before each test */
    read_guests(harness, options);
    harness_deploy(harness, TENANT_DEFAULT); /* which asks the store often, and waits for nobody */
    if (options->delay_ms > 0) {
        store_delay_set(harness->store, options->delay_ms);
    }
}

void harness_close(struct harness *harness)
{
    const struct runner_counts counts = runner_get_counts(harness->runner);
    assert_int_equal(counts.permits_used, 0);
    assert_int_equal(counts.permits_waiting, 0);
    assert_int_equal(counts.slots_used, 0);
    assert_int_equal(counts.nests_used, 0);
    assert_int_equal(counts.nests_waiting, 0);
    assert_int_equal(counts.memory_used, 0);
    runner_free(harness->runner);
    store_close(harness->store);
    metrics_free(harness->metrics);
    for (size_t i = 0; i < harness->module_count; i++) {
        mem_free((void *)(uintptr_t)harness->modules[i].data);
    }
}

void change(struct limit_changes *changes, cordon_limit limit, uint64_t value)
{
    changes->set[limit] = true;
    changes->value[limit] = value;
}

static void wake(void *arg)
{
    struct called *called = arg;
    (void)pthread_mutex_lock(&called->lock);
    called->woken = true;
    (void)pthread_cond_signal(&called->changed);
    (void)pthread_mutex_unlock(&called->lock);
}

void called_begin(struct called *called, struct harness *harness, const struct run_request *request)
{
    *called = (struct called){0};
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&called->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_mutex_init(&called->lock, NULL);
    assert_good(run_new(harness->runner, request, (struct store_wake){wake, called}, &called->run));
}

enum run_state called_poll(struct called *called)
{
    return run_poll(called->run, clock_monotonic_ns() + 2000000);
}

void called_wait(struct called *called)
{
    const uint64_t at = run_wake_at_ns(called->run);
    const uint64_t seconds = at / 1000000000;
    const struct timespec until = {
        .tv_sec = seconds > 4000000000 ? 4000000000 : (time_t)seconds,
        .tv_nsec = (long)(at % 1000000000),
    };
    (void)pthread_mutex_lock(&called->lock);
    int late = 0;
    while (!called->woken && late == 0) {
        late = pthread_cond_timedwait(&called->changed, &called->lock, &until);
    }
    called->woken = false;
    (void)pthread_mutex_unlock(&called->lock);
}

const struct outcome *called_finish(struct called *called)
{
    enum run_state state = called_poll(called);
    while (state != RUN_DONE) {
        if (state == RUN_WAITING) {
            called_wait(called);
        }
        state = called_poll(called);
    }
    return run_outcome(called->run);
}

void called_end(struct called *called)
{
    run_free(called->run);
    (void)pthread_cond_destroy(&called->changed);
    (void)pthread_mutex_destroy(&called->lock);
}

struct run_request request_of(const char *path, const char *args)
{
    return (struct run_request){
        .tenant = TENANT_DEFAULT,
        .path = slice_str(path),
        .args = slice_str(args),
        .any_kind = true,
    };
}

const struct outcome *call(
    struct called *called, struct harness *harness, const char *path, const char *args)
{
    const struct run_request request = request_of(path, args);
    called_begin(called, harness, &request);
    return called_finish(called);
}
