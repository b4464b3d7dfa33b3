/*
 * The engine's settings: the ones that decide what machine code comes out, shared by whoever
 * compiles and whoever runs, and the ones of running alone.
 */
#ifndef ENGINE_CONFIG_H
#define ENGINE_CONFIG_H

#include "engine/engine.h"

/* The version of the interface between guest and host; part of the fingerprint. */
enum { ENGINE_ABI_VERSION = 1 };

/* Bytes of a config_digest(). */
enum { CONFIG_DIGEST_BYTES = 32 };

/*
 * Slots that stay warm for the module that last used them, at most MEMORY_KEEP_BYTES each. More
 * make the first run of a module after others cheaper; fewer keep the process small.
 */
enum { WARM_SLOTS_MAX = 64 };

/*
 * Bytes from the start of each memory that are reset by copying and stay mapped, also in a free
 * slot; the rest is given back to the system, and each page of it costs a fault at its next use.
 *
 * Rust and C guests keep their stack below 64 KiB and data and first allocations behind it. A fresh
 * run of such a guest with 192 KiB of memory that writes to so many pages (microseconds, p50):
 *
 *     kept        0 pages   2    4     8     16
 *     0           2.4       7.0  9.5   13.9  24.1
 *     64 KiB      3.7       3.6  8.4   12.7  16.6
 *     128 KiB     4.9       4.9  4.9   4.9   4.9
 *     192 KiB     5.7       5.8  5.8   5.8   5.8
 */
#define MEMORY_KEEP_BYTES ((size_t)128 << 10)

/* Stack for handlers, beside the guest's own on one fiber. */
#define HANDLER_STACK_BYTES ((size_t)512 << 10)

/*
 * SHA-256 over engine version, target, processor features, WebAssembly features, settings, slice
 * length and ABI version: all that decides what machine code comes out. Two executables with equal
 * digests were built to work together, and one loads what the other compiles.
 */
void config_digest(uint8_t out[CONFIG_DIGEST_BYTES]);

/*
 * Whether this processor runs what we compile. Errors: CORDON_E_ENGINE naming what it lacks.
 */
CORDON_MUST_USE cordon_error *config_check_processor(void);

/* An engine that only compiles: no pool, no address space reserved. Errors: CORDON_E_ENGINE. */
struct wasm_engine_t;
CORDON_MUST_USE cordon_error *config_engine_for_compiling(struct wasm_engine_t **out_engine);

/*
 * An engine that runs: `*out_slots` instances at one time. It has no compiler. Errors:
 * CORDON_E_ENGINE if the address space cannot be reserved or the processor is too old,
 * CORDON_E_INVALID for options that cannot be.
 */
CORDON_MUST_USE cordon_error *config_engine_for_running(
    const struct engine_options *options, struct wasm_engine_t **out_engine, uint32_t *out_slots);

#endif
