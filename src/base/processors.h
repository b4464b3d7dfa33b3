/* How many processors there are for this process, which may be fewer than the machine has. */
#ifndef BASE_PROCESSORS_H
#define BASE_PROCESSORS_H

#include <stdint.h>

/*
 * Processors that this thread may run on, or as many as its control groups give it the time of, if
 * those are fewer, a part of one counted as one: threads beyond them would only be throttled
 * together. At least 1. Reads files. Any thread.
 */
uint32_t processors_count(void);

#endif
