/*
 * What a call costs through the whole run layer, in-process, with every check, limit and metric on.
 * A fresh run goes from run_new() to run_free(); a host call is a loop of calls in one run, less
 * the same loop without the call.
 *
 *     bench_gate MESSAGES.wasm BENCH.wasm
 *
 * The first is examples/messages_rust, built; the second bench/guests/bench.wat. Prints one JSON
 * object a line. Host calls are measured in pairs of runs, one with and one without the call, and
 * the median of the differences counts: noise of the machine hits both alike.
 */
#include "inside.h"

#include <stdio.h>

enum {
    RUNS = 20000,
    WARM_UP = 2000,
    PAIRS = 15,
    RECORDED_PAIRS = 40000,
    INPUT_READS = 100000,
    GETS = 4000, /* each is an index range, of which a run may read 4,096 */
};

static struct inside inside;

static double run_once(const char *path, const char *args)
{
    return inside_run(&inside, path, args, NULL).ns;
}

static void measure_runs(const char *title, const char *path)
{
    static double ns[RUNS];
    for (size_t i = 0; i < WARM_UP; i++) {
        (void)run_once(path, "{}");
    }
    for (size_t i = 0; i < RUNS; i++) {
        ns[i] = run_once(path, "{}");
    }
    sort_figures(ns, RUNS);
    (void)printf(
        "{\"name\": \"%s\", \"unit\": \"ns\", \"p50\": %.0f, \"p99\": %.0f, \"runs\": %d}\n", title,
        ns[RUNS / 2], ns[RUNS / 100 * 99], RUNS);
}

/* Runs with and without a record in turns, so that the machine's moods hit both alike. */
static void measure_recording(const char *title, const char *path)
{
    static double ns[2][RECORDED_PAIRS];
    for (size_t i = 0; i < RECORDED_PAIRS; i++) {
        for (size_t recorded = 0; recorded < 2; recorded++) {
            inside.records = (recorded + i) % 2 == 1;
            ns[inside.records][i] = run_once(path, "{}");
        }
    }
    inside.records = false;
    sort_figures(ns[0], RECORDED_PAIRS);
    sort_figures(ns[1], RECORDED_PAIRS);
    const double plain = ns[0][RECORDED_PAIRS / 2];
    const double recorded = ns[1][RECORDED_PAIRS / 2];
    (void)printf(
        "{\"name\": \"%s\", \"unit\": \"ns\", \"plain\": %.0f, \"recorded\": %.0f, \"ratio\": "
        "%.4f, "
        "\"pairs\": %d}\n",
        title, plain, recorded, recorded / plain, RECORDED_PAIRS);
}

static void measure_call(const char *title, const char *path, const char *args, int calls)
{
    double each[PAIRS];
    (void)run_once("bench:loop", args);
    (void)run_once(path, args);
    for (size_t i = 0; i < PAIRS; i++) {
        const double loop = run_once("bench:loop", args);
        const double all = run_once(path, args);
        each[i] = (all - loop) / calls;
    }
    sort_figures(each, PAIRS);
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
    (void)inside_run(&inside, "bench:insert_one", "{}", &id);
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
    const char *const modules[] = {argv[1], argv[2]};
    inside_open(&inside, modules, 2);
    measure_runs("run_noop_rust", "noop:noop");
    measure_runs("run_empty", "bench:empty");
    measure_recording("record_noop", "noop:noop");
    measure_input_read();
    measure_get();
    inside_close(&inside);
    return 0;
}
