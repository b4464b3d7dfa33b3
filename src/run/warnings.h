/*
 * Warnings for runs that came near a limit: as log lines of the run, so that its author sees what
 * will end it one day. Convex warns beyond the same share, in lines of the same shape (its
 * FUNCTION_LIMIT_WARNING_RATIO).
 */
#ifndef RUN_WARNINGS_H
#define RUN_WARNINGS_H

#include "run/outcome.h"

/* Whether there are warnings for this limit at all. */
bool warnings_cover(cordon_limit limit);

/* Whether so much of a limit is worth a warning: more than 80 %. */
bool warnings_is_near(uint64_t used, uint64_t allowed);

/*
 * Adds a line `[WARN] …` for each limit that the run came near, save the one that ended it. They
 * count in no limit on lines and are never cut. Without memory for them there are none.
 */
void warnings_add(struct outcome *outcome, const uint64_t allowed[CORDON_LIMIT_COUNT]);

#endif
