/*
 * The metadata of a module: which functions it has, as its custom section `convex.functions` says.
 *
 *     {"abi": 1, "functions": [{"path": "messages:list", "export": "messages:list",
 *       "kind": "query", "visibility": "public", "args": {"type": "any"},
 *       "returns": {"type": "any"}, "limits": {"user_time_ms": 1000}}]}
 *
 * It is data and not code, so that functions can be listed, checked and refused without running
 * anything of a stranger's. It is as hostile as the rest of the module.
 */
#ifndef WASM_METADATA_H
#define WASM_METADATA_H

#include "base/arena.h"
#include "limits/kind.h"
#include "value/name.h"
#include "wasm/module.h"

struct validator;
struct limit_changes;

/* The ABI that this host speaks. */
#define WASM_ABI 1
#define WASM_METADATA_BYTES_MAX ((size_t)1 << 20)
#define WASM_METADATA_FUNCTIONS_MAX 10000
#define WASM_METADATA_SECTION "convex.functions"

enum wasm_visibility {
    WASM_PUBLIC,   /* clients may call it */
    WASM_INTERNAL, /* other functions and the operator only */
};

struct wasm_metadata_function {
    struct function_path path;
    struct slice export_name;
    cordon_kind kind;
    enum wasm_visibility visibility;
    const struct validator *args; /* of the one argument, an object */
    const struct validator *returns;
    struct slice args_json; /* the same as JSON; {"type":"any"} where nothing is declared */
    struct slice returns_json;
    const struct limit_changes *limits; /* which it lowers for itself; NULL: none */
};

struct wasm_metadata {
    struct wasm_metadata_function *functions; /* in the order of the section */
    uint32_t function_count;
};

/*
 * Reads and checks the metadata; the exports it names are functions of the module's own of type
 * () -> (). `*out_metadata` lives in `arena` alone and borrows nothing from the module, so it may
 * outlive it.
 * Errors: CORDON_E_MODULE_REFUSED with what, where and what to do; CORDON_E_NO_MEMORY. Any thread,
 * one at a time per arena.
 */
CORDON_MUST_USE cordon_error *wasm_metadata_read(
    const struct wasm_module *module,
    struct arena *arena,
    const struct wasm_metadata **out_metadata);

/* "public", "internal". Static. */
const char *wasm_visibility_name(enum wasm_visibility visibility);

#endif
