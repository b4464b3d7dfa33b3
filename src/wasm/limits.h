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
 * field, most, unit, what is counted. These are fixed. Beside them stands `module_bytes`, the limit
 * of that name in cordon/limits.h, which an operator sets: a Rust program with full debug
 * information is 3 to 6 MB, a language runtime with a snapshot of its heap about 10. It is also the
 * ceiling of every data segment.
 *
 * types             Signatures are shared by the functions that have them.
 * parameters,       The engine stops at 1,000; compilers pass more than a few through memory.
 * results
 * type_values       For each type the compiler makes the ways in and out, whether or not a function
 *                   has it: 5 us for each value, 75 for each type.
 * imports           The runner offers fewer than a hundred; a linker may repeat one.
 * functions         A body is one unit of compilation and costs the compiler its set-up.
 * tables            C, C++ and Rust emit one. A pool slot of the engine holds one.
 * globals           A stack pointer and a few addresses in C and Rust; each costs every instance
 *                   16 bytes and its initialisation.
 * exports           One per function that can be called, and memory.
 * element_segments, Each segment is applied at every instantiation, each item is a pointer in the
 * element_items     compiled module. Tables are held to `table_elements` besides.
 * data_segments     AssemblyScript emits one per string literal, Go 30,000 for a program that
 *                   prints a line; the engine stops at 100,000. They cost a start nothing unless
 *                   they are among the loading_items; passive ones 2 ns each.
 * loading_items     Code is made for each, which runs whenever a run begins: 0.5 ms and 1 second of
 *                   compiling at the bound; loading.c says which these are.
 * body_bytes        Register allocation takes more than linear time in the size of a function.
 * locals            Parameters included. Unoptimised builds have a local per intermediate value;
 *                   the engine stops at 50,000.
 * all_locals        Five bytes declare 20,000 locals, for each of which the compiler makes a
 *                   variable and an initial value; an unoptimised program of 10,000 functions has
 *                   half a million.
 * nesting           The reader keeps a frame for each level. The case labels of a `switch` are as
 *                   many blocks in each other: 3,290 in a compiler that was itself compiled.
 * branches          The compiler's time grows with their square: 10,000 take it 2 to 8 seconds. The
 *                   most in a function of SQLite is 1,500, of that compiler 3,850.
 * loop_nesting      The compiler's time grows with its cube: loops in each other, and nothing else,
 *                   take it 1.5 seconds at 1,000 and 10 at 2,000. SQLite has 8.
 * branch_targets    The engine stops at 65,520 cases of one `switch`; a function has 12,000 there.
 * carried_values    Each costs the compiler up to 2 KB: a module of 4 KB can carry 255 values over
 *                   1,000 blocks. Compilers carry one here and there.
 * call_values       Each is an instruction or two. 13,400 in that compiler.
 * local_places      The compiler keeps 4 bytes for each local at each block, 200 MB at the bound.
 *                   Unoptimised, the largest function of QuickJS has 13.6 million.
 * local_branches    What may reach a block from several others is joined there, for each local
 *                   that lives so long: 5 seconds at the bound. There, 340,000.
 * joined_values     A local that is used behind the end of a block that it was used in, or in a
 *                   loop that it was not used in, is a value of its own there, and that once for
 *                   each such end and loop. Time grows with their square: 8 seconds. 34,000 in that
 *                   compiler, 16,500 there.
 * custom_sections   Debug information takes about a dozen.
 * name_bytes        Of an import, an export or a custom section. Debug names are not bounded, as
 *                   they cost nothing here; what is kept of one is (WASM_NAME_SHOWN_MAX).
 */
#define WASM_BOUNDS(X)                                                                             \
    X(types, 10000, "count", "function types")                                                     \
    X(parameters, 255, "count", "parameters of one function type")                                 \
    X(results, 255, "count", "results of one function type")                                       \
    X(type_values, 200000, "count", "parameters and results of all function types together")       \
    X(imports, 1000, "count", "imports")                                                           \
    X(functions, 100000, "count", "functions, imported ones aside")                                \
    X(tables, 1, "count", "tables")                                                                \
    X(globals, 10000, "count", "globals, imported ones aside")                                     \
    X(exports, 20000, "count", "exports")                                                          \
    X(element_segments, 10000, "count", "element segments")                                        \
    X(element_items, 200000, "count", "items of all element segments")                             \
    X(data_segments, 100000, "count", "data segments")                                             \
    X(loading_items, 10000, "count",                                                               \
      "items that are computed whenever a run begins: of passive element segments, of active "     \
      "ones "                                                                                      \
      "with expressions, globals that are computed or refer to functions, data over more than "    \
      "16 MiB")                                                                                    \
    X(body_bytes, 1048576, "bytes", "size of one function body")                                   \
    X(locals, 20000, "count", "parameters and locals of one function")                             \
    X(all_locals, 2000000, "count", "locals of all functions, parameters aside")                   \
    X(nesting, 10000, "count", "blocks, loops and ifs inside each other")                          \
    X(branches, 10000, "count", "loops, ifs, branches and indirect calls of one function")         \
    X(loop_nesting, 100, "count", "loops inside each other")                                       \
    X(branch_targets, 65000, "count", "targets of all branch tables of one function")              \
    X(carried_values, 10000, "count", "values that the blocks and branches of one function carry") \
    X(call_values, 100000, "count",                                                                \
      "values that the calls of one function pass and give back, and four for each call")          \
    X(local_places, 50000000, "count",                                                             \
      "parameters and locals of one function, times its blocks and branches")                      \
    X(local_branches, 500000, "count",                                                             \
      "locals of one function that live across blocks, times its branches; eight targets of a "    \
      "branch table count as one")                                                                 \
    X(joined_values, 40000, "count",                                                               \
      "values of locals of one function that may differ where its paths meet")                     \
    X(custom_sections, 256, "count", "custom sections")                                            \
    X(name_bytes, 4096, "bytes", "size of a name of an import, an export or a custom section")

struct wasm_limits {
    uint32_t module_bytes;
#define WASM_BOUND_FIELD(field, most, unit, text) uint32_t field;
    WASM_BOUNDS(WASM_BOUND_FIELD)
#undef WASM_BOUND_FIELD
};

/* The table, and the default of module_bytes. Static, any thread. */
extern const struct wasm_limits wasm_limits_default;

#endif
