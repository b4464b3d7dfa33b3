/* The guest's stack where it was stopped, with readable names. */
#ifndef RUN_FRAMES_H
#define RUN_FRAMES_H

#include "run/outcome.h"

struct engine_call;

/* Copies the frames into the outcome, names demangled (Rust and C++), innermost first. */
void frames_copy(struct outcome *outcome, const struct engine_call *call);

#endif
