/*
 * What the store holds of deployments, in KEYSPACE_MODULE of their tenant:
 *   "deploy"            {"number": n, "time_ms": n, "modules": [{"name": s, "hash": hex}]}: what
 *                       holds now
 *   "deploy/" number    the same, of each of the last DEPLOYS_KEPT deploys (u64, big-endian)
 *   "module/" hash      the WebAssembly bytes of every module that one of these names
 *   "secret"            32 random bytes, made with the first deploy: seeds of the import phase
 * Machine code is not in the store: the artifact cache holds what can be made again.
 *
 * Deploys are numbered from 1. A deploy of the very modules that hold is no new one, so that who
 * tries again pushes none out. Rolling back makes a kept one hold again under the number that it
 * has, and so does going forward; the next deploy has one more than the highest. Where nothing was
 * deployed since there are numbers, "deploy" has none and is the first.
 *
 * It is read in one transaction and written in another. None is open while modules are built, as
 * that takes longer than a snapshot lasts; deploys of one tenant take turns
 * (tenant->change_lock), and no other process has the store. Each call blocks until the store is
 * done.
 */
#ifndef RUN_DEPLOY_ROWS_H
#define RUN_DEPLOY_ROWS_H

#include "run/deploy/deployment.h"
#include "run/runner.h"

#define DEPLOY_SECRET_BYTES 32

/* With the one that was made last. */
#define DEPLOYS_KEPT 5

struct deploy_past_module {
    struct slice name;
    uint8_t hash[SHA256_BYTES];
};

/* What holds, or held, in an arena. */
struct deploy_past {
    struct slice secret; /* empty: nothing was ever deployed */
    bool exists;         /* there are functions, or there were */
    uint64_t number;
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
 * One of the last deploys, with its modules. Errors: CORDON_E_NOT_FOUND, naming those that are
 * kept; the others as above.
 */
CORDON_MUST_USE cordon_error *deploy_rows_read_kept(
    struct store *store,
    uint32_t tenant,
    uint64_t number,
    struct arena *arena,
    struct deploy_past *out_past);

/*
 * All that are kept, newest first, as JSON:
 * {"current": n or null, "deploys": [{"number", "timeMs", "modules": [{"name", "sha256"}]}]}.
 */
CORDON_MUST_USE cordon_error *deploy_rows_list(
    struct store *store, uint32_t tenant, struct buffer *out_json);

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

/* A deployment that is to hold. */
struct deploy_change {
    const struct deployment *deployment;
    const struct deploy_module *modules; /* the bytes of its modules; NULL: the store has them */
    uint64_t number;                     /* of the kept deploy that it is; 0: a new one */
    bool is_again;                       /* a deploy of what holds already, under that number */
    struct slice secret;
    const struct audit_actor *actor; /* who asked for it; NULL: nobody */
};

/* The modules that the kept deploys have, in an arena. */
struct deploy_kept {
    uint8_t (*hashes)[SHA256_BYTES];
    size_t count;
};

/*
 * Puts a deployment in the place of the last one, with its schema, which schema_change_begin() has
 * made ready, and its audit record, forgets deploys that are no longer kept with the modules that
 * were theirs alone, and commits. Errors: CORDON_E_CONFLICT if that took longer than a snapshot
 * lasts, those of schema_change_finish() and store_commit().
 */
CORDON_MUST_USE cordon_error *deploy_rows_keep(
    struct store *store,
    const struct deploy_change *change,
    struct arena *arena,
    struct deploy_kept *out_kept);

#endif
