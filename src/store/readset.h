/*
 * What a transaction has read: disjoint, merged intervals of logical keys. A commit is a conflict
 * if a key that somebody else wrote meanwhile lies in one of them.
 */
#ifndef STORE_READSET_H
#define STORE_READSET_H

#include "base/arena.h"
#include "base/error.h"
#include "store/skip.h"

struct interval;

struct readset {
    struct skip intervals;   /* by their low end */
    struct interval *recent; /* the one touched last: most reads extend it or lie in it */
    struct arena *arena;     /* borrowed; holds everything */
    uint64_t seed;           /* of the heights of its nodes: skip_key_bits() */
};

/* An empty set whose memory comes from `arena`. */
void readset_init(struct readset *set, struct arena *arena);

/*
 * Adds the interval from `low` (inclusive) to `high` (exclusive); both are copied.
 * Errors: CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *readset_add(struct readset *set, struct slice low, struct slice high);

/* Adds one key. */
CORDON_MUST_USE cordon_error *readset_add_key(struct readset *set, struct slice key);

/* Whether the key was read. */
bool readset_covers(const struct readset *set, struct slice key);

/* Intervals in the set. */
size_t readset_count(const struct readset *set);

#endif
