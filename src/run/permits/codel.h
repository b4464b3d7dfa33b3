/*
 * CoDel for calls that wait to begin: tells a burst, which a queue is there for, from a standing
 * queue, which only makes everybody late. As in RFC 8289 the sign is not how many wait but how
 * long: as soon as the one that waits longest has waited for more than `target_ns`, without a
 * break, for `interval_ns`, the queue is congested. It stays so until it is empty.
 *
 * What is done about it is what suits calls. A sender of packets slows down when one is dropped,
 * so RFC 8289 drops them one by one, a little faster each time; callers do not slow down, and ten
 * times too many of them would never be dropped fast enough. So, as in Facebook's and Convex's
 * servers, nobody in a congested queue waits for longer than `target_ns`, and the newest is served
 * first: its caller is the most likely to be still there. docs/decisions/025 has the figures.
 *
 * Pure: whoever uses it reads the clock.
 */
#ifndef RUN_CODEL_H
#define RUN_CODEL_H

#include <stdbool.h>
#include <stdint.h>

struct codel_options {
    uint64_t target_ns;
    uint64_t interval_ns;
};

struct codel {
    bool is_above; /* the one that waits longest has waited for more than the target */
    uint64_t above_since_ns;
    bool is_congested;
};

/* To be told at each change of the queue; `waited_ns` is how long the oldest has waited. */
static inline void codel_look(
    struct codel *codel,
    const struct codel_options *options,
    bool is_empty,
    uint64_t waited_ns,
    uint64_t now_ns)
{
    if (is_empty) {
        *codel = (struct codel){0};
    } else if (codel->is_congested) {
        return;
    } else if (waited_ns <= options->target_ns) {
        codel->is_above = false;
    } else if (!codel->is_above) {
        codel->is_above = true;
        codel->above_since_ns = now_ns;
    } else {
        codel->is_congested = now_ns - codel->above_since_ns >= options->interval_ns;
    }
}

/* Whether one that has waited so long is turned away. */
static inline bool codel_expires(
    const struct codel *codel, const struct codel_options *options, uint64_t waited_ns)
{
    return codel->is_congested && waited_ns > options->target_ns;
}

#endif
