/*
 * What it takes to say no, and yes, before a compiler is asked: hostile modules of 10 MB that are
 * good but for their last operator, each made of one thing that is cheap to write and may be dear
 * to read; and a module of the caller's, admitted as far as its compilation. And, of a module with
 * much debug information, what a stack is called in its sources.
 *
 *     bench_admission MODULE.wasm DEBUG.wasm
 *
 * Prints one JSON object a line: ms, the median of a few.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"
#include "inside.h"
#include "run/frames.h"
#include "wasm/admit.h"
#include "wasm/callgraph.h"
#include "wasm/metadata.h"
#include "wasm/reader.h"

#include <stdio.h>
#include <string.h>

enum { HOSTILE_BYTES = 10000000, TURNS = 11, READ_BYTES_MAX = 256 << 20 };

/* -- Hostile modules ------------------------------------------------------------------------ */

/* Bodies that repeat some bytes: as many as fit, each below the bounds on a function. */
struct shape {
    const char *name;
    const char *bytes;
    uint32_t size;
    uint32_t times; /* in one body */
};

#define SHAPE(name, bytes, times) {name, bytes, sizeof(bytes) - 1, times}

static const struct shape shapes[] = {
    SHAPE("refuse_nops", "\x01", 1000000),
    SHAPE("refuse_locals", "\x20\x00\x1a", 300000),
    SHAPE("refuse_loads", "\x20\x00\x28\x02\x00\x21\x00", 140000),
    SHAPE("refuse_long_numbers", "\x41\xff\xff\xff\xff\x07\x1a", 140000),
    SHAPE("refuse_shuffles", "\xfd\x0d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 50000),
    SHAPE("refuse_calls", "\x10\x00", 19000),
    SHAPE("refuse_branches", "\x02\x40\x0c\x00\x0b", 9900),
    SHAPE("refuse_joins", "\x02\x40\x20\x00\x1a\x0b", 39000),
    SHAPE("refuse_small_functions", "\x01", 98),
};

static void put(struct buffer *out, const char *bytes, size_t size)
{
    must(buffer_append(out, slice_of(bytes, size)));
}

/* A number as LEB128 of five bytes, which may be written over later. */
static void put_number(struct buffer *out, uint32_t number)
{
    for (int i = 0; i < 5; i++) {
        must(buffer_append_byte(out, (uint8_t)((number >> (7 * i) & 0x7f) | (i < 4 ? 0x80 : 0))));
    }
}

static void put_body(struct buffer *out, const struct shape *shape)
{
    put_number(out, 1 + shape->size * shape->times + 1);
    put(out, "\0", 1);
    for (uint32_t i = 0; i < shape->times; i++) {
        put(out, shape->bytes, shape->size);
    }
    put(out, "\x0b", 1);
}

static void put_hostile(struct buffer *out, const struct shape *shape)
{
    static const char types[] = "\0asm\1\0\0\0\x01\x05\x01\x60\x01\x7f\x00\x03";
    static const char memory[] = "\x05\x03\x01\x00\x01\x0a";
    static const char last[] = "\x03\x00\xff\x0b"; /* 0xff is no operator */
    const uint32_t body_bytes = 5 + 1 + shape->size * shape->times + 1;
    const uint32_t bodies = HOSTILE_BYTES / (body_bytes + 1);
    put(out, types, sizeof types - 1);
    put_number(out, 5 + bodies + 1);
    put_number(out, bodies + 1);
    for (uint32_t i = 0; i <= bodies; i++) {
        put(out, "\0", 1);
    }
    put(out, memory, sizeof memory - 1);
    put_number(out, 5 + bodies * body_bytes + sizeof last - 1);
    put_number(out, bodies + 1);
    for (uint32_t i = 0; i < bodies; i++) {
        put_body(out, shape);
    }
    put(out, last, sizeof last - 1);
}

/* -- Figures -------------------------------------------------------------------------------- */

static void print_median(const char *name, size_t bytes, double *ms)
{
    sort_figures(ms, TURNS);
    (void)printf("{\"name\":\"%s\",\"bytes\":%zu,\"ms\":%.3f}\n", name, bytes, ms[TURNS / 2]);
}

static double ms_since(uint64_t started)
{
    return (double)(clock_monotonic_ns() - started) / 1e6;
}

/* The whole way of a deploy, up to the words of its refusal. */
static void measure_refusal(const struct inside *inside, const struct shape *shape)
{
    CORDON_CLEANUP_BUFFER struct buffer wasm;
    buffer_init(&wasm, 2 * (size_t)HOSTILE_BYTES);
    put_hostile(&wasm, shape);
    const struct deploy_module module = {.name = SLICE("hostile"), .wasm = buffer_slice(&wasm)};
    double ms[TURNS];
    for (int i = 0; i < TURNS; i++) {
        CORDON_CLEANUP_BUFFER struct buffer report;
        buffer_init(&report, 1 << 20);
        const uint64_t started = clock_monotonic_ns();
        CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
            runner_check(inside->runner, &module, &report);
        ms[i] = ms_since(started);
        must_hold(
            error != NULL && strstr(cordon_error_get_message(error), "no operator 0xff") != NULL,
            "it is not refused for its last operator", shape->name);
    }
    print_median(shape->name, wasm.size, ms);
}

/* Reading, metadata and the call graph: what a deploy does besides compiling. */
static void measure_admission(struct slice wasm)
{
    double ms[TURNS];
    for (int i = 0; i < TURNS; i++) {
        const uint64_t started = clock_monotonic_ns();
        CORDON_CLEANUP_ARENA struct arena arena;
        arena_init(&arena, READ_BYTES_MAX);
        const struct wasm_module *module = NULL;
        const struct wasm_metadata *metadata = NULL;
        const struct wasm_callgraph *graph = NULL;
        uint8_t hash[SHA256_BYTES];
        hash_sha256(&wasm, 1, hash);
        must(wasm_read(wasm, &wasm_limits_default, &arena, &module));
        must(wasm_metadata_read(module, &arena, &metadata));
        must(wasm_callgraph_make(module, &arena, &graph));
        ms[i] = ms_since(started);
    }
    print_median("admit_file", wasm.size, ms);
}

/* -- Stacks --------------------------------------------------------------------------------- */

/* As deep as that of a panic, each frame in another function, from all over the module. */
enum { STACK_FRAMES = 20 };

static size_t debug_bytes(const struct wasm_module *module)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < module->section_count; i++) {
        const struct wasm_section *section = &module->sections[i];
        if (section->id == WASM_SECTION_CUSTOM &&
            slice_starts_with(section->name, SLICE(".debug_"))) {
            bytes += section->content.size;
        }
    }
    return bytes;
}

static void make_stack(const struct wasm_module *module, struct outcome *outcome)
{
    const uint32_t imported = wasm_count_imports(module, WASM_FUNCTION);
    const uint32_t bodies = module->function_count - imported;
    outcome->frames = arena_alloc(&outcome->arena, STACK_FRAMES * sizeof *outcome->frames);
    must_hold(outcome->frames != NULL && bodies >= STACK_FRAMES, "it has functions", "trace");
    if (outcome->frames == NULL) {
        return; /* for readers that do not know that it does not return */
    }
    outcome->frame_count = STACK_FRAMES;
    for (uint32_t i = 0; i < STACK_FRAMES; i++) {
        const uint32_t index = imported + i * (bodies / STACK_FRAMES);
        const struct wasm_function *function = &module->functions[index];
        outcome->frames[i] = (struct outcome_frame){
            .function = SLICE("?"),
            .function_index = index,
            .module_offset = function->body_offset + function->body_bytes - 1,
        };
    }
}

static void measure_trace(struct slice wasm)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, READ_BYTES_MAX);
    const struct wasm_module *module = NULL;
    must(wasm_read(wasm, &wasm_limits_default, &arena, &module));
    double ms[TURNS];
    for (int i = 0; i < TURNS; i++) {
        struct outcome outcome;
        outcome_init(&outcome);
        make_stack(module, &outcome);
        const uint64_t started = clock_monotonic_ns();
        const bool is_resolved = frames_resolve(&outcome, wasm);
        ms[i] = ms_since(started);
        size_t lines = 0;
        for (size_t k = 0; k < outcome.frame_count; k++) {
            lines += outcome.frames[k].line > 0;
        }
        must_hold(is_resolved && lines >= STACK_FRAMES / 2, "its frames have lines", "trace");
        arena_done(&outcome.arena);
    }
    print_median("trace_file", debug_bytes(module), ms);
}

static void measure_file(const char *path, void (*measure)(struct slice wasm))
{
    const struct slice wasm = inside_read_file(path);
    measure(wasm);
    mem_free((void *)(uintptr_t)wasm.data);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: bench_admission MODULE.wasm DEBUG.wasm\n");
        return 2;
    }
    measure_file(argv[1], measure_admission);
    measure_file(argv[2], measure_trace);
    struct inside inside;
    inside_open(&inside, NULL, 0);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        measure_refusal(&inside, &shapes[i]);
    }
    inside_close(&inside);
    return 0;
}
