/*
 * A host for tests of the engine: a table of imports that tell, charge, wait, stop and look at
 * memory, and short ways to load WebAssembly text and to run it to its end.
 */
#ifndef UNIT_ENGINE_WORLD_H
#define UNIT_ENGINE_WORLD_H

#include "engine/engine.h"

#include "base/memory.h"
#include "support/expect.h"
#include "support/signals.h"
#include "support/size.h"
#include "support/wat.h"

#include <inttypes.h>

#define PAGE ((uint64_t)65536)
#define MEMORY_MAX ((uint64_t)64 << 20)
#define FUEL ((uint64_t)1000000000)

/* -- The host side -------------------------------------------------------------------------- */

enum { NOTES_MAX = 64 };

struct host {
    struct engine_call *call;
    int64_t notes[NOTES_MAX]; /* what the guest told, in order */
    size_t note_count;
    unsigned waits; /* how often "wait" answers WAIT before it answers */
    unsigned waited;
    unsigned running; /* how often on_running was called */
    unsigned denied;
    const char *denied_name;
    uint64_t grown;          /* bytes that may_grow was asked for */
    uint64_t grow_max;       /* and where it begins to say no; 0: never */
    enum engine_phase phase; /* at the last "phase" */
};

static inline void note(struct host *host, int64_t value)
{
    assert_true(host->note_count < NOTES_MAX);
    host->notes[host->note_count++] = value;
}

static inline enum engine_answer do_note(void *run, struct engine_guest *guest, uint64_t *slots)
{
    (void)guest;
    note(run, (int64_t)slots[0]);
    return ENGINE_ANSWERED;
}

static inline enum engine_answer do_charge(void *run, struct engine_guest *guest, uint64_t *slots)
{
    (void)run;
    return engine_charge(guest, slots[0]) ? ENGINE_ANSWERED : ENGINE_STOP;
}

/* A handler that overlooks a refused charge. */
static inline enum engine_answer do_charge_deaf(
    void *run, struct engine_guest *guest, uint64_t *slots)
{
    (void)run;
    const bool enough = engine_charge(guest, slots[0]);
    (void)enough;
    return ENGINE_ANSWERED;
}

static inline enum engine_answer do_left(void *run, struct engine_guest *guest, uint64_t *slots)
{
    (void)run;
    slots[0] = engine_fuel_left(guest);
    return ENGINE_ANSWERED;
}

static inline enum engine_answer do_wait(void *run, struct engine_guest *guest, uint64_t *slots)
{
    (void)guest;
    struct host *host = run;
    if (host->waited < host->waits) {
        host->waited++;
        slots[0] = 99; /* must not reach the next question */
        return ENGINE_WAIT;
    }
    host->waited = 0;
    slots[0] += 1;
    return ENGINE_ANSWERED;
}

static inline enum engine_answer do_stop(void *run, struct engine_guest *guest, uint64_t *slots)
{
    (void)run;
    (void)guest;
    (void)slots;
    return ENGINE_STOP;
}

static inline enum engine_answer do_stop_later(
    void *run, struct engine_guest *guest, uint64_t *slots)
{
    const enum engine_answer answer = do_wait(run, guest, slots);
    return answer == ENGINE_WAIT ? ENGINE_WAIT : ENGINE_STOP;
}

/* Fills [ptr, ptr + len) with 0x5a; 1 if the range is inside. */
static inline enum engine_answer do_fill(void *run, struct engine_guest *guest, uint64_t *slots)
{
    (void)run;
    uint64_t size = 0;
    uint8_t *memory = engine_guest_memory(guest, &size);
    const bool inside = slots[1] <= size && slots[0] <= size - slots[1];
    if (inside && slots[1] > 0) {
        memset(memory + slots[0], 0x5a, slots[1]);
    }
    slots[0] = inside;
    return ENGINE_ANSWERED;
}

static inline enum engine_answer do_size(void *run, struct engine_guest *guest, uint64_t *slots)
{
    (void)run;
    (void)engine_guest_memory(guest, &slots[0]);
    return ENGINE_ANSWERED;
}

static inline enum engine_answer do_phase(void *run, struct engine_guest *guest, uint64_t *slots)
{
    (void)guest;
    (void)slots;
    struct host *host = run;
    host->phase = engine_call_phase(host->call);
    note(host, host->phase);
    return ENGINE_ANSWERED;
}

/* All four types in; sums them up as a double. */
static inline enum engine_answer do_mix(void *run, struct engine_guest *guest, uint64_t *slots)
{
    float f = 0;
    double d = 0;
    const uint32_t low = (uint32_t)slots[2];
    memcpy(&f, &low, sizeof f);
    memcpy(&d, &slots[3], sizeof d);
    assert_int_equal(slots[2] >> 32, 0);
    assert_int_equal(slots[0] >> 32, 0);
    const double sum = (double)(int32_t)slots[0] + (double)(int64_t)slots[1] + (double)f + d;
    struct host *host = run;
    if (host->waited < host->waits) {
        return do_wait(run, guest, slots);
    }
    memcpy(&slots[0], &sum, sizeof sum);
    return ENGINE_ANSWERED;
}

static inline enum engine_answer do_half(void *run, struct engine_guest *guest, uint64_t *slots)
{
    float f = 0;
    (void)run;
    (void)guest;
    const uint32_t low = (uint32_t)slots[0];
    memcpy(&f, &low, sizeof f);
    f /= 2;
    uint32_t bits = 0;
    memcpy(&bits, &f, sizeof bits);
    slots[0] = bits;
    return ENGINE_ANSWERED;
}

#define ALL ((1u << CORDON_QUERY) | (1u << CORDON_MUTATION) | (1u << CORDON_ACTION))
#define ROW(field, takes, gives, who, can_wait, function)                                          \
    {.module = "t",                                                                                \
     .name = (field),                                                                              \
     .params = (takes),                                                                            \
     .result = (gives),                                                                            \
     .kinds = (who),                                                                               \
     .may_wait = (can_wait),                                                                       \
     .handler = (function)}

static const struct engine_import imports[] = {
    ROW("note", "I", "", ALL, false, do_note),
    ROW("charge", "I", "", ALL, false, do_charge),
    ROW("charge_deaf", "I", "", ALL, false, do_charge_deaf),
    ROW("left", "", "I", ALL, false, do_left),
    ROW("wait", "i", "i", ALL, true, do_wait),
    ROW("stop", "", "", ALL, false, do_stop),
    ROW("stop_async", "", "", ALL, true, do_stop),
    ROW("stop_later", "", "", ALL, true, do_stop_later),
    ROW("fill", "ii", "i", ALL, false, do_fill),
    ROW("fill_async", "ii", "i", ALL, true, do_fill),
    ROW("size", "", "I", ALL, false, do_size),
    ROW("phase", "", "", ALL, false, do_phase),
    ROW("mix", "iIfF", "F", ALL, false, do_mix),
    ROW("mix_async", "iIfF", "F", ALL, true, do_mix),
    ROW("half", "f", "f", ALL, false, do_half),
    ROW("half_async", "f", "f", ALL, true, do_half),
    ROW("write", "i", "i", 1u << CORDON_MUTATION, false, do_wait),
    ROW("write_async", "i", "i", 1u << CORDON_MUTATION, true, do_wait),
};

/* What modules of this test import; each uses the part that it needs. */
#define IMPORTS                                                                                    \
    "(import \"t\" \"note\" (func $note (param i64)))"                                             \
    "(import \"t\" \"charge\" (func $charge (param i64)))"                                         \
    "(import \"t\" \"charge_deaf\" (func $charge_deaf (param i64)))"                               \
    "(import \"t\" \"left\" (func $left (result i64)))"                                            \
    "(import \"t\" \"wait\" (func $wait (param i32) (result i32)))"                                \
    "(import \"t\" \"stop\" (func $stop))"                                                         \
    "(import \"t\" \"stop_async\" (func $stop_async))"                                             \
    "(import \"t\" \"stop_later\" (func $stop_later))"                                             \
    "(import \"t\" \"fill\" (func $fill (param i32 i32) (result i32)))"                            \
    "(import \"t\" \"fill_async\" (func $fill_async (param i32 i32) (result i32)))"                \
    "(import \"t\" \"size\" (func $size (result i64)))"                                            \
    "(import \"t\" \"phase\" (func $phase))"                                                       \
    "(import \"t\" \"mix\" (func $mix (param i32 i64 f32 f64) (result f64)))"                      \
    "(import \"t\" \"mix_async\" (func $mix_async (param i32 i64 f32 f64) (result f64)))"          \
    "(import \"t\" \"half\" (func $half (param f32) (result f32)))"                                \
    "(import \"t\" \"half_async\" (func $half_async (param f32) (result f32)))"                    \
    "(import \"t\" \"write\" (func $write (param i32) (result i32)))"                              \
    "(import \"t\" \"write_async\" (func $write_async (param i32) (result i32)))"

#define MODULE(body) "(module " IMPORTS body ")"

/* A loop of `turns` turns around `body`, with local $i. */
#define TURNS(turns, body)                                                                         \
    "(local.set $i (i32.const " #turns ")) (loop $turn " body                                      \
    " (br_if $turn (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))"

static inline enum engine_answer denied(void *run, const struct engine_import *import)
{
    struct host *host = run;
    host->denied++;
    host->denied_name = import->name;
    return ENGINE_STOP;
}

static inline void on_running(void *run)
{
    struct host *host = run;
    host->running++;
}

static inline bool may_grow(void *run, uint64_t more)
{
    struct host *host = run;
    host->grown += more;
    return host->grow_max == 0 || host->grown <= host->grow_max;
}

/* -- Engines, modules, calls ---------------------------------------------------------------- */

static inline struct engine_options options_for(uint32_t instances)
{
    return (struct engine_options){
        .imports = imports,
        .import_count = COUNT(imports),
        .denied = denied,
        .memory_bytes_max = MEMORY_MAX,
        .table_elements_max = 10000,
        .stack_bytes = 256 << 10,
        .instances_max = instances,
    };
}

static inline struct engine *engine_with(const struct engine_options *options)
{
    struct engine *engine = NULL;
    expect_ok(engine_new(options, &engine));
    engine_signals_restore();
    return engine;
}

static inline struct engine *engine_for(uint32_t instances)
{
    const struct engine_options options = options_for(instances);
    return engine_with(&options);
}

static inline cordon_error *try_compile(const char *text, struct slice *out)
{
    const struct slice wasm = wat_compile(text);
    cordon_error *error = engine_compile_inside(wasm, NULL, out);
    mem_free((void *)(uintptr_t)wasm.data);
    return error;
}

static inline cordon_error *try_load(
    struct engine *engine, const char *text, struct engine_module **out_module)
{
    struct slice artifact = {0};
    TRY(try_compile(text, &artifact));
    cordon_error *error = engine_module_load_bytes(engine, artifact, out_module);
    mem_free((void *)(uintptr_t)artifact.data);
    return error;
}

static inline struct engine_module *load(struct engine *engine, const char *text)
{
    struct engine_module *module = NULL;
    expect_ok(try_load(engine, text, &module));
    return module;
}

static inline struct engine_call_options call_options(
    struct engine_module *module, struct host *host)
{
    return (struct engine_call_options){
        .module = module,
        .kind = CORDON_QUERY,
        .export_name = SLICE("f"),
        .fuel = FUEL,
        .memory_bytes = MEMORY_MAX,
        .table_elements = 10000,
        .run = host,
        .on_running = on_running,
        .may_grow = may_grow,
    };
}

static inline struct engine_call *begin(const struct engine_call_options *options)
{
    struct engine_call *call = NULL;
    expect_ok(engine_call_new(options, &call));
    ((struct host *)options->run)->call = call;
    return call;
}

/* Polls to the end; counts yields and waits if asked. */
static inline enum engine_state finish(struct engine_call *call, unsigned *yields, unsigned *waits)
{
    for (;;) {
        const enum engine_state state = engine_call_poll(call);
        if (state == ENGINE_RETURNED || state == ENGINE_ENDED) {
            return state;
        }
        unsigned *count = state == ENGINE_YIELDED ? yields : waits;
        if (count != NULL) {
            (*count)++;
        }
    }
}

static inline void assert_nothing_left(struct engine *engine)
{
    const struct engine_counts counts = engine_get_counts(engine);
    assert_int_equal(counts.calls, 0);
    assert_int_equal(counts.modules, 0);
    assert_int_equal(counts.instances, 0);
    assert_int_equal(counts.pool_memories, 0);
    assert_int_equal(counts.pool_stacks, 0);
}

static inline void close_engine(struct engine *engine)
{
    assert_nothing_left(engine);
    engine_free(engine);
}

/* What is left to say after a call is freed. */
struct result {
    enum engine_state state;
    enum engine_end end;
    const char *text;
    uint64_t fuel;
    uint64_t memory;
    struct engine_refused_grow refused;
    unsigned yields;
    unsigned waits;
};

static inline struct result run(const struct engine_call_options *options)
{
    struct engine_call *call = begin(options);
    struct result result = {0};
    result.state = finish(call, &result.yields, &result.waits);
    result.end = engine_call_end(call);
    result.text = engine_call_trap_text(call);
    result.fuel = engine_call_fuel_used(call);
    result.memory = engine_call_memory_bytes(call);
    result.refused = engine_call_refused_grow(call);
    assert_int_equal(engine_call_poll(call), result.state); /* the end stays the end */
    engine_call_free(call);
    return result;
}

/* Loads a text, runs its export "f" as a query and frees all but the engine. */
static inline struct result run_text(struct engine *engine, const char *text, struct host *host)
{
    struct engine_module *module = load(engine, text);
    const struct engine_call_options options = call_options(module, host);
    const struct result result = run(&options);
    engine_module_unref(module);
    return result;
}

#endif
