/*
 * From a pair of numbers to the place of what it names: open addressing, half full at most. The
 * seed is drawn anew each time, so that nobody can write a history whose pairs all collide.
 */
#ifndef HISTORY_LOOKUP_H
#define HISTORY_LOOKUP_H

#include "base/account.h"

#define LOOKUP_NONE UINT32_MAX

struct lookup_slot {
    uint64_t first;
    uint64_t second;
    uint32_t place; /* LOOKUP_NONE: free */
};

struct lookup {
    struct account *account;
    uint64_t seed;
    struct lookup_slot *slots;
    size_t slot_count; /* a power of two, or 0 */
    size_t used;
};

void lookup_init(struct lookup *lookup, struct account *account);
void lookup_done(struct lookup *lookup);

/* LOOKUP_NONE if it is not there. */
uint32_t lookup_find(const struct lookup *lookup, uint64_t first, uint64_t second);

/* Adds a pair that is not there. Errors: as account_error(). */
CORDON_MUST_USE cordon_error *lookup_add(
    struct lookup *lookup, uint64_t first, uint64_t second, uint32_t place);

#endif
