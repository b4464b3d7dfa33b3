/*
 * What a deployed module's functions are called, for the stacks of runs that fail.
 *
 * The names come from the module's name section and its exports, so they are hostile. They are
 * kept beside the machine code, which knows its functions by number alone, and are bounded twice:
 * each is cut at WASM_NAME_SHOWN_MAX, and all of a module have NAMES_BYTES_MAX. A function whose
 * name was left out is shown by its number; how many those are stands in the report of the deploy.
 */
#ifndef RUN_NAMES_H
#define RUN_NAMES_H

#include "base/arena.h"
#include "base/error.h"
#include "wasm/module.h"

/* Of all names of a module: ten times those of a large program with long names. */
#define NAMES_BYTES_MAX ((size_t)4 << 20)

struct function_names {
    uint32_t count;       /* functions, imported ones first */
    const uint32_t *ends; /* of each name in `text` */
    const uint8_t *text;
    uint32_t left_out; /* functions whose names had no room */
};

/* Takes the names over into the arena. Errors: CORDON_E_NO_MEMORY. */
CORDON_MUST_USE cordon_error *names_keep(
    const struct wasm_module *module, struct arena *arena, struct function_names *out_names);

/* The name of a function; empty if it has none. Borrowed from the arena. */
struct slice names_find(const struct function_names *names, uint32_t function);

#endif
