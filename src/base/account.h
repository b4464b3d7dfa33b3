/*
 * An account of memory that is held for somebody: a block is charged before it is allocated and
 * given back when it is freed. Arenas, buffers and JSON documents may be born with one.
 *
 * Behind an account may stand a source that many share, such as the memory budget of the process.
 * It is asked in lumps, and a spare one is kept, so that whoever holds little asks once. What the
 * account itself counts (held, peak, what was wanted) follows from the charges alone and never from
 * the source, so that two runs which do the same have the same numbers.
 *
 * A block that grows may lie in memory twice while it is copied; it is counted once.
 *
 * Threads: one at a time.
 */
#ifndef BASE_ACCOUNT_H
#define BASE_ACCOUNT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an account takes of its source at the least, in bytes: more than a small run ever holds. */
#define ACCOUNT_LUMP_BYTES ((uint64_t)16 << 10)

struct account_source {
    bool (*take)(void *owner, uint64_t bytes); /* all or nothing; false: that much is not left */
    void (*give)(void *owner, uint64_t bytes);
    void *owner;
};

/* Why an allocation failed last. */
enum account_refusal {
    ACCOUNT_NOT_REFUSED,  /* none has, or it was the machine that had no memory */
    ACCOUNT_FULL,         /* `held_max` */
    ACCOUNT_SOURCE_SPENT, /* the source has not so much left */
};

struct account {
    uint64_t held;     /* bytes, now */
    uint64_t held_max; /* bytes; what would pass it is refused */
    uint64_t peak;     /* the most that was held at one time */
    uint64_t taken;    /* bytes of the source that were not given back; at least `held` */
    struct account_source source;
    enum account_refusal refusal;
    uint64_t wanted; /* if there was a refusal: what would then have been held */
};

/*
 * `source` is copied; NULL: there is none. Nothing is taken yet. An account is never closed: once
 * nothing is held, the owner of the source takes back `taken`, with what else it has lent.
 */
static inline void account_init(
    struct account *account, uint64_t held_max, const struct account_source *source)
{
    *account = (struct account){.held_max = held_max};
    if (source != NULL) {
        account->source = *source;
    } else {
        account->taken = UINT64_MAX;
    }
}

/*
 * The source is asked for nothing more and gets nothing back: its owner has taken back `taken`, and
 * somebody else answers from now on for what is held.
 */
static inline void account_leave_source(struct account *account)
{
    account->source = (struct account_source){0};
    account->taken = UINT64_MAX;
}

/* The rare halves of the next two: a charge beyond what was taken, a release that leaves much. */
CORDON_MUST_USE bool account_make_room(struct account *account, uint64_t bytes);
void account_give_spare(struct account *account);

/* Charges `bytes`. False: nothing was charged, and `refusal` and `wanted` say why. */
CORDON_MUST_USE static inline bool account_charge(struct account *account, uint64_t bytes)
{
    const uint64_t taken = account->taken;
    const uint64_t covered = taken < account->held_max ? taken : account->held_max;
    if (bytes > covered - account->held && !account_make_room(account, bytes)) {
        return false;
    }
    account->held += bytes;
    if (account->held > account->peak) {
        account->peak = account->held;
    }
    return true;
}

/* Gives back what was charged. */
static inline void account_release(struct account *account, uint64_t bytes)
{
    CORDON_ASSERT(bytes <= account->held);
    account->held -= bytes;
    if (account->taken - account->held >= 2 * ACCOUNT_LUMP_BYTES) {
        account_give_spare(account);
    }
}

/*
 * Takes `bytes` of the source for something this account does not count, and with them its first
 * lump: one question in place of two. False: nothing was taken.
 */
CORDON_MUST_USE bool account_take_beside(struct account *account, uint64_t bytes);

static inline uint64_t account_left(const struct account *account)
{
    return account->held_max - account->held;
}

/* -- Blocks that are paid for (by nobody, if the account is NULL) ---------------------------- */

/*
 * As mem_realloc() of a block that has `old_size` bytes (0 for a new one), charged before. NULL:
 * nothing has changed, and account_error() says why.
 */
void *account_realloc(struct account *account, void *block, size_t old_size, size_t size);

/* As mem_free() of a block of `size` bytes; NULL is accepted, whatever the size. */
void account_free(struct account *account, void *block, size_t size);

/*
 * Why the last allocation failed: CORDON_E_TOO_LARGE (the account is full), CORDON_E_OVERLOADED
 * (its source is spent) or CORDON_E_NO_MEMORY (the machine has none).
 */
CORDON_ALWAYS_ERROR cordon_error *account_error(const struct account *account);

#endif
