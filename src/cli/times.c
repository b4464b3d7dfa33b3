/* Times on the command line; see times.h. */
#include "cli/times.h"

#include <stddef.h>
#include <time.h>

/* -1 for what is none, such as the 30 February, which would be another day. */
static time_t seconds_of(const struct tm *parts)
{
    struct tm day = *parts;
    const time_t seconds = timegm(&day);
    return day.tm_mday == parts->tm_mday && day.tm_mon == parts->tm_mon ? seconds : -1;
}

bool times_read(const char *text, uint64_t *out_ms)
{
    static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm parts = {0};
        const char *const end = strptime(text, forms[i], &parts);
        const time_t seconds = end != NULL && *end == '\0' ? seconds_of(&parts) : -1;
        if (seconds > 0) {
            *out_ms = (uint64_t)seconds * 1000;
            return true;
        }
    }
    return false;
}
