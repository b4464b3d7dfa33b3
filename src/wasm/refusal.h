/*
 * Refusals: the one form of every error that says a module is not admitted.
 *
 * Each names what is wrong, where (byte offset, section, function) and what to do about it. Names
 * out of the module are hostile: they reach a text only through wasm_quote().
 */
#ifndef WASM_REFUSAL_H
#define WASM_REFUSAL_H

#include "base/error.h"
#include "wasm/module.h"

/* Where in a module something was found. */
struct wasm_place {
    const struct wasm_module *module; /* NULL before anything is known */
    enum wasm_section_id section;
    struct slice custom; /* name of a custom section */
    uint32_t offset;     /* bytes from the start of the module */
    uint32_t function;   /* or WASM_NO_FUNCTION */
};

/* A place in a section, in no function. */
static inline struct wasm_place wasm_place_in(
    const struct wasm_module *module, enum wasm_section_id section, uint32_t offset)
{
    return (struct wasm_place){
        .module = module, .section = section, .offset = offset, .function = WASM_NO_FUNCTION};
}

/* A place in a custom section, in no function. */
static inline struct wasm_place wasm_place_in_custom(
    const struct wasm_module *module, const struct wasm_section *section, uint32_t offset)
{
    return (struct wasm_place){.module = module,
                               .section = WASM_SECTION_CUSTOM,
                               .custom = section->name,
                               .offset = offset,
                               .function = WASM_NO_FUNCTION};
}

/*
 * CORDON_E_MODULE_REFUSED with the text "<what>, at byte N (0xN) in the S section, in function I
 * "name". <advice>". `format` makes <what>, a sentence without its period; `advice` is whole
 * sentences.
 */
__attribute__((returns_nonnull)) CORDON_MUST_USE CORDON_PRINTF(3, 4) cordon_error *wasm_refuse(
    struct wasm_place place, const char *advice, const char *format, ...);

/* Proposals to WebAssembly that are not admitted: id, what a text calls it, what to do. */
#define WASM_REFUSED_FEATURES(X)                                                                   \
    X(THREADS, "shared memory or tables (the threads proposals)",                                  \
      "Build for a single thread: without -pthread, -matomics or the target feature `atomics`.")   \
    X(MEMORY64, "64-bit memories or tables (the memory64 proposal)",                               \
      "Build for wasm32 in place of wasm64.")                                                      \
    X(MULTI_MEMORY, "more than one memory (the multi-memory proposal)",                            \
      "Keep everything in one memory.")                                                            \
    X(PAGE_SIZES, "a page size of its own (the custom-page-sizes proposal)",                       \
      "Build with the ordinary page size of 65536 bytes.")                                         \
    X(EXCEPTIONS, "exceptions (the exception-handling proposal)",                                  \
      "Build without them: -fno-exceptions in C++, panic = \"abort\" in Rust.")                    \
    X(GC, "garbage-collected types (the GC proposal)",                                             \
      "Compile from a language that manages its own linear memory, such as C or Rust.")            \
    X(FUNCTION_REFERENCES, "typed function references (the function-references proposal)",         \
      "Build without the target feature `gc` or `function-references`.")                           \
    X(EXTERNREF, "references to host objects (externref)",                                         \
      "No host call takes or gives one; pass bytes in linear memory.")                             \
    X(TAIL_CALLS, "tail calls (the tail-call proposal)",                                           \
      "Build without -mtail-call or the target feature `tail-call`.")                              \
    X(RELAXED_SIMD, "relaxed SIMD, whose results depend on the machine",                           \
      "Build without -mrelaxed-simd or the target feature `relaxed-simd`; SIMD itself is fine.")   \
    X(WIDE_ARITHMETIC, "128-bit arithmetic (the wide-arithmetic proposal)",                        \
      "Build without -mwide-arithmetic or the target feature `wide-arithmetic`.")                  \
    X(MEMORY_CONTROL, "the discarding of memory (the memory-control proposal)",                    \
      "Fill the pages with zeros by memory.fill in its place.")                                    \
    X(STACK_SWITCHING, "continuations (the stack-switching proposal)",                             \
      "Build without the target feature `stack-switching`.")                                       \
    X(COMPONENT, "the component model",                                                            \
      "Build a core module: the targets wasm32-wasip1 and wasm32-unknown-unknown make one, "       \
      "wasm32-wasip2 does not.")

enum wasm_refused_feature {
#define WASM_FEATURE_ENUM(id, text, advice) WASM_FEATURE_##id,
    WASM_REFUSED_FEATURES(WASM_FEATURE_ENUM)
#undef WASM_FEATURE_ENUM
};

/* Refuses because `subject` ("The memory") uses that proposal. */
__attribute__((returns_nonnull)) CORDON_MUST_USE cordon_error *wasm_refuse_feature(
    struct wasm_place place, const char *subject, enum wasm_refused_feature feature);

/*
 * Refuses because code or a section is not valid, as the compiler's validator found: its reason,
 * and the place of the byte `offset`, which may be any number, in the terms of the module.
 */
__attribute__((returns_nonnull)) CORDON_MUST_USE cordon_error *wasm_refuse_invalid(
    const struct wasm_module *module, uint64_t offset, const char *reason);

/* A name in double quotes, safe to print: escaped, and cut with a mark where it is long. */
struct wasm_quoted {
    char text[128];
};

/* Used as "%s", wasm_quote(name).text, which lives to the end of the full expression. */
struct wasm_quoted wasm_quote(struct slice name);

/* A function type in words: "(i32, i32) -> (i64)", cut with a mark where it is long. */
struct wasm_type_text {
    char text[128];
};

/* Used as "%s", wasm_print_type(type).text, as wasm_quote(). */
struct wasm_type_text wasm_print_type(const struct wasm_func_type *type);

/* What to do about a file that no compiler can have made. */
#define WASM_ADVICE_DAMAGED                                                                        \
    "The file is damaged or was not made by a WebAssembly compiler; build it again."

/* What to do about a count over its limit. */
#define WASM_ADVICE_SMALLER "Make the module smaller or split its functions over several modules."

#endif
