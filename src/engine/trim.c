/*
 * Memory that free slots keep is given back.
 *
 * A slot that was used keeps the first MEMORY_KEEP_BYTES of its memory, all of them, as a reset
 * writes them, and what was touched of its stack; and the pool has no way to let go of either. So
 * instances of an empty module take the slots that were used the longest ago, some at a time. While
 * they are in there nobody sees those pages, which then go to the system: what comes back are
 * zeros, as a free slot has them. A batch has a module of its own, for the pool gives a module the
 * slots that it had last.
 *
 * The pool has a part of its slots for each processor, and a thread takes from the part that it is
 * given at its first use, by turns. So the parts are reached by threads that live for this alone.
 */
#include "engine/internal.h"

#include "base/memory.h"
#include "engine/compiler.h"
#include "engine/sealed.h"

#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

/* The most parts that a pool has (Wasmtime 48). */
enum { PARTS_MAX = 16 };

/* How many are looked at by one call. */
enum { PAGES_AT_ONCE = 256 };

/* At the deep end of a stack, which no call reaches: a handler has less than it is given. */
#define STACK_END_BYTES ((size_t)64 << 10)

/* When so much was given back, there may be more: two threads had the same part. */
#define AGAIN_BYTES (WARM_SLOTS_MAX * MEMORY_KEEP_BYTES)

/* (module (import "t" "s" (func $s)) (memory (export "m") 0 0) (start $s)) */
static const uint8_t empty_module[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,             /* */
    0x01, 0x04, 0x01, 0x60, 0x00, 0x00,                         /* a type: () -> () */
    0x02, 0x07, 0x01, 0x01, 't',  0x01, 's',  0x00, 0x00,       /* a function of ours */
    0x05, 0x04, 0x01, 0x01, 0x00, 0x00,                         /* a memory of 0 to 0 pages */
    0x07, 0x05, 0x01, 0x01, 'm',  0x02, 0x00, 0x08, 0x01, 0x00, /* its name; what starts */
};

/* One slot while it is taken. */
struct taken {
    wasmtime_store_t *store;
    uint8_t *memory; /* its base */
    uintptr_t stack; /* an address near the top of its fiber's stack */
};

struct trim {
    struct engine *engine;
    wasmtime_linker_t *linker; /* for the empty module */
    struct slice artifact;     /* of the empty module */
    size_t page_bytes;         /* of the system */
    size_t bytes;              /* given back */
    struct taken taken[ENGINE_TRIM_SLOTS];
    size_t count;
    /* Of the part at hand: */
    const uint8_t *first; /* memory of the slot with which it began; NULL: none yet */
    bool is_round;        /* that slot came again */
};

/* What is resident of up to 256 pages goes; gives its bytes, or 0 where the system does not say. */
static size_t drop_some(void *start, size_t pages, size_t page_bytes)
{
    unsigned char states[PAGES_AT_ONCE];
    const size_t size = pages * page_bytes;
    size_t resident = 0;
    const bool is_told = mincore(start, size, states) == 0;
    for (size_t i = 0; is_told && i < pages; i++) {
        resident += states[i] & 1U;
    }
    const bool is_worth_it = !is_told || resident > 0;
    return is_worth_it && madvise(start, size, MADV_DONTNEED) == 0 ? resident * page_bytes : 0;
}

/* Whole pages between two addresses; `end` is where one ends. */
static size_t drop_pages(const struct trim *trim, uintptr_t start, uintptr_t end)
{
    const size_t page_bytes = trim->page_bytes;
    size_t bytes = 0;
    for (size_t left = (end - start) / page_bytes; left > 0;) {
        const size_t pages = left < PAGES_AT_ONCE ? left : PAGES_AT_ONCE;
        /* Addresses are numbers here. NOLINTNEXTLINE(performance-no-int-to-ptr) */
        bytes += drop_some((void *)(end - left * page_bytes), pages, page_bytes);
        left -= pages;
    }
    return bytes;
}

static size_t drop_memory(const struct trim *trim, const uint8_t *memory)
{
    return drop_pages(trim, (uintptr_t)memory, (uintptr_t)memory + MEMORY_KEEP_BYTES);
}

/*
 * Up to the end of the page where the stack was seen, and no further: that is still the stack, and
 * what lies behind the last one is not the pool's.
 */
static size_t drop_stack(const struct trim *trim, uintptr_t seen)
{
    const size_t size =
        (size_t)trim->engine->options.stack_bytes + HANDLER_STACK_BYTES - STACK_END_BYTES;
    const uintptr_t end = (seen | (trim->page_bytes - 1)) + 1;
    return drop_pages(trim, end - size, end);
}

/* What starts in the empty module, on the fiber; such a call has the depth of any other's first. */
static wasm_trap_t *see_stack(
    void *env,
    wasmtime_caller_t *caller,
    const wasmtime_val_t *args,
    size_t arg_count,
    wasmtime_val_t *results,
    size_t result_count)
{
    (void)env;
    (void)args;
    (void)arg_count;
    (void)results;
    (void)result_count;
    struct taken *taken = wasmtime_context_get_data(wasmtime_caller_context(caller));
    taken->stack = (uintptr_t)__builtin_frame_address(0);
    return NULL;
}

/* Beginning wants some. */
static bool set_fuel(wasmtime_context_t *context)
{
    wasmtime_error_t *error = wasmtime_context_set_fuel(context, ENGINE_SLICE_FUEL);
    if (error != NULL) {
        wasmtime_error_delete(error);
    }
    return error == NULL;
}

/* An instance in the slot that was used the longest ago; false: there is none. */
static bool instantiate(
    const struct trim *trim, const wasmtime_module_t *module, struct taken *taken)
{
    wasmtime_context_t *context = wasmtime_store_context(taken->store);
    if (!set_fuel(context)) {
        return false;
    }
    wasmtime_instance_t instance;
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error = NULL;
    wasmtime_call_future_t *future =
        wasmtime_linker_instantiate_async(trim->linker, context, module, &instance, &trap, &error);
    while (!wasmtime_call_future_poll(future)) {
    }
    wasmtime_call_future_delete(future);
    if (trap != NULL) {
        wasm_trap_delete(trap);
    }
    if (error != NULL) {
        wasmtime_error_delete(error);
    }
    wasmtime_extern_t memory;
    if (trap != NULL || error != NULL ||
        !wasmtime_instance_export_get(context, &instance, "m", 1, &memory)) {
        return false;
    }
    taken->memory = wasmtime_memory_data(context, &memory.of.memory);
    return true;
}

static void release_slot(struct engine *engine)
{
    slot_give(engine);
    atomic_fetch_sub(&engine->trimming, 1);
}

static bool hold_slot(struct engine *engine)
{
    atomic_fetch_add(&engine->trimming, 1);
    const bool is_held = slot_take(engine);
    if (!is_held) {
        atomic_fetch_sub(&engine->trimming, 1);
    }
    return is_held;
}

static bool take(struct trim *trim, const wasmtime_module_t *module)
{
    struct engine *engine = trim->engine;
    if (trim->count == ENGINE_TRIM_SLOTS || !hold_slot(engine)) {
        return false;
    }
    struct taken *taken = &trim->taken[trim->count];
    *taken = (struct taken){.store = wasmtime_store_new(engine->native, taken, NULL)};
    if (!instantiate(trim, module, taken)) {
        wasmtime_store_delete(taken->store);
        release_slot(engine);
        return false;
    }
    trim->count++;
    return true;
}

/* False: that was all, or no slot is free. */
static bool trim_batch(struct trim *trim)
{
    wasmtime_module_t *module = NULL;
    wasmtime_error_t *error = wasmtime_module_deserialize(
        trim->engine->native, trim->artifact.data, trim->artifact.size, &module);
    if (error != NULL) {
        wasmtime_error_delete(error);
        return false;
    }
    trim->count = 0;
    while (take(trim, module)) {
    }
    for (size_t i = 0; i < trim->count; i++) {
        const struct taken *taken = &trim->taken[i];
        trim->is_round = trim->is_round || taken->memory == trim->first;
        trim->first = trim->first != NULL ? trim->first : taken->memory;
        trim->bytes += drop_memory(trim, taken->memory);
        trim->bytes += drop_stack(trim, taken->stack);
        wasmtime_store_delete(taken->store);
        release_slot(trim->engine);
    }
    wasmtime_module_delete(module);
    return trim->count > 0 && !trim->is_round;
}

/* One part of the slots: each goes to the end of the pool's list, until the first comes again. */
static void *trim_part(void *arg)
{
    struct trim *trim = arg;
    trim->first = NULL;
    trim->is_round = false;
    for (uint32_t i = 0; i <= trim->engine->slots / ENGINE_TRIM_SLOTS && trim_batch(trim); i++) {
    }
    return NULL;
}

static int count_parts(void)
{
    cpu_set_t set;
    const int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : PARTS_MAX;
    return count < PARTS_MAX ? count : PARTS_MAX;
}

static wasmtime_linker_t *new_linker(struct engine *engine)
{
    wasm_valtype_vec_t params;
    wasm_valtype_vec_t results;
    wasm_valtype_vec_new_empty(&params);
    wasm_valtype_vec_new_empty(&results);
    wasm_functype_t *type = wasm_functype_new(&params, &results);
    wasmtime_linker_t *linker = wasmtime_linker_new(engine->native);
    wasmtime_error_t *error =
        wasmtime_linker_define_func(linker, "t", 1, "s", 1, type, see_stack, NULL, NULL);
    CORDON_ASSERT(error == NULL); /* the linker is empty */
    wasm_functype_delete(type);
    return linker;
}

static void trim_all(struct engine *engine, struct slice artifact, struct trim *trim)
{
    *trim = (struct trim){
        .engine = engine,
        .linker = new_linker(engine),
        .artifact = artifact,
        .page_bytes = (size_t)sysconf(_SC_PAGESIZE),
    };
    for (int i = count_parts(); i > 0; i--) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, trim_part, trim) == 0) {
            (void)pthread_join(thread, NULL);
        }
    }
    wasmtime_linker_delete(trim->linker);
}

/* The empty module's machine code, by the worker or in this process. */
static cordon_error *compile(struct compiler *compiler, int *out_fd)
{
    const struct slice wasm = slice_of(empty_module, sizeof empty_module);
    if (compiler != NULL) {
        return compiler_compile(compiler, wasm, NULL, out_fd);
    }
    CORDON_CLEANUP(fd_closep) int fd = NO_FD;
    struct slice artifact = {0};
    TRY(engine_compile_inside(wasm, NULL, &artifact));
    cordon_error *error = sealed_new(&fd);
    error = error != NULL ? error : fd_write(fd, artifact);
    error = error != NULL ? error : sealed_finish(fd);
    mem_free((void *)(uintptr_t)artifact.data);
    TRY(error);
    *out_fd = fd_take(&fd);
    return NULL;
}

static cordon_error *trim_once(struct engine *engine, struct compiler *compiler, size_t *out_bytes)
{
    CORDON_CLEANUP(sealed_view_close) struct sealed_view view = {0};
    if (engine->trim_module == NO_FD) {
        TRY(compile(compiler, &engine->trim_module));
    }
    TRY(sealed_view_open(engine->trim_module, &view));
    atomic_store(&engine->was_busy, false);
    struct trim trim;
    trim_all(engine, view.bytes, &trim);
    calls_free_idle(engine);
    if (trim.bytes > AGAIN_BYTES) {
        atomic_store(&engine->was_busy, true);
    }
    *out_bytes = trim.bytes;
    return NULL;
}

cordon_error *engine_trim(struct engine *engine, struct compiler *compiler, size_t *out_bytes)
{
    *out_bytes = 0;
    CORDON_ASSERT(pthread_mutex_lock(&engine->trim_lock) == 0);
    const bool is_due =
        atomic_load(&engine->was_busy) && atomic_load(&engine->instances) <= BUSY_SLOTS;
    cordon_error *error = is_due ? trim_once(engine, compiler, out_bytes) : NULL;
    CORDON_ASSERT(pthread_mutex_unlock(&engine->trim_lock) == 0);
    return error;
}
