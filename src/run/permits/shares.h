/*
 * What a tenant may take of what all share and nobody can be made to give back: slots, memory,
 * places in a queue. A fixed share for each would leave most of it unused, and none would let one
 * take all. So a tenant may have so much for so much that is free, as switches share the memory of
 * their ports (Choudhury and Hahne, 1998): with a share of 75 %, three for each one that is free.
 * One tenant alone gets three quarters; two that take all they can get three sevenths each, ten get
 * three thirty-firsts each; and always something is left for the next one who comes.
 */
#ifndef RUN_SHARES_H
#define RUN_SHARES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Whether one who has `mine` of `all` that are taken may take `more`. The first one always may. */
static inline bool share_allows(
    uint64_t mine, uint64_t all, uint64_t more, uint64_t total, uint32_t percent)
{
    if (all > total || more > total - all) {
        return false;
    }
    if (percent >= 100 || (mine == 0 && more == 1)) {
        return true;
    }
    const uint64_t left = total - all - more;
    const uint64_t most = UINT64_MAX / 100; /* of which no machine has as many bytes */
    return mine + more <= most &&
           (mine + more) * (100 - percent) <= (left < most ? left : most) * percent;
}

/* What all share. */
struct shared {
    atomic_ullong used;
    uint64_t total;
};

/* All or nothing; `mine` is what the one who takes has of it. Any thread. */
static inline bool shared_take(
    struct shared *shared, atomic_ullong *mine, uint64_t more, uint32_t percent)
{
    const uint64_t all = atomic_fetch_add(&shared->used, more);
    const uint64_t own = atomic_fetch_add(mine, more);
    if (share_allows(own, all, more, shared->total, percent)) {
        return true;
    }
    (void)atomic_fetch_sub(mine, more);
    (void)atomic_fetch_sub(&shared->used, more);
    return false;
}

static inline void shared_give(struct shared *shared, atomic_ullong *mine, uint64_t less)
{
    (void)atomic_fetch_sub(mine, less);
    (void)atomic_fetch_sub(&shared->used, less);
}

#endif
