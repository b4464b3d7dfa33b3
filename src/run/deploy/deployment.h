/*
 * A deployment: the functions of one tenant at one time, with the loaded modules behind them.
 * Immutable and counted: a deploy makes a new one and swaps, runs under way keep theirs.
 */
#ifndef RUN_DEPLOYMENT_H
#define RUN_DEPLOYMENT_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/seal.h"
#include "engine/engine.h"
#include "run/names.h"
#include "run/permits/shares.h"
#include "value/schema.h"
#include "wasm/metadata.h"

#include <stdatomic.h>

struct deployed_module {
    struct engine_module *engine_module;
    struct slice name;
    uint8_t hash[SHA256_BYTES]; /* SHA-256 of the WebAssembly bytes */
    uint8_t import_seed[32];    /* seed of the import phase in queries and mutations */
    bool has_initialize;
    uint64_t loading_fuel; /* of struct wasm_module */
    uint64_t size;         /* of the WebAssembly, in bytes */
    bool has_debug;        /* lines of its sources can be found in its bytes */
    struct slice bytes; /* WebAssembly, if it is to be found in no store and has such; else empty */
    const struct wasm_metadata *metadata;
    const struct schema *schema; /* NULL: it brings none */
    struct function_names names;
};

struct deployed_function {
    const struct wasm_metadata_function *metadata; /* path, export, kind, validators */
    const struct deployed_module *module;
};

struct deployment {
    atomic_uint references;
    uint32_t tenant;
    uint64_t time_ms;                   /* of the deploy; the import phase's clock */
    uint8_t cursor_key[SEAL_KEY_BYTES]; /* seals positions in queries */
    struct shared *paid_to;             /* has counted `paid` bytes; NULL: nothing is */
    atomic_ullong *paid_by;             /* of whose share they are */
    uint64_t paid;
    struct arena arena; /* everything below */
    struct deployed_module *modules;
    size_t module_count;
    struct deployed_function *functions;
    size_t function_count;
    uint32_t *index; /* open addressing by path: number of the function + 1 */
    size_t index_size;
    uint64_t index_seed;  /* who chooses the paths must not choose their places, too */
    struct schema schema; /* of all modules, once they are merged */
};

/* Under which the bytes of a module lie in KEYSPACE_MODULE of the store. */
struct deployment_key {
    uint8_t bytes[7 + SHA256_BYTES];
};

/* The slice borrows `key`. */
struct slice deployment_module_key(struct deployment_key *key, const uint8_t hash[SHA256_BYTES]);

/* An empty one with a reference for the caller and room for so many modules. */
CORDON_MUST_USE cordon_error *deployment_new(
    uint32_t tenant, size_t modules_max, struct deployment **out_deployment);

/*
 * Counts what it holds by now, machine code too, as `owner`'s until it is freed. False: that is
 * more than its share, and nothing is counted that was not before.
 */
CORDON_MUST_USE bool deployment_pay(
    struct deployment *deployment, struct shared *shared, atomic_ullong *owner, uint32_t percent);

/* The same, with one more reference. Any thread. */
struct deployment *deployment_ref(struct deployment *deployment);

/* Frees it with its last reference. NULL accepted. */
void deployment_unref(struct deployment *deployment);

/*
 * Makes the index over the functions of all modules. Errors: CORDON_E_MODULE_REFUSED if two have
 * the same path, naming both; CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *deployment_index(struct deployment *deployment);

/*
 * Makes one schema of those of all modules; tables of one that does not validate take any document.
 * Errors: CORDON_E_MODULE_REFUSED if two bring the same table, naming both; CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *deployment_merge_schemas(struct deployment *deployment);

/* By a path in any of its forms, such as `messages:list` or `messages.js:list`; NULL: none. */
const struct deployed_function *deployment_find(
    const struct deployment *deployment, struct slice path);

#endif
