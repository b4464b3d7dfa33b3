/*
 * How many seconds the clocks of the C library say that `n` rounds of work took: none, in a
 * query.
 */
#define _POSIX_C_SOURCE 200809L
#include <time.h>

#include "attacks.h"

cordon_value *clock_seconds(void)
{
    struct timespec before;
    struct timespec after;
    const time_t began = time(NULL);
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    for (volatile double i = 0; i < attack_size(); i++) {
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    const double seconds = (double)(after.tv_sec - before.tv_sec);
    return cordon_number(
        seconds + (double)(after.tv_nsec - before.tv_nsec) + (double)(time(NULL) - began));
}
