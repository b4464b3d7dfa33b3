/* Progress on a terminal; see progress.h. */
#include "cli/progress.h"

#include <stdio.h>
#include <unistd.h>

/* To the start of the line, and nothing behind it. */
#define LINE_AGAIN "\r\033[K"

static void show(void *arg, const char *phase, uint64_t done, uint64_t total)
{
    (void)arg;
    if (total > 0) {
        const double percent = 100.0 * (double)done / (double)total;
        (void)fprintf(stderr, LINE_AGAIN "%s, %.0f %%", phase, percent < 100 ? percent : 100);
    } else {
        (void)fprintf(stderr, LINE_AGAIN "%s", phase);
    }
    (void)fflush(stderr);
}

cordon_progress progress_shown(void)
{
    return (cordon_progress){.tell = isatty(STDERR_FILENO) ? show : NULL};
}

void progress_end(void)
{
    if (isatty(STDERR_FILENO)) {
        (void)fputs(LINE_AGAIN, stderr);
    }
}
