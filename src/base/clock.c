/* Clocks of the operating system. */
#include "base/clock.h"

#include "base/error.h"

#include <time.h>

static uint64_t read_clock(clockid_t id)
{
    struct timespec now;
    const int failed = clock_gettime(id, &now);
    CORDON_ASSERT(failed == 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

uint64_t clock_thread_cpu_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}
