/*
 * What a call costs through the whole run layer, in-process, with every check, limit and metric on:
 * a runner over a memory store, without HTTP. A fresh run goes from run_new() to run_free(); a host
 * call is a loop of calls in one run, less the same loop without the call.
 *
 *     bench_gate MESSAGES.wasm BENCH.wasm
 *
 * The first is examples/rust, built; the second bench/guests/bench.wat. Prints one JSON object a
 * line. Host calls are measured in pairs of runs, one with and one without the call, and the median
 * of the differences counts: noise of the machine hits both alike.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "run/run.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    RUNS = 20000,
    WARM_UP = 2000,
    PAIRS = 15,
    INPUT_READS = 100000,
    GETS = 4000, /* each is an index range, of which a run may read 4,096 */
    MODULE_BYTES_MAX = 64 << 20,
    REPORT_BYTES_MAX = 1 << 20,
    SLICE_NS = 2000000, /* one turn of run_poll(), as the server's */
};

static struct runner *runner;

static void must(cordon_error *error)
{
    if (error != NULL) {
        (void)fprintf(stderr, "bench_gate: %s\n", cordon_error_get_message(error));
        exit(1);
    }
}

static void must_hold(bool holds, const char *what, const char *which)
{
    if (!holds) {
        (void)fprintf(stderr, "bench_gate: %s: %s\n", which, what);
        exit(1);
    }
}

static struct slice read_file(const char *path)
{
    FILE *file = fopen(path, "rbe");
    uint8_t *data = mem_new(MODULE_BYTES_MAX);
    must_hold(file != NULL && data != NULL, "it cannot be read", path);
    const size_t size = fread(data, 1, MODULE_BYTES_MAX, file);
    (void)fclose(file);
    return slice_of(data, size);
}

static void deploy(const char *messages, const char *bench)
{
    const struct deploy_module modules[] = {
        {.name = slice_str(messages), .wasm = read_file(messages)},
        {.name = slice_str(bench), .wasm = read_file(bench)},
    };
    struct buffer report;
    buffer_init(&report, REPORT_BYTES_MAX);
    must(runner_deploy(runner, TENANT_DEFAULT, modules, 2, DEPLOY_KEEP, &report));
    buffer_done(&report);
    mem_free((void *)(uintptr_t)modules[0].wasm.data);
    mem_free((void *)(uintptr_t)modules[1].wasm.data);
}

/* -- One run -------------------------------------------------------------------------------- */

/* The memory store without a thread answers at once: no run waits here. */
static void wake(void *arg)
{
    (void)arg;
}

/* Runs a function to its end, which must be success. Copies its value if `out` is given. */
static uint64_t run_once(const char *path, const char *args, struct buffer *out)
{
    const struct run_request request = {
        .tenant = TENANT_DEFAULT,
        .path = slice_str(path),
        .args = slice_str(args),
        .any_kind = true,
    };
    const uint64_t began = clock_monotonic_ns();
    struct run *run = NULL;
    must(run_new(runner, &request, (struct store_wake){wake, NULL}, &run));
    enum run_state state = RUN_READY;
    while (state != RUN_DONE) {
        state = run_poll(run, clock_monotonic_ns() + SLICE_NS);
        must_hold(state != RUN_WAITING, "it waits", path);
    }
    const struct outcome *outcome = run_outcome(run);
    if (outcome->code != CORDON_OUTCOME_SUCCESS) {
        (void)fprintf(
            stderr, "bench_gate: %s: %s: %.*s\n", path, outcome_code_name(outcome),
            SLICE_FMT(outcome->message));
        exit(1);
    }
    if (out != NULL) {
        must(buffer_append(out, outcome->value));
    }
    run_free(run);
    return clock_monotonic_ns() - began;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure_runs(const char *title, const char *path)
{
    static double ns[RUNS];
    for (size_t i = 0; i < WARM_UP; i++) {
        (void)run_once(path, "{}", NULL);
    }
    for (size_t i = 0; i < RUNS; i++) {
        ns[i] = (double)run_once(path, "{}", NULL);
    }
    qsort(ns, RUNS, sizeof ns[0], by_size);
    (void)printf(
        "{\"name\": \"%s\", \"unit\": \"ns\", \"p50\": %.0f, \"p99\": %.0f, \"runs\": %d}\n", title,
        ns[RUNS / 2], ns[RUNS / 100 * 99], RUNS);
}

/* -- Host calls ----------------------------------------------------------------------------- */

static void measure_call(const char *title, const char *path, const char *args, int calls)
{
    double each[PAIRS];
    (void)run_once("bench:loop", args, NULL);
    (void)run_once(path, args, NULL);
    for (size_t i = 0; i < PAIRS; i++) {
        const uint64_t loop = run_once("bench:loop", args, NULL);
        const uint64_t all = run_once(path, args, NULL);
        each[i] = ((double)all - (double)loop) / calls;
    }
    qsort(each, PAIRS, sizeof each[0], by_size);
    (void)printf(
        "{\"name\": \"%s\", \"unit\": \"ns\", \"each\": %.1f, \"least\": %.1f, \"calls\": %d}\n",
        title, each[PAIRS / 2], each[0], calls);
}

/* The arguments are an array of exactly 64 bytes, so that each call copies 64. */
static void measure_input_read(void)
{
    char args[128];
    const int size = snprintf(args, sizeof args, "{\"n\":%d,\"pad\":\"%041d\"}", INPUT_READS, 0);
    must_hold(size == 62, "its arguments are not 64 bytes", "bench:input_read");
    measure_call("gate_input_read_64", "bench:input_read", args, INPUT_READS);
}

static void measure_get(void)
{
    struct buffer id;
    char args[128];
    buffer_init(&id, sizeof args);
    (void)run_once("bench:insert_one", "{}", &id);
    (void)snprintf(args, sizeof args, "{\"id\":%.*s,\"n\":%d}", SLICE_FMT(buffer_slice(&id)), GETS);
    buffer_done(&id);
    measure_call("gate_get", "bench:get", args, GETS);
    measure_call("gate_now_ms", "bench:now", args, GETS);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: bench_gate MESSAGES.wasm BENCH.wasm\n");
        return 2;
    }
    const struct store_options store_options = {0};
    struct store *store = NULL;
    struct metrics *metrics = NULL;
    must(store_open_memory(&store_options, &store));
    must(metrics_new(&metrics));
    const struct runner_options options = {
        .store = store,
        .metrics = metrics,
        .compile_inside = true,
        .permits = 4,
        .slots = 64,
        .memory_bytes = (uint64_t)4 << 30,
    };
    must(runner_new(&options, &runner));
    deploy(argv[1], argv[2]);

    measure_runs("run_noop_rust", "noop:noop");
    measure_runs("run_empty", "bench:empty");
    measure_input_read();
    measure_get();

    runner_free(runner);
    store_close(store);
    metrics_free(metrics);
    return 0;
}
