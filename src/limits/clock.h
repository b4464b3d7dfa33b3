/*
 * The pausing clock of one run. Time goes to one of three accounts: the function's own (user), the
 * host's work for it (system), or that of other runs, whose turn it is (queued). Whoever changes
 * what the run is doing says so with run_clock_switch; the clock itself reads no time, so that
 * every rule about it is tested without waiting.
 *
 * In a query or mutation: guest code is user time; loading, store calls and waiting for them are
 * system time, but for a query's next document where that is at hand: to look at the clock would
 * take longer. In an action waiting is user time, as in Convex, so that none outlives its limit.
 * Waiting for a turn on a crowded server is queued time in all of them: neighbours use up no limit
 * of a function's own.
 */
#ifndef LIMITS_CLOCK_H
#define LIMITS_CLOCK_H

#include <stdint.h>

enum run_clock_account {
    CLOCK_STOPPED, /* nobody pays: before the run begins and after it has ended */
    CLOCK_USER,
    CLOCK_SYSTEM,
    CLOCK_QUEUED, /* it could go on, and waits for a permit or a thread */
    CLOCK_ACCOUNTS,
};

struct run_clock {
    enum run_clock_account account; /* who pays now */
    uint64_t since_ns;              /* when that began, monotonic */
    uint64_t spent_ns[CLOCK_ACCOUNTS];
};

/* From `now_ns`, or the last switch if that was later, `account` pays. Returns who paid before. */
static inline enum run_clock_account run_clock_switch(
    struct run_clock *clock, enum run_clock_account account, uint64_t now_ns)
{
    const enum run_clock_account before = clock->account;
    if (now_ns > clock->since_ns) {
        clock->spent_ns[before] += now_ns - clock->since_ns;
        clock->since_ns = now_ns;
    }
    clock->account = account;
    return before;
}

/* What an account has spent by `now_ns`. */
static inline uint64_t run_clock_spent_ns(
    const struct run_clock *clock, enum run_clock_account account, uint64_t now_ns)
{
    const uint64_t open =
        clock->account == account && now_ns > clock->since_ns ? now_ns - clock->since_ns : 0;
    return clock->spent_ns[account] + open;
}

#endif
