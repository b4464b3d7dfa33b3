/* The guest's stack where it was stopped, with readable names. */
#ifndef RUN_FRAMES_H
#define RUN_FRAMES_H

#include "run/names.h"
#include "run/outcome.h"

struct engine_call;

/* Copies the frames into the outcome, innermost first, with their names demangled (Rust, C++). */
void frames_copy(
    struct outcome *outcome, const struct engine_call *call, const struct function_names *names);

#endif
