/*
 * Compiling in another process, and artifacts that only we can have made.
 *
 * The compiler is the largest piece of code that reads hostile bytes. It runs in a small executable
 * of its own (cordon-compile), one module per process, under rlimits, seccomp and a deadline. A
 * starter process, of the same executable, spawned by compiler_start() before this process has
 * threads or has confined itself, is the only one that starts workers; keeper.h shows them all.
 *
 *   this process ── socket ──► starter ── fork, exec ──► worker: module in, artifact out, exit
 *
 * A worker that dies, hangs or eats memory gives CORDON_E_MODULE_REFUSED and nothing else happens.
 * Whatever becomes of the processes, nobody waits for them without end.
 */
#ifndef ENGINE_COMPILER_H
#define ENGINE_COMPILER_H

#include "engine/engine.h"
#include "engine/keeper.h"

struct compiler;

struct compiler_options {
    const char *worker_path; /* of cordon-compile */
    uint64_t module_bytes_max;
    uint64_t time_ms;      /* for one module, wall clock and processor both */
    uint64_t memory_bytes; /* address space for one module; a worker has 64 MiB beside it */
    /* As in keeper_options; NULL: nobody is told. */
    void (*tell)(void *arg, enum keeper_event event, const char *words);
    void *tell_arg;
};

/* Spawns the starter. Errors: CORDON_E_SYSTEM naming the worker and what to do if it is missing. */
CORDON_MUST_USE cordon_error *compiler_start(
    const struct compiler_options *options, struct compiler **out_compiler);

/*
 * Starts one thread that tells of a starter's death, and reaps it, when it happens; without it that
 * is done by the next compiler_compile(). Once there is such a thread it does nothing. One thread
 * at a time. Errors: CORDON_E_SYSTEM.
 */
CORDON_MUST_USE cordon_error *compiler_watch(struct compiler *compiler);

/*
 * Ends every compiler_compile() that is under way, and those to come until compiler_resume(), with
 * CORDON_E_OVERLOADED; their workers are killed. Returns at once. Any thread, also from a signal
 * handler.
 */
void compiler_cancel(struct compiler *compiler);
void compiler_resume(struct compiler *compiler);

/* Ends the starter and any worker. No compile may be under way. NULL accepted. */
void compiler_stop(struct compiler *compiler);

/*
 * Compiles one module; blocks the caller for twice the module's time at most, that is until a place
 * is free and until the worker has ended, and a few seconds. `*out_fd` is a sealed memfd with bare
 * machine code for engine_module_load(), owned by the caller. Several threads may call at once; at
 * most two workers run at a time, the others wait. `refuser` as in engine_compile_inside().
 * Errors: CORDON_E_MODULE_REFUSED; CORDON_E_OVERLOADED when it was cancelled, when others took all
 * the time there is, or when the starter does not answer; CORDON_E_SYSTEM when the starter is gone.
 */
CORDON_MUST_USE cordon_error *compiler_compile(
    struct compiler *compiler,
    struct slice wasm,
    const struct engine_refuser *refuser,
    int *out_fd);

/* -- Artifacts on disk ---------------------------------------------------------------------- */

/* A key file of 32 random bytes, mode 0600, made if missing, in a folder only we can write. */
struct artifact_cache;

/*
 * Opens the cache in `folder` (made with mode 0700). Errors: CORDON_E_SYSTEM if the folder or the
 * key file belongs to another user or is readable by others: then there is no cache.
 */
CORDON_MUST_USE cordon_error *artifact_cache_open(
    const char *folder, const struct engine *engine, struct artifact_cache **out_cache);
void artifact_cache_close(struct artifact_cache *cache);

/*
 * The artifact of a module, verified: read into a memfd, sealed, and its MAC (over tenant, module
 * hash, engine fingerprint and bytes) checked there. A missing, foreign or damaged one is not
 * found; a damaged one is deleted. `*out_fd` is owned by the caller.
 */
CORDON_MUST_USE cordon_error *artifact_cache_get(
    struct artifact_cache *cache,
    uint32_t tenant,
    const uint8_t module_hash[32],
    bool *out_found,
    int *out_fd);

/* Adds one, by write and rename. `fd` as from compiler_compile(); borrowed. */
CORDON_MUST_USE cordon_error *artifact_cache_put(
    struct artifact_cache *cache, uint32_t tenant, const uint8_t module_hash[32], int fd);

/*
 * Deletes what the tenant has of other modules than these, so that the folder holds no more than
 * what is deployed. Any thread.
 */
void artifact_cache_keep(
    struct artifact_cache *cache,
    uint32_t tenant,
    const uint8_t (*module_hashes)[32],
    size_t count);

#endif
