/*
 * What the store holds of a deployment, in KEYSPACE_MODULE of its tenant:
 *   "deploy"        {"time_ms": n, "modules": [{"name": s, "hash": hex}]}
 *   "module/" hash  the WebAssembly bytes
 *   "secret"        32 random bytes, made with the first deploy: seeds of the import phase
 * Machine code is not in the store: the artifact cache holds what can be made again.
 *
 * All of it is read and written in one transaction, and each call blocks until the store is done.
 */
#ifndef RUN_DEPLOY_ROWS_H
#define RUN_DEPLOY_ROWS_H

#include "base/event.h"
#include "run/deployment.h"
#include "run/runner.h"

struct deploy_rows {
    struct event woken;
    struct store_txn *txn;
};

/* To be ended in any case. Errors: those of store_begin(). */
CORDON_MUST_USE cordon_error *deploy_rows_begin(
    struct store *store, uint32_t tenant, struct deploy_rows *rows);
void deploy_rows_end(struct deploy_rows *rows);

/* The secret, in the arena. If there is none: a new one (`makes`), or an empty slice. */
CORDON_MUST_USE cordon_error *deploy_rows_read_secret(
    struct deploy_rows *rows, bool makes, struct arena *arena, struct slice *out_secret);

/* What was deployed last. */
struct deploy_last {
    bool exists;
    uint64_t time_ms;
    struct deploy_module *modules; /* with their bytes; only if asked for */
    size_t count;
};

/* Everything in the arena. Errors: CORDON_E_STORE for a row that is damaged, those of the store. */
CORDON_MUST_USE cordon_error *deploy_rows_read_last(
    struct deploy_rows *rows, bool with_modules, struct arena *arena, struct deploy_last *out_last);

/*
 * Puts a deployment in the place of the last one, with its audit record, and commits. Errors:
 * CORDON_E_CONFLICT if another deploy was faster, those of store_commit().
 */
CORDON_MUST_USE cordon_error *deploy_rows_keep(
    struct deploy_rows *rows,
    const struct deployment *deployment,
    const struct deploy_module *modules,
    struct slice secret);

#endif
