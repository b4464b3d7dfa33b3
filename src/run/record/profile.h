/*
 * Where a recorded run spent its fuel: folded stacks, as the tools for flame graphs read them.
 *
 * A replay is the same run each time, to the last unit of fuel. So it is run again and again, each
 * time stopped a little later, and where it stands then is looked at: a sampling profiler whose
 * clock is fuel, whose samples cost the run nothing, and which says the same on every machine.
 *
 * The engine stops a guest at the next function, loop or call of the host. What a sample stands
 * for is the fuel between two cuts; each cut lies at a place in its part that is drawn at random,
 * with the same seed each time, so that a loop whose turns are as long as the parts shows all of
 * itself.
 */
#ifndef RUN_PROFILE_H
#define RUN_PROFILE_H

#include "base/buffer.h"
#include "run/record/recording.h"
#include "run/runner.h"

/* Most cuts of a profile, and the time that all of them may take about, if nobody says how many. */
#define PROFILE_CUTS_DEFAULT 1000
#define PROFILE_CUTS_MAX 100000
#define PROFILE_NS_DEFAULT ((uint64_t)20000000000)

/*
 * Replays a record, whose module is loaded in the runner, and appends a line for each stack:
 * `PATH;outermost;…;innermost FUEL`, in the order of their bytes. Functions have their readable
 * names, inlined ones stand in their places where the module has debug information. The fuel of
 * all lines is what the run used. `cuts`: how many; 0: as many as there is time for, at most
 * PROFILE_CUTS_DEFAULT. Blocks. Errors: CORDON_E_INVALID if the record is another engine's, the
 * replay is another run, or there are too many cuts; no memory.
 */
CORDON_MUST_USE cordon_error *profile_write(
    struct runner *runner, const struct recording *recording, uint32_t cuts, struct buffer *out);

#endif
