/*
 * The schema that a module brings: its custom section `convex.schema`, which holds Convex's schema
 * JSON (value/schema.h). A module need not have one.
 */
#ifndef WASM_SCHEMA_H
#define WASM_SCHEMA_H

#include "base/arena.h"
#include "value/schema.h"
#include "wasm/module.h"

#define WASM_SCHEMA_BYTES_MAX ((size_t)1 << 20)
#define WASM_SCHEMA_SECTION "convex.schema"

/*
 * Reads and checks the schema; `*out_schema` lives in `arena` alone, and is NULL if the module has
 * none.
 * Errors: CORDON_E_MODULE_REFUSED with what, where and what to do; CORDON_E_NO_MEMORY. Any thread,
 * one at a time per arena.
 */
CORDON_MUST_USE cordon_error *wasm_schema_read(
    const struct wasm_module *module, struct arena *arena, const struct schema **out_schema);

#endif
