/*
 * The module reader: bytes in, facts or a refusal out.
 *
 * It is the first code of ours that sees what a stranger sent, and runs before any other: it reads
 * every section of a WebAssembly module, checks all structure outside of function bodies, and
 * bounds every count before it reserves memory for it. It is pure: no clock, no file, no global
 * state; the same bytes give the same answer.
 *
 * Admitted is WebAssembly 2.0 without externref, with extended constant expressions. Proposals
 * beyond that are refused by name (wasm/refusal.h). Function bodies are measured, not decoded: the
 * engine's validator checks their operators in the compile worker.
 */
#ifndef WASM_READER_H
#define WASM_READER_H

#include "base/arena.h"
#include "base/error.h"
#include "wasm/limits.h"
#include "wasm/module.h"

/*
 * Reads a whole module.
 *
 * `*out_module` lives in `arena` and points into `bytes`; both must outlive it. On failure what
 * the arena holds is of no use. The module needs at most about 100 bytes per function, export,
 * import, global or segment.
 * Errors: CORDON_E_MODULE_REFUSED with what, where and what to do; CORDON_E_NO_MEMORY. Any thread,
 * one at a time per arena.
 */
CORDON_MUST_USE cordon_error *wasm_read(
    struct slice bytes,
    const struct wasm_limits *limits,
    struct arena *arena,
    const struct wasm_module **out_module);

#endif
