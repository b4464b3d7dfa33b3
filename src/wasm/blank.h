/*
 * A module as the compiler gets it: without what is for people alone.
 *
 * Names, debug information and metadata are in custom sections, and machine code does not depend on
 * them. An engine that gets them may keep them, and copy them each time that it prints a stack:
 * one name of 19 MB in a stack of 64 frames is 1.2 GB. So the compiler does not see them.
 */
#ifndef WASM_BLANK_H
#define WASM_BLANK_H

#include "base/error.h"
#include "wasm/module.h"

/*
 * A copy of the module's bytes in which each custom section is empty: its name has no bytes and its
 * content is zeros. Size and every other byte are the same, and so is every offset that the
 * compiler or a trap will tell. `*out_bytes` is a block of the caller's. Errors:
 * CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *wasm_blank(const struct wasm_module *module, struct slice *out_bytes);

#endif
