/*
 * What the store holds of a deployment, in KEYSPACE_MODULE of its tenant:
 *   "deploy"        {"time_ms": n, "modules": [{"name": s, "hash": hex}]}
 *   "module/" hash  the WebAssembly bytes
 *   "secret"        32 random bytes, made with the first deploy: seeds of the import phase
 * Machine code is not in the store: the artifact cache holds what can be made again.
 *
 * It is read in one transaction and written in another. None is open while modules are built, as
 * that takes longer than a snapshot lasts; deploys of one process take turns
 * (runner->deploy_lock), and no other process has the store. Each call blocks until the store is
 * done.
 */
#ifndef RUN_DEPLOY_ROWS_H
#define RUN_DEPLOY_ROWS_H

#include "run/deployment.h"
#include "run/runner.h"

#define DEPLOY_SECRET_BYTES 32

struct deploy_past_module {
    struct slice name;
    uint8_t hash[SHA256_BYTES];
};

/* What was deployed last, in an arena. */
struct deploy_past {
    struct slice secret; /* empty: nothing was ever deployed */
    bool exists;         /* there are functions, or there were */
    uint64_t time_ms;
    struct deploy_past_module *modules; /* only if asked for */
    size_t count;
};

/* Errors: CORDON_E_STORE for rows that are damaged, those of the arena and of the store. */
CORDON_MUST_USE cordon_error *deploy_rows_read(
    struct store *store,
    uint32_t tenant,
    bool with_modules,
    struct arena *arena,
    struct deploy_past *out_past);

/*
 * The WebAssembly bytes of one module of it, in an arena. Each by itself: all of a deployment's
 * may be a gigabyte. Errors as above.
 */
CORDON_MUST_USE cordon_error *deploy_rows_read_module(
    struct store *store,
    uint32_t tenant,
    const uint8_t hash[SHA256_BYTES],
    struct arena *arena,
    struct slice *out_wasm);

/*
 * The bytes of one deployed module, in an arena; an empty slice if they are gone, as the functions
 * were replaced since.
 */
CORDON_MUST_USE cordon_error *deploy_rows_find_module(
    struct store *store,
    uint32_t tenant,
    const uint8_t hash[SHA256_BYTES],
    struct arena *arena,
    struct slice *out_wasm);

/*
 * Puts a deployment in the place of the last one, with its schema, which schema_change_begin() has
 * made ready, and its audit record, and commits. Errors: CORDON_E_CONFLICT if that took longer than
 * a snapshot lasts, those of schema_change_finish() and store_commit().
 */
CORDON_MUST_USE cordon_error *deploy_rows_keep(
    struct store *store,
    const struct deployment *deployment,
    const struct deploy_module *modules,
    struct slice secret);

#endif
