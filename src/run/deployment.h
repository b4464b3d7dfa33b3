/*
 * A deployment: the functions of one tenant at one time, with the loaded modules behind them.
 * Immutable and counted: a deploy makes a new one and swaps, runs under way keep theirs.
 */
#ifndef RUN_DEPLOYMENT_H
#define RUN_DEPLOYMENT_H

#include "base/arena.h"
#include "base/hash.h"
#include "engine/engine.h"
#include "run/runner.h"
#include "value/validator.h"

#include <stdatomic.h>

struct deployed_module {
    struct engine_module *engine_module;
    struct slice name;
    uint8_t hash[SHA256_BYTES]; /* SHA-256 of the WebAssembly bytes */
    uint8_t import_seed[32];    /* seed of the import phase in queries and mutations */
    bool has_initialize;
    uint64_t wasm_bytes;
    uint64_t compile_ns; /* 0 if the machine code came from the cache */
};

struct deployed_function {
    struct slice path;        /* "messages:list" */
    struct slice canonical;   /* "messages.js:list", as Convex's texts name it */
    struct slice export_name;
    cordon_kind kind;
    bool internal;
    const struct validator *args;    /* NULL: any */
    const struct validator *returns; /* NULL: any */
    const struct deployed_module *module;
};

struct deployment {
    struct deployment *next; /* of another tenant, in the runner's list */
    atomic_uint references;
    uint32_t tenant;
    uint64_t time_ms; /* of the deploy; the import phase's clock */
    struct arena arena; /* functions, modules, names, validators */
    struct deployed_module *modules;
    size_t module_count;
    struct deployed_function *functions;
    size_t function_count;
    uint32_t *index; /* open addressing by path: number of the function + 1 */
    size_t index_size;
};

void deployment_unref(struct deployment *deployment);

/* By the path as written; forms such as `messages.js:list` are brought to the public form. */
const struct deployed_function *
deployment_find(const struct deployment *deployment, struct slice path);

#endif
