/*
 * Warnings for runs that came near a limit: as log lines of the run, so that its author sees what
 * will end it one day. Convex warns beyond the same share (its FUNCTION_LIMIT_WARNING_RATIO), and
 * where it has the limit too, the words are its own.
 */
#ifndef RUN_WARNINGS_H
#define RUN_WARNINGS_H

#include "run/outcome.h"

/* Whether there are warnings for this limit at all. */
bool warnings_cover(cordon_limit limit);

/* Whether so much of a limit is worth a warning: more than 80 %. */
bool warnings_is_near(uint64_t used, uint64_t allowed);

/*
 * Adds a line `[WARN] …` for each limit that the run came near, save the one that ended it, and for
 * the largest and the deepest document that it wrote. They count in no limit on lines and are never
 * cut. Those that there is no memory for are left out.
 */
void warnings_add(struct outcome *outcome, const struct budget *budget);

#endif
