/*
 * What the engine costs: a fresh run of an empty module, host calls that answer at once and that
 * may wait, and, if the path of a module is given, a fresh run of one of its exports (with every
 * import answered by 0).
 *
 *     bench_engine [MODULE.wasm EXPORT]
 *
 * Prints one JSON object a line.
 */
#include "engine/engine.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/memory.h"
#include "wasm/reader.h"

#include <stdio.h>

enum { RUNS = 20000, WARM_UP = 2000, HOST_CALLS = 1000000 };

/* (module (memory (export "memory") 1) (func (export "noop"))) */
static const uint8_t empty_module[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02,
    0x01, 0x00, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x11, 0x02, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72,
    0x79, 0x02, 0x00, 0x04, 0x6e, 0x6f, 0x6f, 0x70, 0x00, 0x00, 0x0a, 0x04, 0x01, 0x02, 0x00, 0x0b,
};

/*
 * Exports "now", "wait" and "spin": loops of 1,000,000 turns that call import "bench" "now", call
 * import "bench" "wait" with (64, 64), or do nothing.
 */
static const uint8_t host_module[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x0a, 0x02, 0x60, 0x02, 0x7f, 0x7f, 0x01,
    0x7e, 0x60, 0x00, 0x00, 0x02, 0x1a, 0x02, 0x05, 0x62, 0x65, 0x6e, 0x63, 0x68, 0x03, 0x6e, 0x6f,
    0x77, 0x00, 0x00, 0x05, 0x62, 0x65, 0x6e, 0x63, 0x68, 0x04, 0x77, 0x61, 0x69, 0x74, 0x00, 0x00,
    0x03, 0x04, 0x03, 0x01, 0x01, 0x01, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x1e, 0x04, 0x06, 0x6d,
    0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00, 0x03, 0x6e, 0x6f, 0x77, 0x00, 0x02, 0x04, 0x77, 0x61,
    0x69, 0x74, 0x00, 0x03, 0x04, 0x73, 0x70, 0x69, 0x6e, 0x00, 0x04, 0x0a, 0x58, 0x03, 0x1f, 0x01,
    0x01, 0x7f, 0x41, 0xc0, 0x84, 0x3d, 0x21, 0x00, 0x03, 0x40, 0x41, 0xc0, 0x00, 0x41, 0xc0, 0x00,
    0x10, 0x00, 0x1a, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x0b, 0x1f, 0x01,
    0x01, 0x7f, 0x41, 0xc0, 0x84, 0x3d, 0x21, 0x00, 0x03, 0x40, 0x41, 0xc0, 0x00, 0x41, 0xc0, 0x00,
    0x10, 0x01, 0x1a, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x0b, 0x16, 0x01,
    0x01, 0x7f, 0x41, 0xc0, 0x84, 0x3d, 0x21, 0x00, 0x03, 0x40, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22,
    0x00, 0x0d, 0x00, 0x0b, 0x0b,
};

struct bench_run {
    uint8_t source[64];
    bool waited;
};

/* What input_read does at the least: a bounds check and a copy. */
static enum engine_answer copy_now(void *run, struct engine_guest *guest, uint64_t *slots)
{
    const struct bench_run *bench = run;
    uint64_t size = 0;
    uint8_t *memory = engine_guest_memory(guest, &size);
    if (slots[1] > size || slots[0] > size - slots[1] || slots[1] > sizeof bench->source) {
        return ENGINE_STOP;
    }
    memcpy(memory + slots[0], bench->source, slots[1]);
    return ENGINE_ANSWERED;
}

static enum engine_answer charge_and_copy(void *run, struct engine_guest *guest, uint64_t *slots)
{
    return engine_charge(guest, 10) ? copy_now(run, guest, slots) : ENGINE_STOP;
}

static enum engine_answer wait_once(void *run, struct engine_guest *guest, uint64_t *slots)
{
    struct bench_run *bench = run;
    bench->waited = !bench->waited;
    return bench->waited ? ENGINE_WAIT : copy_now(run, guest, slots);
}

static enum engine_answer answer_zero(void *run, struct engine_guest *guest, uint64_t *slots)
{
    (void)run;
    (void)guest;
    slots[0] = 0;
    return ENGINE_ANSWERED;
}

static enum engine_answer stop_denied(void *run, const struct engine_import *import)
{
    (void)run;
    (void)import;
    return ENGINE_STOP;
}

static void must(cordon_error *error)
{
    if (error != NULL) {
        (void)fprintf(stderr, "bench_engine: %s\n", cordon_error_get_message(error));
        exit(1);
    }
}

static struct engine *engine_with(const struct engine_import *imports, size_t count)
{
    const struct engine_options options = {
        .imports = imports,
        .import_count = count,
        .denied = stop_denied,
        .memory_bytes_max = (uint64_t)256 << 20,
        .table_elements_max = 100000,
        .stack_bytes = 512 << 10,
        .instances_max = 1000,
    };
    struct engine *engine = NULL;
    must(engine_new(&options, &engine));
    return engine;
}

static struct engine_module *load(struct engine *engine, struct slice wasm)
{
    struct slice artifact;
    struct engine_module *module = NULL;
    must(engine_compile_inside(wasm, NULL, &artifact));
    must(engine_module_load_bytes(engine, artifact, &module));
    mem_free((void *)(uintptr_t)artifact.data);
    return module;
}

/* Runs an export once, from a fresh instance to a reset slot; nanoseconds. */
static uint64_t run_once(struct engine_module *module, const char *name, bool has_initialize)
{
    struct bench_run run = {0};
    const struct engine_call_options options = {
        .module = module,
        .kind = CORDON_QUERY,
        .export_name = slice_str(name),
        .has_initialize = has_initialize,
        .fuel = 10000000000,
        .memory_bytes = (uint64_t)256 << 20,
        .table_elements = 100000,
        .run = &run,
    };
    const uint64_t start = clock_monotonic_ns();
    struct engine_call *call = NULL;
    must(engine_call_new(&options, &call));
    enum engine_state state = ENGINE_YIELDED;
    while (state == ENGINE_YIELDED || state == ENGINE_WAITING) {
        state = engine_call_poll(call);
    }
    if (state != ENGINE_RETURNED) {
        (void)fprintf(stderr, "bench_engine: %s ended with %d\n", name, (int)engine_call_end(call));
        exit(1);
    }
    engine_call_free(call);
    return clock_monotonic_ns() - start;
}

static int by_size(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void measure_runs(
    const char *title, struct engine_module *module, const char *name, bool has_initialize)
{
    static uint64_t ns[RUNS];
    for (size_t i = 0; i < WARM_UP; i++) {
        (void)run_once(module, name, has_initialize);
    }
    for (size_t i = 0; i < RUNS; i++) {
        ns[i] = run_once(module, name, has_initialize);
    }
    qsort(ns, RUNS, sizeof ns[0], by_size);
    (void)printf(
        "{\"name\": \"%s\", \"unit\": \"ns\", \"p50\": %llu, \"p99\": %llu, \"runs\": %d}\n", title,
        (unsigned long long)ns[RUNS / 2], (unsigned long long)ns[RUNS / 100 * 99], RUNS);
}

/* The best of a few runs, less the loop around the calls. */
static uint64_t best_of(struct engine_module *module, const char *name)
{
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 7; i++) {
        const uint64_t ns = run_once(module, name, false);
        best = ns < best ? ns : best;
    }
    return best;
}

static void measure_host_call(
    const char *title, const char *export, const struct engine_import *imports)
{
    struct engine *engine = engine_with(imports, 2);
    struct engine_module *module = load(engine, slice_of(host_module, sizeof host_module));
    const uint64_t loop = best_of(module, "spin");
    const uint64_t all = best_of(module, export);
    (void)printf(
        "{\"name\": \"%s\", \"unit\": \"ns\", \"each\": %.1f, \"calls\": %d}\n", title,
        (double)(all - loop) / HOST_CALLS, HOST_CALLS);
    engine_module_unref(module);
    engine_free(engine);
}

#define ALL_KINDS 7u
#define ROW(field, can_wait, function)                                                             \
    {.module = "bench",                                                                            \
     .name = (field),                                                                              \
     .params = "ii",                                                                               \
     .result = "I",                                                                                \
     .kinds = ALL_KINDS,                                                                           \
     .may_wait = (can_wait),                                                                       \
     .handler = (function)}

static void measure_host_calls(void)
{
    const struct engine_import plain[] = {ROW("now", false, copy_now), ROW("wait", true, copy_now)};
    const struct engine_import other[] = {
        ROW("now", false, charge_and_copy), ROW("wait", true, wait_once)};
    measure_host_call("host_call_copy_64", "now", plain);
    measure_host_call("host_call_charge_copy_64", "now", other);
    measure_host_call("host_call_may_wait_copy_64", "wait", plain);
    measure_host_call("host_call_waits_once_copy_64", "wait", other);
}

static void measure_empty(void)
{
    struct engine *engine = engine_with(NULL, 0);
    struct engine_module *module = load(engine, slice_of(empty_module, sizeof empty_module));
    measure_runs("fresh_run_empty", module, "noop", false);
    engine_module_unref(module);
    engine_free(engine);
}

/* -- A module of the caller's --------------------------------------------------------------- */

static struct slice read_file(const char *path)
{
    enum { BYTES_MAX = 64 << 20 };
    FILE *file = fopen(path, "rb");
    uint8_t *data = mem_new(BYTES_MAX);
    if (file == NULL || data == NULL) {
        (void)fprintf(stderr, "bench_engine: cannot read %s\n", path);
        exit(1);
    }
    const size_t size = fread(data, 1, BYTES_MAX, file);
    (void)fclose(file);
    return slice_of(data, size);
}

/* One letter for each type, as in struct engine_import. */
static char *letters(struct arena *arena, struct slice types)
{
    char *text = arena_alloc(arena, types.size + 1);
    for (size_t i = 0; i < types.size; i++) {
        switch (types.data[i]) {
        case WASM_I32:
            text[i] = 'i';
            break;
        case WASM_I64:
            text[i] = 'I';
            break;
        case WASM_F32:
            text[i] = 'f';
            break;
        default:
            text[i] = 'F';
            break;
        }
    }
    return text;
}

/* A row for each function that the module imports; each answers 0. */
static struct engine_import *stub_imports(
    struct arena *arena, const struct wasm_module *module, size_t *out_count)
{
    struct engine_import *rows = arena_alloc(arena, (module->import_count + 1) * sizeof *rows);
    for (uint32_t i = 0; i < module->import_count; i++) {
        const struct wasm_import *import = &module->imports[i];
        const struct wasm_func_type *type = &module->types[import->type];
        rows[i] = (struct engine_import){
            .module = (const char *)arena_copy(arena, import->module).data,
            .name = (const char *)arena_copy(arena, import->name).data,
            .params = letters(arena, type->params),
            .result = letters(arena, type->results),
            .kinds = ALL_KINDS,
            .handler = answer_zero,
        };
    }
    *out_count = module->import_count;
    return rows;
}

static void measure_file(const char *path, const char *export)
{
    struct arena arena;
    arena_init(&arena, (size_t)256 << 20);
    const struct slice bytes = read_file(path);
    const struct wasm_module *facts = NULL;
    must(wasm_read(bytes, &wasm_limits_default, &arena, &facts));
    size_t count = 0;
    const struct engine_import *imports = stub_imports(&arena, facts, &count);
    struct engine *engine = engine_with(imports, count);
    struct engine_module *module = load(engine, bytes);
    const bool has_initialize = wasm_find_export(facts, SLICE("_initialize")) != NULL;
    measure_runs("fresh_run_file", module, export, has_initialize);
    engine_module_unref(module);
    engine_free(engine);
    arena_done(&arena);
}

int main(int argc, char **argv)
{
    if (argc != 1 && argc != 3) {
        (void)fprintf(stderr, "usage: bench_engine [MODULE.wasm EXPORT]\n");
        return 2;
    }
    measure_empty();
    measure_host_calls();
    if (argc == 3) {
        measure_file(argv[1], argv[2]);
    }
    return 0;
}
