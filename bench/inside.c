/* Runs inside this process; see inside.h. */
#include "inside.h"

#include "base/clock.h"
#include "base/memory.h"
#include "run/run.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MODULE_BYTES_MAX = 64 << 20,
    REPORT_BYTES_MAX = 1 << 20,
    SLICE_NS = 2000000, /* one turn of run_poll(), as the server's */
};

void must(cordon_error *error)
{
    if (error != NULL) {
        (void)fprintf(
            stderr, "%s: %s\n", program_invocation_short_name, cordon_error_get_message(error));
        exit(1);
    }
}

void must_hold(bool holds, const char *what, const char *which)
{
    if (!holds) {
        (void)fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, which, what);
        exit(1);
    }
}

/* -- Opening -------------------------------------------------------------------------------- */

struct slice inside_read_file(const char *path)
{
    FILE *file = fopen(path, "rbe");
    uint8_t *data = mem_new(MODULE_BYTES_MAX);
    must_hold(file != NULL && data != NULL, "it cannot be read", path);
    const size_t size = fread(data, 1, MODULE_BYTES_MAX, file);
    (void)fclose(file);
    return slice_of(data, size);
}

static void deploy(struct runner *runner, const char *const *paths, size_t count)
{
    struct deploy_module modules[INSIDE_MODULES_MAX];
    CORDON_ASSERT(count <= INSIDE_MODULES_MAX);
    for (size_t i = 0; i < count; i++) {
        modules[i] =
            (struct deploy_module){.name = slice_str(paths[i]), .wasm = inside_read_file(paths[i])};
    }
    struct buffer report;
    buffer_init(&report, REPORT_BYTES_MAX);
    must(runner_deploy(runner, TENANT_DEFAULT, modules, count, DEPLOY_KEEP, NULL, &report));
    buffer_done(&report);
    for (size_t i = 0; i < count; i++) {
        mem_free((void *)(uintptr_t)modules[i].wasm.data);
    }
}

void inside_open(struct inside *inside, const char *const *paths, size_t count)
{
    inside_open_at(inside, NULL, INSIDE_ALONE, paths, count);
}

void inside_open_at(
    struct inside *inside,
    const char *folder,
    enum inside_threads threads,
    const char *const *paths,
    size_t count)
{
    const struct store_options store_options = {.flusher_thread = threads == INSIDE_FLUSHED};
    if (folder == NULL) {
        must(store_open_memory(&store_options, &inside->store));
    } else {
        must(store_open_lmdb(folder, &store_options, &inside->store));
    }
    must(metrics_new(&inside->metrics));
    const struct runner_options options = {
        .store = inside->store,
        .metrics = inside->metrics,
        .compile_inside = true,
        .permits = 4,
        .turns_ns = (uint64_t)300000000000,
        .slots = 64,
        .memory_bytes = (uint64_t)4 << 30,
    };
    must(runner_new(&options, &inside->runner));
    deploy(inside->runner, paths, count);
}

void inside_close(struct inside *inside)
{
    runner_free(inside->runner);
    store_close(inside->store);
    metrics_free(inside->metrics);
}

/* -- Running -------------------------------------------------------------------------------- */

/* From whichever thread ends a wait. */
static void wake(void *arg)
{
    must_hold(sem_post(arg) == 0, "it cannot be posted", "a semaphore");
}

static void wait(sem_t *woken)
{
    while (sem_wait(woken) != 0) {
        must_hold(errno == EINTR, "it cannot be waited for", "a semaphore");
    }
}

/* What a finished run says: its value goes to `out_value`, the fuel it used comes back. */
static uint64_t read_outcome(
    const struct outcome *outcome, const char *path, struct buffer *out_value)
{
    if (outcome->code != CORDON_OUTCOME_SUCCESS) {
        (void)fprintf(
            stderr, "%s: %s: %s: %.*s\n", program_invocation_short_name, path,
            outcome_code_name(outcome), SLICE_FMT(outcome->message));
        exit(1);
    }
    if (out_value != NULL) {
        must(buffer_append(out_value, outcome->value));
    }
    return outcome->used[CORDON_LIMIT_FUEL];
}

struct inside_run inside_run(
    const struct inside *inside, const char *path, const char *args, struct buffer *out_value)
{
    const struct run_request request = {
        .tenant = TENANT_DEFAULT,
        .path = slice_str(path),
        .args = slice_str(args),
        .any_kind = true,
        .record = inside->records,
    };
    sem_t woken;
    must_hold(sem_init(&woken, 0, 0) == 0, "it cannot be made", "a semaphore");
    const uint64_t began = clock_monotonic_ns();
    struct run *run = NULL;
    must(run_new(inside->runner, &request, (struct store_wake){wake, &woken}, &run));
    enum run_state state = RUN_READY;
    while (state != RUN_DONE) {
        state = run_poll(run, clock_monotonic_ns() + SLICE_NS);
        if (state == RUN_WAITING) {
            wait(&woken);
        }
    }
    const uint64_t fuel = read_outcome(run_outcome(run), path, out_value);
    run_free(run);
    const double ns = (double)(clock_monotonic_ns() - began);
    (void)sem_destroy(&woken);
    return (struct inside_run){.ns = ns, .fuel = fuel};
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

void sort_figures(double *figures, size_t count)
{
    qsort(figures, count, sizeof figures[0], by_size);
}
