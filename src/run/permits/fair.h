/*
 * Start-time fair queueing: who had least of a processor's time, for its weight, comes first. Each
 * has a virtual time, which is the processor time it had over its weight. Who comes back after a
 * pause begins where the others are, so that nobody saves time up by waiting.
 *
 * Turns are measured only when they end. Until then each counts as one of the usual length, or
 * whoever is first would be given all places at once.
 *
 * Pure: whoever uses it reads the clock.
 */
#ifndef RUN_FAIR_H
#define RUN_FAIR_H

#include <stdint.h>

/* The weight of who was given none; twice of it is twice the time. */
#define FAIR_WEIGHT 100

struct fair {
    uint64_t virtual_ns;
    uint32_t used;   /* turns it has now */
    uint32_t weight; /* 0: FAIR_WEIGHT */
};

/* Who is first of several: the one whose key is least. */
static inline uint64_t fair_key(const struct fair *fair, uint64_t turn_ns)
{
    const uint32_t weight = fair->weight > 0 ? fair->weight : FAIR_WEIGHT;
    return fair->virtual_ns + fair->used * turn_ns * FAIR_WEIGHT / weight;
}

/* It comes back after a pause; `now_ns` is the virtual time of the others. */
static inline void fair_join(struct fair *fair, uint64_t now_ns)
{
    fair->virtual_ns = fair->virtual_ns > now_ns ? fair->virtual_ns : now_ns;
}

/* It had so much of a processor's time. */
static inline void fair_charge(struct fair *fair, uint64_t cpu_ns)
{
    const uint32_t weight = fair->weight > 0 ? fair->weight : FAIR_WEIGHT;
    fair->virtual_ns += cpu_ns * FAIR_WEIGHT / weight;
}

#endif
