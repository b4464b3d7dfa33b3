/*
 * A share of one processor's time, for work that may wait: it fills as time passes, up to a small
 * store, and work takes from it what it took. Work that took more than there was leaves a debt, and
 * nothing goes on until that is paid. So over any stretch of time the work has no more than its
 * share of it, the store, and what the last piece took. Pure: whoever uses it reads the clocks.
 */
#ifndef RUN_CPU_SHARE_H
#define RUN_CPU_SHARE_H

#include <stdint.h>

struct cpu_share {
    uint64_t parts;     /* one part in so many is its */
    int64_t store_ns;   /* what it holds at most */
    int64_t left_ns;    /* negative: a debt */
    uint64_t filled_ns; /* when that was so, monotonic */
};

static inline void cpu_share_init(
    struct cpu_share *share, uint64_t parts, uint64_t store_ns, uint64_t now_ns)
{
    *share = (struct cpu_share){
        .parts = parts,
        .store_ns = (int64_t)store_ns,
        .left_ns = (int64_t)store_ns,
        .filled_ns = now_ns,
    };
}

/* How long to wait before the next piece of work; 0: there is time for it. */
static inline uint64_t cpu_share_wait_ns(struct cpu_share *share, uint64_t now_ns)
{
    const uint64_t more = (now_ns - share->filled_ns) / share->parts;
    const uint64_t room = (uint64_t)(share->store_ns - share->left_ns);
    share->filled_ns = more >= room ? now_ns : share->filled_ns + more * share->parts;
    share->left_ns = more >= room ? share->store_ns : share->left_ns + (int64_t)more;
    return share->left_ns > 0 ? 0 : (uint64_t)(1 - share->left_ns) * share->parts;
}

/* Takes what a piece of work took. */
static inline void cpu_share_spend(struct cpu_share *share, uint64_t cpu_ns)
{
    share->left_ns -= (int64_t)cpu_ns;
}

#endif
