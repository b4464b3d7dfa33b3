/*
 * Every setting of the engine, set on purpose. The comments in Wasmtime's headers about defaults
 * are out of date, so nothing is left to them.
 *
 * The tables below are read twice: to configure an engine, and to make the digest that goes into
 * the fingerprint of every artifact and record. A setting that is changed here changes both.
 *
 * What decides safety and determinism:
 * - Interruption is by fuel alone. Epochs on top of it cost up to 161 %, and fuel makes runs equal.
 * - Linear memory keeps a reservation of 4 GiB and a guard of 32 MiB, the configuration that
 *   Wasmtime fuzzes most; 32-bit accesses need no bounds check then, and memory never moves.
 * - Target and processor features are pinned, so that one module gives one artifact everywhere.
 *   NaN bits are left as the processor makes them (making them canonical costs 7x on float code);
 *   they are the same wherever the same artifact runs.
 * - WebAssembly features are a list of what is on (FEATURES in native/src/lib.rs), and what the
 *   reader of modules admits. Why tail calls are not on it: docs/decisions/015-no-tail-calls.md.
 */
#include "engine/config.h"

#include "base/hash.h"
#include "engine/native.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/sysinfo.h>

#if defined(__x86_64__)
static const char target[] = "x86_64-unknown-linux-gnu";
/* x86-64-v2, which every processor has that was sold since about 2009. */
static const char *const processor_features[] = {
    "has_sse3", "has_ssse3", "has_sse41", "has_sse42", "has_popcnt", NULL,
};
#elif defined(__aarch64__)
static const char target[] = "aarch64-unknown-linux-gnu";
/* ARMv8.0: nothing beyond what the architecture asks for. */
static const char *const processor_features[] = {NULL};
#else
#error "Cordon runs on x86-64 and aarch64; add the target and its processor features here"
#endif

struct switch_row {
    const char *name;
    void (*set)(wasm_config_t *config, bool on);
    bool on;
};

static const struct switch_row switches[] = {
    /* Counted by the engine for every operator; fuel.h builds on it. */
    {"consume_fuel", wasmtime_config_consume_fuel_set, true},
    {"epoch_interruption", wasmtime_config_epoch_interruption_set, false},
    /* Guard pages and hardware traps in place of explicit checks. */
    {"signals_based_traps", wasmtime_config_signals_based_traps_set, true},
    {"memory_may_move", wasmtime_config_memory_may_move_set, false},
    /* Data segments are mapped copy-on-write: an instance touches no page that it does not use. */
    {"memory_init_cow", wasmtime_config_memory_init_cow_set, true},
    /* For foreign unwinders only; registering it takes locks of libgcc, and we have none. */
    {"native_unwind_info", wasmtime_config_native_unwind_info_set, false},
    /* Translates the guest's DWARF inside the compiler, which has a history of panics. */
    {"debug_info", wasmtime_config_debug_info_set, false},
    /* Checks the compiler's own work at several times its price; the fuzzers of upstream do. */
    {"cranelift_debug_verifier", wasmtime_config_cranelift_debug_verifier_set, false},
    /* Costs 7x on float code; see the head of this file. */
    {"cranelift_nan_canonicalization", wasmtime_config_cranelift_nan_canonicalization_set, false},
    /* Would start a pool of threads in whatever process compiles. */
    {"parallel_compilation", wasmtime_config_parallel_compilation_set, false},
    /* Only matters where relaxed SIMD is on; deterministic should it ever be. */
    {"relaxed_simd_deterministic", wasmtime_config_wasm_relaxed_simd_deterministic_set, true},
    /* Off whatever the features say: memory is never shared between threads. */
    {"shared_memory", wasmtime_config_shared_memory_set, false},
    /* No host of ours passes references, and no guest has a collected heap. */
    {"gc_support", wasmtime_config_gc_support_set, false},
    /* Hints for our own instrumentation pass; until it exists a guest has no use for them. */
    {"branch_hinting", wasmtime_config_wasm_branch_hinting_set, false},
};

struct size_row {
    const char *name;
    void (*set)(wasm_config_t *config, uint64_t bytes);
    uint64_t bytes;
};

static const struct size_row sizes[] = {
    {"memory_reservation", wasmtime_config_memory_reservation_set, (uint64_t)4 << 30},
    {"memory_guard_size", wasmtime_config_memory_guard_size_set, (uint64_t)32 << 20},
    /* No memory outgrows its reservation. */
    {"memory_reservation_for_growth", wasmtime_config_memory_reservation_for_growth_set, 0},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Settings that are words; they stand here for the digest and in compile_settings() in code. */
static const char words[] = "strategy=cranelift opt=speed regalloc=backtracking profiler=none";

static void compile_settings(wasm_config_t *config)
{
    wasmtime_config_strategy_set(config, WASMTIME_STRATEGY_CRANELIFT);
    wasmtime_config_cranelift_opt_level_set(config, WASMTIME_OPT_LEVEL_SPEED);
    /* The linear-time allocator makes slower code; a hostile module is stopped by the deadline. */
    wasmtime_config_cranelift_regalloc_algorithm_set(config, WASMTIME_REGALLOC_BACKTRACKING);
    wasmtime_config_profiler_set(config, WASMTIME_PROFILING_STRATEGY_NONE);
    wasmtime_error_t *error = wasmtime_config_target_set(config, target);
    CORDON_ASSERT(error == NULL); /* a constant of ours that the engine knows */
    for (size_t i = 0; processor_features[i] != NULL; i++) {
        wasmtime_config_cranelift_flag_enable(config, processor_features[i]);
    }
    for (size_t i = 0; i < COUNT(switches); i++) {
        switches[i].set(config, switches[i].on);
    }
    for (size_t i = 0; i < COUNT(sizes); i++) {
        sizes[i].set(config, sizes[i].bytes);
    }
}

/* The settings as one line of text. */
struct settings_text {
    char text[2048];
    size_t size;
};

static CORDON_PRINTF(2, 3) void append(struct settings_text *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const size_t room = sizeof line->text - line->size;
    const int wanted = vsnprintf(line->text + line->size, room, format, args);
    va_end(args);
    CORDON_ASSERT(wanted >= 0 && (size_t)wanted < room);
    line->size += (size_t)wanted;
}

void config_digest(uint8_t out[CONFIG_DIGEST_BYTES])
{
    struct settings_text line = {.size = 0};
    append(
        &line, "engine=%s abi=%d slice=%llu page=%llu element=%llu features=%llx target=%s %s",
        WASMTIME_VERSION, ENGINE_ABI_VERSION, (unsigned long long)ENGINE_SLICE_FUEL,
        (unsigned long long)ENGINE_PAGE_FUEL, (unsigned long long)ENGINE_ELEMENT_FUEL,
        (unsigned long long)cordon_native_features(), target, words);
    for (size_t i = 0; processor_features[i] != NULL; i++) {
        append(&line, " %s", processor_features[i]);
    }
    for (size_t i = 0; i < COUNT(switches); i++) {
        append(&line, " %s=%d", switches[i].name, switches[i].on);
    }
    for (size_t i = 0; i < COUNT(sizes); i++) {
        append(&line, " %s=%llu", sizes[i].name, (unsigned long long)sizes[i].bytes);
    }
    const struct slice part = slice_of(line.text, line.size);
    hash_sha256(&part, 1, out);
}

cordon_error *config_check_processor(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("sse3") || !__builtin_cpu_supports("ssse3") ||
        !__builtin_cpu_supports("sse4.1") || !__builtin_cpu_supports("sse4.2") ||
        !__builtin_cpu_supports("popcnt")) {
        return cordon_error_new(
            CORDON_E_ENGINE, "this processor lacks SSE4.2 or POPCNT (x86-64-v2), which compiled "
                             "functions need; use a machine, or a virtual processor model, that "
                             "has them");
    }
#endif
    return NULL;
}

cordon_error *config_engine_for_compiling(wasm_engine_t **out_engine)
{
    wasm_config_t *config = wasm_config_new();
    compile_settings(config);
    cordon_native_config_finish(config, 1);
    wasmtime_error_t *error = cordon_native_engine_new(config, out_engine);
    if (error != NULL) {
        wasmtime_error_delete(error);
        return cordon_error_new(CORDON_E_ENGINE, "the compiler does not take its own settings");
    }
    return NULL;
}

/* -- Running -------------------------------------------------------------------------------- */

/* The pool wants a guest's memory within its reservation. */
#define MEMORY_BYTES_MAX (((uint64_t)4 << 30) - ENGINE_HEADROOM_BYTES)

/*
 * ThreadSanitizer leaves a process little address space: under it the pool is smaller than asked
 * for, and runs past it end as ENGINE_END_POOL_FULL.
 */
#if defined(__SANITIZE_THREAD__)
enum { SLOTS_THERE = 64 };
#else
enum { SLOTS_THERE = ENGINE_INSTANCES_MAX };
#endif

#define TABLE_KEEP_BYTES ((size_t)16 << 10)

static uint64_t round_up(uint64_t bytes, uint64_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

/*
 * Resetting by PAGEMAP_SCAN wipes the pages that are present. A page that was swapped out, or that
 * the kernel is moving at that moment, is passed over, and the next guest in the slot could read
 * it. Swap is ruled out here; moving (compaction) is not, so engine.h says for whom this is.
 */
static cordon_error *check_no_swap(void)
{
    struct sysinfo info;
    if (sysinfo(&info) != 0 || info.totalswap > 0) {
        return cordon_error_new(
            CORDON_E_INVALID, "resetting memories by page scan is not safe on a machine with swap "
                              "space; switch off one of the two");
    }
    return NULL;
}

static void pool_settings(
    wasm_config_t *config, const struct engine_options *options, uint32_t slots)
{
    wasmtime_pooling_allocation_config_t *pool = wasmtime_pooling_allocation_config_new();
    const uint64_t memory =
        round_up(options->memory_bytes_max + ENGINE_HEADROOM_BYTES, ENGINE_PAGE_BYTES);
    /* One of each for a call; a call has one instance, one memory, one table, one fiber. */
    wasmtime_pooling_allocation_config_total_core_instances_set(pool, slots);
    wasmtime_pooling_allocation_config_total_memories_set(pool, slots);
    wasmtime_pooling_allocation_config_total_tables_set(pool, slots);
    wasmtime_pooling_allocation_config_total_stacks_set(pool, slots);
    /* What admission allows a module. */
    wasmtime_pooling_allocation_config_max_memories_per_module_set(pool, 1);
    wasmtime_pooling_allocation_config_max_tables_per_module_set(pool, 1);
    wasmtime_pooling_allocation_config_max_memory_size_set(pool, (size_t)memory);
    wasmtime_pooling_allocation_config_table_elements_set(
        pool, (size_t)options->table_elements_max);
    /* Bookkeeping of one instance, outside its memory: about 30,000 functions with an address. */
    wasmtime_pooling_allocation_config_max_core_instance_size_set(pool, (size_t)1 << 20);
    wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(pool, MEMORY_KEEP_BYTES);
    /* 2,048 elements of 8 bytes: a table larger than that costs a fault for each page touched. */
    wasmtime_pooling_allocation_config_table_keep_resident_set(pool, TABLE_KEEP_BYTES);
    /* Stacks are not zeroed: compiled code never reads a stack slot that it has not written. */
    wasmtime_pooling_allocation_config_async_stack_keep_resident_set(pool, 0);
    wasmtime_pooling_allocation_config_max_unused_warm_slots_set(
        pool, slots < WARM_SLOTS_MAX ? slots : WARM_SLOTS_MAX);
    /* Each reset is done by the call that caused it, so that a slot is clean when it is free. */
    wasmtime_pooling_allocation_config_decommit_batch_size_set(pool, 1);
    if (options->reset_by_page_scan) {
        cordon_native_pool_scan_pages(pool);
    }
    wasmtime_pooling_allocation_strategy_set(config, pool);
    wasmtime_pooling_allocation_config_delete(pool);
}

static cordon_error *check_options(const struct engine_options *options)
{
    if (options->instances_max == 0 || options->instances_max > ENGINE_INSTANCES_MAX) {
        return cordon_error_new(
            CORDON_E_INVALID, "%u instances cannot be; between 1 and %d can",
            options->instances_max, ENGINE_INSTANCES_MAX);
    }
    if (options->memory_bytes_max > MEMORY_BYTES_MAX) {
        return cordon_error_new(
            CORDON_E_INVALID, "memory_bytes of %llu is more than a guest can have; at most %llu",
            (unsigned long long)options->memory_bytes_max, (unsigned long long)MEMORY_BYTES_MAX);
    }
    if (options->stack_bytes < 16384 || options->stack_bytes > (uint64_t)64 << 20) {
        return cordon_error_new(
            CORDON_E_INVALID, "stack_bytes of %llu cannot be; between 16384 and 67108864 can",
            (unsigned long long)options->stack_bytes);
    }
    if (options->table_elements_max > 10000000) {
        return cordon_error_new(
            CORDON_E_INVALID, "table_elements of %llu cannot be; at most 10000000 can",
            (unsigned long long)options->table_elements_max);
    }
    return options->reset_by_page_scan ? check_no_swap() : NULL;
}

cordon_error *config_engine_for_running(
    const struct engine_options *options, wasm_engine_t **out_engine, uint32_t *out_slots)
{
    TRY(check_options(options));
    TRY(config_check_processor());
    const uint32_t wanted = options->instances_max;
    const uint32_t slots = wanted < SLOTS_THERE ? wanted : (uint32_t)SLOTS_THERE;
    wasm_config_t *config = wasm_config_new();
    compile_settings(config);
    wasmtime_config_max_wasm_stack_set(config, (size_t)options->stack_bytes);
    wasmtime_config_async_stack_size_set(
        config, (size_t)options->stack_bytes + HANDLER_STACK_BYTES);
    pool_settings(config, options, slots);
    cordon_native_config_finish(config, ENGINE_FRAMES_MAX);
    cordon_native_config_no_compiler(config);
    wasmtime_error_t *error = cordon_native_engine_new(config, out_engine);
    if (error != NULL) {
        wasmtime_error_delete(error);
        return cordon_error_new(
            CORDON_E_ENGINE,
            "no address space for %u instances (4 GiB each is reserved, not "
            "used); lower the number of slots or raise the limit (ulimit -v)",
            slots);
    }
    *out_slots = slots;
    return NULL;
}
