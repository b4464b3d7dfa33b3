/*
 * Admission: whether a well-formed module may run here.
 *
 * The reader says what a module is; this says whether it asks for nothing but what the host gives.
 * Everything a module can reach is in its imports, so they are held to a table, name and type; a
 * module that passes cannot fail to link. Pure, as the reader.
 */
#ifndef WASM_ADMIT_H
#define WASM_ADMIT_H

#include "base/error.h"
#include "wasm/module.h"

/*
 * A function that the host offers. Types are one letter each: i = i32, I = i64, f = f32, F = f64.
 * At most 16 parameters and one result.
 */
struct wasm_import_type {
    const char *module;
    const char *name;
    const char *params;
    const char *result; /* one letter, or "" */
};

struct wasm_rules {
    const struct wasm_import_type *imports; /* borrowed during the call */
    size_t import_count;
    uint64_t memory_bytes_max;   /* initial memory; more is refused when it grows */
    uint64_t table_elements_max; /* initial elements of all tables together */
};

/*
 * Checks imports, memory, tables, segments and exports against the rules:
 *
 *   imports   functions of the table with exactly its types; no memory, table or global
 *   memory    exactly one, defined, exported as `memory`, its initial size within the limit
 *   tables    their initial sizes together within the limit
 *   segments  where the target is a constant, inside the initial memory or table
 *   exports   `_initialize`, if there is one, is a function of the module's own, () -> ()
 *   start     a function of the module's own
 *
 * Errors: CORDON_E_MODULE_REFUSED with what, where and what to do. Any thread.
 */
CORDON_MUST_USE cordon_error *wasm_admit(
    const struct wasm_module *module, const struct wasm_rules *rules);

/* The row that an import is bound to, or NULL: by name; wasm_admit() compares the types. */
const struct wasm_import_type *wasm_find_import_type(
    const struct wasm_rules *rules, const struct wasm_import *import);

/* "_initialize": what a module exports by that name runs before any function. */
extern const struct slice wasm_initialize_name;

/* True if the module exports it. */
bool wasm_has_initialize(const struct wasm_module *module);

/*
 * Checks that an export is a function of the module's own of type () -> (). `subject` begins the
 * text of a refusal: "The export \"_initialize\"".
 */
CORDON_MUST_USE cordon_error *wasm_check_callable(
    const struct wasm_module *module, const struct wasm_export *export, const char *subject);

#endif
