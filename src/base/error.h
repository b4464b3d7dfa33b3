/*
 * Making and passing on errors inside the library. The public half is cordon/error.h.
 *
 * Two idioms carry every failure path: TRY hands an error to the caller in one line, and
 * CORDON_CLEANUP frees what was declared above it. There is no goto.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <cordon/error.h>
#include <stdlib.h>

/*
 * For constructors that never return NULL. gcc reports what they made when it is dropped, freed
 * twice or used after its end; clang lacks that attribute.
 */
#ifdef __clang__
#define CORDON_FREED_BY(free) __attribute__((returns_nonnull))
#else
#define CORDON_FREED_BY(free) __attribute__((malloc(free, 1), returns_nonnull))
#endif

/*
 * The public one, with what gcc may know of it. The words say what, where, and what to do next;
 * they never hold a path, address or text of the engine.
 */
CORDON_FREED_BY(cordon_error_free) CORDON_MUST_USE CORDON_PRINTF(2, 3) cordon_error *
cordon_error_new(cordon_error_code code, const char *format, ...);

/* For every other function that answers with an error always: analysers take its word. */
#define CORDON_ALWAYS_ERROR __attribute__((returns_nonnull)) CORDON_MUST_USE

/* The static error for "out of memory"; freeing it does nothing. */
CORDON_ALWAYS_ERROR cordon_error *error_no_memory(void);

static inline void cordon_error_freep(cordon_error **error)
{
    cordon_error_free(*error);
    *error = NULL;
}

#define TRY(expr)                                                                                  \
    do {                                                                                           \
        cordon_error *const try_error_ = (expr);                                                   \
        if (try_error_ != NULL) {                                                                  \
            return try_error_;                                                                     \
        }                                                                                          \
    } while (0)

/* Frees a variable at the end of its scope: CORDON_CLEANUP(thing_freep) struct thing *t = NULL; */
#define CORDON_CLEANUP(freep) __attribute__((cleanup(freep)))

/* Takes the value out of an owning variable, leaving NULL behind. */
#define CORDON_TAKE(pointer)                                                                       \
    __extension__({                                                                                \
        __typeof__(pointer) take_ = (pointer);                                                     \
        (pointer) = NULL;                                                                          \
        take_;                                                                                     \
    })

/*
 * A fact about our own code. On in every build; a false one writes where and what to stderr and
 * stops the process, as going on would do worse.
 */
#define CORDON_ASSERT(condition)                                                                   \
    ((condition) ? (void)0 : assert_failed(#condition, __FILE_NAME__, __LINE__))

#ifndef __FILE_NAME__
#define __FILE_NAME__ __FILE__
#endif

_Noreturn void assert_failed(const char *condition, const char *file, int line);

#endif
