/*
 * Bounds on what a module may carry, checked before any code is generated.
 *
 * A compiler's time and memory grow with counts that a hostile module can state in a few bytes, so
 * each count has a ceiling here. They stand far above what compilers emit for real programs
 * (QuickJS: 1,600 functions, 40 types; SQLite's largest function: 70 KB) and below the ceilings of
 * the engine's own validator, so that a module is refused here with a clear text and not there
 * with a foreign one. All of them bound by construction what the reader allocates.
 */
#ifndef WASM_LIMITS_H
#define WASM_LIMITS_H

#include <stdint.h>

/*
 * field, default, what is counted.
 *
 * module_bytes      A Rust program with full debug information is 3 to 6 MB; a language runtime
 *                   with a snapshot of its heap about 10. Also the ceiling of every data segment.
 * types             Signatures are shared by the functions that have them.
 * parameters,       The engine stops at 1,000; compilers pass more than a few through memory.
 * results
 * imports           The runner offers fewer than a hundred; a linker may repeat one.
 * functions         A body is one unit of compilation and costs the compiler its set-up.
 * tables            C, C++ and Rust emit one. A pool slot of the engine holds one.
 * globals           A stack pointer and a few addresses in C and Rust; each costs every instance
 *                   16 bytes and its initialisation.
 * exports           One per function that can be called, and memory.
 * element_segments, Each segment is applied at every instantiation, each item is a pointer in the
 * element_items     compiled module. Tables are held to `table_elements` besides.
 * data_segments     AssemblyScript emits one per string literal; the engine stops at 100,000.
 * body_bytes        Register allocation takes more than linear time in the size of a function.
 * locals            Parameters included. Unoptimised builds have a local per intermediate value;
 *                   the engine stops at 50,000.
 * all_locals        Five bytes declare 20,000 locals, for each of which the compiler makes a
 *                   variable and an initial value; an unoptimised program of 10,000 functions has
 *                   half a million.
 * custom_sections   Debug information takes about a dozen.
 * name_bytes        Of an import, an export or a custom section. Not of debug names.
 */
#define WASM_LIMITS(X)                                                                             \
    X(module_bytes, 20971520, "bytes of the module")                                               \
    X(types, 10000, "types")                                                                       \
    X(parameters, 255, "parameters of a function type")                                            \
    X(results, 255, "results of a function type")                                                  \
    X(imports, 1000, "imports")                                                                    \
    X(functions, 100000, "functions")                                                              \
    X(tables, 1, "tables")                                                                         \
    X(globals, 10000, "globals")                                                                   \
    X(exports, 20000, "exports")                                                                   \
    X(element_segments, 10000, "element segments")                                                 \
    X(element_items, 200000, "items of all element segments")                                      \
    X(data_segments, 50000, "data segments")                                                       \
    X(body_bytes, 1048576, "bytes of a function body")                                             \
    X(locals, 20000, "parameters and locals of a function")                                        \
    X(all_locals, 2000000, "locals of all functions")                                              \
    X(custom_sections, 256, "custom sections")                                                     \
    X(name_bytes, 4096, "bytes of a name")

struct wasm_limits {
#define WASM_LIMIT_FIELD(field, default_value, text) uint32_t field;
    WASM_LIMITS(WASM_LIMIT_FIELD)
#undef WASM_LIMIT_FIELD
};

/* The defaults of the table. Static, any thread. */
extern const struct wasm_limits wasm_limits_default;

#endif
