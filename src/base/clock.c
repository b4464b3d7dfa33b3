/* Clocks of the operating system. */
#include "base/clock.h"

#include "base/error.h"

#include <limits.h>
#include <time.h>

#define NS_PER_MS ((uint64_t)1000000)

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

uint64_t clock_deadline_ns(uint64_t ms)
{
    const uint64_t now = clock_monotonic_ns();
    return ms > (UINT64_MAX - now) / NS_PER_MS ? UINT64_MAX : now + ms * NS_PER_MS;
}

int clock_poll_ms(uint64_t deadline_ns)
{
    const uint64_t now = clock_monotonic_ns();
    if (now >= deadline_ns) {
        return 0;
    }
    const uint64_t left_ms = (deadline_ns - now - 1) / NS_PER_MS + 1;
    return left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}
