/*
 * What a function's failure says, as far as it may stand in the server's log: without the values
 * that did not match a validator, which are a caller's, and without what environment variables
 * hold.
 */
#ifndef RUN_REDACT_H
#define RUN_REDACT_H

#include "base/buffer.h"
#include "host/env_vars.h"

/* Of a message; the rest is in the functions' own log. */
#define REDACTED_BYTES_MAX ((size_t)4096)

/* Shorter values stand in too many words to be taken for themselves. */
#define REDACTED_VALUE_BYTES_MIN 6

/* Appends it. `env` may be NULL. Errors: those of buffer_append(). */
CORDON_MUST_USE cordon_error *redact(
    struct buffer *out, struct slice message, const struct env_vars *env);

#endif
