/* Clocks. The only place that reads them; everything else gets time from here or as an argument. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds of a clock that never steps, from an arbitrary start. Any thread. */
uint64_t clock_monotonic_ns(void);

/* Nanoseconds since 1970-01-01 UTC; may step. Any thread. */
uint64_t clock_wall_ns(void);

/* Processor time of the calling thread, in nanoseconds. */
uint64_t clock_thread_cpu_ns(void);

/* The monotonic time in so many milliseconds; UINT64_MAX, which never comes, if it is past all. */
uint64_t clock_deadline_ns(uint64_t ms);

/* How long poll() may wait for such a deadline: milliseconds, rounded up; 0 if it is over. */
int clock_poll_ms(uint64_t deadline_ns);

#endif
