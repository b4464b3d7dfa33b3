/*
 * The readers of the single sections, called by wasm_read() in the order in which one needs
 * another's facts. Each gets a cursor over its section (an empty one if the module lacks it) and
 * fills its part of the module.
 */
#ifndef WASM_SECTIONS_H
#define WASM_SECTIONS_H

#include "wasm/cursor.h"

CORDON_MUST_USE cordon_error *wasm_read_types(struct wasm_cursor *c);
CORDON_MUST_USE cordon_error *wasm_read_imports(struct wasm_cursor *c);
CORDON_MUST_USE cordon_error *wasm_read_functions(struct wasm_cursor *c);
CORDON_MUST_USE cordon_error *wasm_read_tables(struct wasm_cursor *c);
CORDON_MUST_USE cordon_error *wasm_read_memories(struct wasm_cursor *c);
CORDON_MUST_USE cordon_error *wasm_read_tags(struct wasm_cursor *c);
CORDON_MUST_USE cordon_error *wasm_read_globals(struct wasm_cursor *c);
CORDON_MUST_USE cordon_error *wasm_read_exports(struct wasm_cursor *c);
CORDON_MUST_USE cordon_error *wasm_read_start(struct wasm_cursor *c);
CORDON_MUST_USE cordon_error *wasm_read_elements(struct wasm_cursor *c);
CORDON_MUST_USE cordon_error *wasm_read_data_count(struct wasm_cursor *c);
CORDON_MUST_USE cordon_error *wasm_read_code(struct wasm_cursor *c);
CORDON_MUST_USE cordon_error *wasm_read_data(struct wasm_cursor *c);

/*
 * What is computed for the module whenever a run begins, when all else is read: bounds it and sets
 * its price. Errors: CORDON_E_MODULE_REFUSED.
 */
CORDON_MUST_USE cordon_error *wasm_weigh_loading(struct wasm_cursor *c);

/*
 * The custom section "name": what frames and refusals call a function. As the specification has
 * it, a damaged one does not make the module invalid: what stands before the damage is used.
 */
CORDON_MUST_USE cordon_error *wasm_read_names(struct wasm_cursor *c);

/* A constant expression that must leave one value of `type`, up to and with its `end`. */
CORDON_MUST_USE cordon_error *wasm_take_constant(
    struct wasm_cursor *c, enum wasm_type type, struct wasm_constant *out_constant);

/* What is imported or exported; `subject` is "An import" or "An export". */
CORDON_MUST_USE cordon_error *wasm_take_kind(
    struct wasm_cursor *c, const char *subject, enum wasm_kind *out_kind);

/* The type of a table, memory or global, as imports and definitions share it. */
CORDON_MUST_USE cordon_error *wasm_take_table_type(
    struct wasm_cursor *c, struct wasm_table *out_table);
CORDON_MUST_USE cordon_error *wasm_take_memory_type(
    struct wasm_cursor *c, struct wasm_memory *out_memory);
CORDON_MUST_USE cordon_error *wasm_take_global_type(
    struct wasm_cursor *c, struct wasm_global *out_global);

#endif
