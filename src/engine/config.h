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
 * SHA-256 over engine version, target, processor features, settings, slice length and ABI version.
 * Two executables with equal digests were built to work together.
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
 * An engine that runs: `*out_slots` instances at one time. Errors: CORDON_E_ENGINE if the address
 * space cannot be reserved or the processor is too old, CORDON_E_INVALID for options that cannot
 * be.
 */
CORDON_MUST_USE cordon_error *config_engine_for_running(
    const struct engine_options *options, struct wasm_engine_t **out_engine, uint32_t *out_slots);

#endif
