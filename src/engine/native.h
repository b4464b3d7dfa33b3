/*
 * Wasmtime as this folder sees it: its C API, and what native/src/lib.rs adds to it. The Rust side
 * proves at build time that the handles have the layout it takes for granted; the two files change
 * together.
 */
#ifndef ENGINE_NATIVE_H
#define ENGINE_NATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wasmtime.h>

/*
 * The last step of a configuration: the list of WebAssembly features that are on (everything else
 * is off), and how many frames a backtrace keeps.
 */
void cordon_native_config_finish(wasm_config_t *config, size_t frames_max);

/* Lets the pool reset memories by PAGEMAP_SCAN (Linux 6.7). See pool_may_scan() in config.c. */
void cordon_native_pool_scan_pages(wasmtime_pooling_allocation_config_t *pool);

/* As wasm_engine_new_with_config(), which takes `config`, with an error in place of an abort. */
wasmtime_error_t *cordon_native_engine_new(wasm_config_t *config, wasm_engine_t **out_engine);

/* The list of WebAssembly features that are on, as a number of this version of the engine's. */
uint64_t cordon_native_features(void);

/*
 * Takes the compiler out of a configuration, with all its settings, after which none of them may be
 * set: the engine loads artifacts and runs them.
 */
void cordon_native_config_no_compiler(wasm_config_t *config);

/* Slots of the pool in use: memories, stacks. */
void cordon_native_pool_use(const wasm_engine_t *engine, uint64_t out_use[2]);

/* Validates and compiles. `*out_artifact` is the caller's. Needs no executable memory. */
wasmtime_error_t *cordon_native_precompile(
    const wasm_engine_t *engine, const uint8_t *wasm, size_t size, wasm_byte_vec_t *out_artifact);

/* What a limiter answers. */
enum {
    NATIVE_GROW_REFUSED = 0, /* the guest sees -1 */
    NATIVE_GROW_ALLOWED = 1,
    NATIVE_GROW_ENDS_CALL = 2, /* the call ends with an error */
};

/*
 * Asked before a memory or table grows, and once for its initial size (`now` is 0). `max` is the
 * module's own maximum or the capacity of the slot, SIZE_MAX if there is neither. `memory_failed`
 * tells that an allowed growth failed; it answers ALLOWED to let the guest see -1.
 */
typedef struct cordon_native_limiter {
    void *data;
    uint32_t (*memory_growing)(void *data, size_t now, size_t wanted, size_t max);
    uint32_t (*memory_failed)(void *data);
    uint32_t (*table_growing)(void *data, size_t now, size_t wanted, size_t max);
} cordon_native_limiter;

/* Gives a new store its limiter, which must outlive it. */
void cordon_native_store_limiter(wasmtime_store_t *store, cordon_native_limiter *limiter);

#endif
