/*
 * From WebAssembly bytes to a loaded module: read, admit, compile or take from the cache, load.
 * What is admitted and how is reported as it goes.
 */
#ifndef RUN_BUILD_H
#define RUN_BUILD_H

#include "run/deploy/deployment.h"
#include "run/runner.h"

struct built {
    const struct wasm_metadata *metadata; /* in the arena it was built with */
    const struct schema *schema;          /* the same; NULL: it brings none */
    struct function_names names;          /* the same */
    uint8_t hash[SHA256_BYTES];           /* of its bytes */
    bool has_initialize;
    uint64_t loading_fuel; /* of struct wasm_module */
    bool has_debug;
    struct engine_module *module; /* NULL: it was to come from the cache, which lacks it */
    uint64_t compile_ns;          /* 0: the machine code came from the cache */
};

/* For whom, and whether machine code that the cache lacks is not made anew. */
struct build_order {
    uint32_t tenant;
    bool only_cached;
};

/*
 * Builds a module. What lives as long as it goes into `keep`; the caller owns the reference to the
 * engine's module. A report (NULL: none) gets one object more. Blocks while a worker compiles,
 * which none does for an order of what the cache has.
 * Errors, with the module's name in front: CORDON_E_MODULE_REFUSED, and those of compiler.h.
 */
CORDON_MUST_USE cordon_error *build_module(
    struct runner *runner,
    const struct build_order *order,
    const struct deploy_module *source,
    struct arena *keep,
    struct built *out_built,
    struct buffer *report);

#endif
