/*
 * What a function can come to, by the calls that stand in its code.
 *
 * The graph has an edge for each direct call, and for each indirect one an edge to every function
 * of that type whose address is taken anywhere. So it has more calls than any run can make, never
 * fewer: what it does not reach is out of reach, as no host call puts functions into a table.
 *
 * The work is linear in the size of the code, the memory in the number of functions, whatever the
 * graph looks like; nothing recurses. Pure.
 */
#ifndef WASM_CALLGRAPH_H
#define WASM_CALLGRAPH_H

#include "base/arena.h"
#include "base/error.h"
#include "wasm/module.h"

struct wasm_callgraph {
    /*
     * The capabilities that there are to be reached: the modules that functions are imported from,
     * each once, in the byte order of their names.
     */
    const struct slice *capabilities;
    uint32_t capability_count;
    /* For each function, from its first word on, a bit for each capability. */
    const uint64_t *reached;
    uint32_t words;
    /* For each function how deep its calls go; see wasm_call_depth(). */
    const uint32_t *depths;
};

#define WASM_RECURSIVE UINT32_MAX

/*
 * Walks the whole graph of a module that was read. What comes out lives in the arena and borrows
 * names of the module. Errors: those of the arena.
 */
CORDON_MUST_USE cordon_error *wasm_callgraph_make(
    const struct wasm_module *module, struct arena *arena, const struct wasm_callgraph **out_graph);

/* Whether calls of that function can lead to an import of that capability. */
static inline bool wasm_reaches(
    const struct wasm_callgraph *graph, uint32_t function, uint32_t capability)
{
    const uint64_t *words = &graph->reached[(size_t)function * graph->words];
    return (words[capability / 64] >> (capability % 64) & 1) != 0;
}

/*
 * How many functions of the module can be active at one time, that function included, or
 * WASM_RECURSIVE if it can reach a function that can come to call itself. 0 for an imported one.
 */
static inline uint32_t wasm_call_depth(const struct wasm_callgraph *graph, uint32_t function)
{
    return graph->depths[function];
}

#endif
