/* The words of a failure for the function's developer: message and stack. */
#ifndef RUN_ERROR_TEXT_H
#define RUN_ERROR_TEXT_H

#include "base/buffer.h"
#include "run/outcome.h"

/*
 * Appends what an outcome that is no success says: the message, after the words that Convex puts
 * before those of a function's own error, and a line for each frame. Errors: those of
 * buffer_append().
 */
CORDON_MUST_USE cordon_error *error_text_write(const struct outcome *outcome, struct buffer *text);

#endif
