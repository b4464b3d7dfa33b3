/*
 * A bump arena: many small allocations of one lifetime, freed whole. Born with a ceiling, or with
 * an account that each of its blocks is charged to before it is allocated.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/account.h"
#include "base/error.h"
#include "base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    uint8_t *next;              /* free bytes of the newest block */
    uint8_t *end;
    size_t bytes; /* allocated from the system for this arena */
    size_t bytes_max;
    struct account *account; /* who pays for the blocks; NULL: nobody */
    bool full;               /* the last failed allocation was refused by the ceiling */
};

static inline void arena_init(struct arena *arena, size_t bytes_max)
{
    *arena = (struct arena){.bytes_max = bytes_max};
}

/* The account is its ceiling; it must outlive the arena. */
static inline void arena_init_charged(struct arena *arena, struct account *account)
{
    *arena = (struct arena){.bytes_max = SIZE_MAX, .account = account};
}

/* Frees everything. The arena may be used again. */
void arena_done(struct arena *arena);

/* Forgets everything but keeps one block for the next use. */
void arena_reset(struct arena *arena);

/* Zeroed memory aligned for any type, or NULL, and arena_error() says why. */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy of the bytes with a NUL behind them, or a slice with data NULL as arena_alloc. */
struct slice arena_copy(struct arena *arena, struct slice bytes);

/* Why the last allocation failed: CORDON_E_TOO_LARGE (the ceiling), or as account_error(). */
CORDON_ALWAYS_ERROR cordon_error *arena_error(const struct arena *arena);

static inline size_t arena_bytes(const struct arena *arena)
{
    return arena->bytes;
}

#define CORDON_CLEANUP_ARENA CORDON_CLEANUP(arena_done)

#endif
