/* Times on the command line. */
#ifndef CLI_TIMES_H
#define CLI_TIMES_H

#include <stdbool.h>
#include <stdint.h>

/* What times_read() takes, for words about one that it does not take. */
#define TIMES_WORDS "a day such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z"

/* A day, at its begin, or a moment of one, UTC; milliseconds since 1970. False for another text. */
bool times_read(const char *text, uint64_t *out_ms);

#endif
