/*
 * What metering costs: whole runs of five kernels, on the engine as it is; on the same engine
 * without slices, so that counting alone is left; and on one that counts no fuel (unmetered.h).
 *
 *     bench_metering KERNELS.wasm
 *
 * The file is bench/kernels, built. All of it is in this one process and takes turns, each turn in
 * another order; the median of the turns' ratios counts. Prints one JSON object a line, whose times
 * are processor time: a run is long enough to be interrupted by other programs.
 */
#include "inside.h"
#include "unmetered.h"

#include "base/clock.h"
#include "engine/engine.h"

#include <stdio.h>

enum { TURNS = 31, WAYS = 3, VALUE_BYTES_MAX = 64 };

static const char *const kernels[] = {"bytes", "floats", "integers", "calls", "documents"};

/* The same module in an engine that meters and in one that does not. */
static struct inside metered;
static struct inside unmetered;

static struct inside_run run_kernel(
    enum metering metering, const char *path, struct buffer *out_value)
{
    metering_set(metering);
    const struct inside *inside = metering == METERING_OFF ? &unmetered : &metered;
    return inside_run(inside, path, "{}", out_value);
}

/*
 * Fails unless the three ways are what they are taken for: the same value from all, the same fuel
 * from two, next to none from the third. Warms them up, too. Returns the fuel.
 */
static uint64_t compare_ways(const char *path)
{
    struct buffer values[WAYS];
    uint64_t fuel[WAYS];
    for (int way = 0; way < WAYS; way++) {
        buffer_init(&values[way], VALUE_BYTES_MAX);
        fuel[way] = run_kernel((enum metering)way, path, &values[way]).fuel;
        must_hold(
            slice_equal(buffer_slice(&values[way]), buffer_slice(&values[0])),
            "metering changes its value", path);
    }
    must_hold(fuel[METERING_ON] > 100 * ENGINE_SLICE_FUEL, "it has next to no slices", path);
    must_hold(fuel[METERING_UNSLICED] == fuel[METERING_ON], "slices change its fuel", path);
    /* What the host takes for loading and for its calls is counted without metering, too. */
    must_hold(fuel[METERING_OFF] < fuel[METERING_ON] / 100, "it is metered all the same", path);
    for (int way = 0; way < WAYS; way++) {
        buffer_done(&values[way]);
    }
    return fuel[METERING_ON];
}

static double time_kernel(enum metering metering, const char *path)
{
    const uint64_t began = clock_thread_cpu_ns();
    (void)run_kernel(metering, path, NULL);
    return (double)(clock_thread_cpu_ns() - began);
}

static double median_of(double *figures)
{
    sort_figures(figures, TURNS);
    return figures[TURNS / 2];
}

static void measure_kernel(const char *name)
{
    char path[32];
    double ns[WAYS][TURNS];
    double counting[TURNS]; /* ratios to no metering */
    double all[TURNS];
    (void)snprintf(path, sizeof path, "kernels:%s", name);
    const uint64_t fuel = compare_ways(path);
    for (int turn = 0; turn < TURNS; turn++) {
        for (int i = 0; i < WAYS; i++) {
            const int way = (turn + i) % WAYS;
            ns[way][turn] = time_kernel((enum metering)way, path);
        }
        counting[turn] = ns[METERING_UNSLICED][turn] / ns[METERING_OFF][turn];
        all[turn] = ns[METERING_ON][turn] / ns[METERING_OFF][turn];
    }
    (void)printf(
        "{\"name\": \"%s\", \"unit\": \"ns\", \"metered\": %.0f, \"unsliced\": %.0f, "
        "\"unmetered\": %.0f, \"ratio\": %.4f, \"ratio_unsliced\": %.4f, \"fuel\": %llu, "
        "\"slice_fuel\": %llu, \"turns\": %d}\n",
        name, median_of(ns[METERING_ON]), median_of(ns[METERING_UNSLICED]),
        median_of(ns[METERING_OFF]), median_of(all), median_of(counting), (unsigned long long)fuel,
        (unsigned long long)ENGINE_SLICE_FUEL, TURNS);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: bench_metering KERNELS.wasm\n");
        return 2;
    }
    const char *const modules[] = {argv[1]};
    inside_open(&metered, modules, 1);
    metering_set(METERING_OFF);
    inside_open(&unmetered, modules, 1);
    for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++) {
        measure_kernel(kernels[i]);
    }
    inside_close(&unmetered);
    inside_close(&metered);
    return 0;
}
