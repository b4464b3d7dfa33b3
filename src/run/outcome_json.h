/* An outcome as one line of strict JSON, as `cordon run --format json` prints it. */
#ifndef RUN_OUTCOME_JSON_H
#define RUN_OUTCOME_JSON_H

#include "base/buffer.h"
#include "run/outcome.h"

/* Errors: those of buffer_append(). */
CORDON_MUST_USE cordon_error *outcome_write_json(const struct outcome *outcome, struct buffer *out);

#endif
