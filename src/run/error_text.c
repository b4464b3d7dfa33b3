/* See error_text.h. */
#include "run/error_text.h"

#include "run/frames.h"

cordon_error *error_text_write(const struct outcome *outcome, struct buffer *text)
{
    if (outcome->code == CORDON_OUTCOME_FAILED) {
        const bool has_data = outcome->data.size > 0;
        TRY(buffer_append(
            text, has_data ? SLICE("Uncaught ConvexError: ") : SLICE("Uncaught Error: ")));
    }
    TRY(buffer_append(text, outcome->message));
    for (size_t i = 0; i < outcome->frame_count; i++) {
        TRY(buffer_append(text, SLICE("\n    ")));
        TRY(frames_write(&outcome->frames[i], text));
    }
    return NULL;
}
