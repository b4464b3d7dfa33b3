/*
 * The guest's stack where it was stopped, for people.
 *
 * Every failed run has the engine's frames, with the names that are kept beside the machine code:
 * that costs next to nothing. What the module's debug information adds is found later, where there
 * is time for it; see run_trace.c.
 */
#ifndef RUN_FRAMES_H
#define RUN_FRAMES_H

#include "base/buffer.h"
#include "run/names.h"
#include "run/outcome.h"

struct engine_call;

/* Memory that frames_resolve() takes at most while it lasts. */
#define FRAMES_WORK_BYTES ((uint64_t)4 << 20)

/* Copies the frames into the outcome, innermost first, with their names demangled (Rust, C++). */
void frames_copy(
    struct outcome *outcome, const struct engine_call *call, const struct function_names *names);

/*
 * Puts what the debug information in the module's bytes says in the place of the outcome's frames:
 * with files and lines, and with a frame for each inlined call. What it does not know stays as it
 * was. False if memory is out: then everything does. Takes up to 100 ms. Any thread.
 */
CORDON_MUST_USE bool frames_resolve(struct outcome *outcome, struct slice module);

/*
 * Appends a frame as Convex writes those of JavaScript: `at NAME (FILE:LINE)`, or `at NAME`, on
 * one line whatever the names hold.
 */
CORDON_MUST_USE cordon_error *frames_write(const struct outcome_frame *frame, struct buffer *text);

/* Copies frames and their texts. False, and nothing else, if the arena is full. */
CORDON_MUST_USE bool frames_clone(
    struct arena *arena,
    const struct outcome_frame *frames,
    size_t count,
    struct outcome_frame **out_frames);

#endif
