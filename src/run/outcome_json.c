/* The JSON of an outcome; its keys are relied on from outside, so they are only ever added to. */
#include "run/outcome_json.h"

#include "value/json.h"

static cordon_error *key(struct buffer *out, const char *name)
{
    return json_write_key(out, slice_str(name));
}

static cordon_error *write_log_lines(const struct outcome *outcome, struct buffer *out)
{
    TRY(key(out, "logLines"));
    TRY(buffer_append_byte(out, '['));
    for (size_t i = 0; i < outcome->log_line_count; i++) {
        TRY(json_write_comma(out));
        TRY(json_write_string(out, outcome->log_lines[i]));
    }
    return buffer_append_byte(out, ']');
}

/* Use of every limit that is counted per run, by the limits' own names. */
static cordon_error *write_usage(const struct outcome *outcome, struct buffer *out)
{
    TRY(key(out, "usage"));
    TRY(buffer_append_byte(out, '{'));
    for (size_t i = 0; i < CORDON_LIMIT_COUNT; i++) {
        const cordon_limit_info *info = cordon_limit_get_info((cordon_limit)i);
        if (info->scope == CORDON_SCOPE_RUN) {
            TRY(key(out, info->name));
            TRY(json_write_u64(out, outcome->used[i]));
        }
    }
    TRY(key(out, "retries"));
    TRY(json_write_u64(out, outcome->retries));
    return buffer_append_byte(out, '}');
}

/* Where a frame stands in the sources; null where that is not known. */
static cordon_error *write_place(const struct outcome_frame *frame, struct buffer *out)
{
    const bool is_known = frame->file.size > 0;
    TRY(key(out, "file"));
    TRY(is_known ? json_write_string(out, frame->file) : buffer_append(out, SLICE("null")));
    TRY(key(out, "line"));
    TRY(is_known ? json_write_u64(out, frame->line) : buffer_append(out, SLICE("null")));
    TRY(key(out, "inlined"));
    return json_write_bool(out, frame->is_inlined);
}

static cordon_error *write_frames(const struct outcome *outcome, struct buffer *out)
{
    TRY(key(out, "frames"));
    TRY(buffer_append_byte(out, '['));
    for (size_t i = 0; i < outcome->frame_count; i++) {
        TRY(json_write_comma(out));
        TRY(buffer_append_byte(out, '{'));
        TRY(key(out, "function"));
        TRY(json_write_string(out, outcome->frames[i].function));
        TRY(write_place(&outcome->frames[i], out));
        TRY(buffer_append_byte(out, '}'));
    }
    return buffer_append_byte(out, ']');
}

static cordon_error *write_failure(const struct outcome *outcome, struct buffer *out)
{
    TRY(key(out, "code"));
    TRY(json_write_string(out, slice_str(outcome_code_name(outcome))));
    TRY(key(out, "errorMessage"));
    TRY(json_write_string(out, outcome->message));
    TRY(key(out, "errorData"));
    return buffer_append(out, outcome->data.size > 0 ? outcome->data : SLICE("null"));
}

static cordon_error *write_limit(const struct outcome *outcome, struct buffer *out)
{
    TRY(key(out, "limit"));
    TRY(buffer_append_byte(out, '{'));
    TRY(key(out, "name"));
    TRY(json_write_string(out, slice_str(cordon_limit_get_info(outcome->limit)->name)));
    TRY(key(out, "used"));
    TRY(json_write_u64(out, outcome->limit_used));
    TRY(key(out, "allowed"));
    TRY(json_write_u64(out, outcome->limit_allowed));
    return buffer_append_byte(out, '}');
}

cordon_error *outcome_write_json(const struct outcome *outcome, struct buffer *out)
{
    const bool good = outcome->code == CORDON_OUTCOME_SUCCESS;
    TRY(buffer_append_byte(out, '{'));
    TRY(key(out, "status"));
    TRY(json_write_string(out, good ? SLICE("success") : SLICE("error")));
    if (good) {
        TRY(key(out, "value"));
        TRY(buffer_append(out, outcome->value.size > 0 ? outcome->value : SLICE("null")));
    } else {
        TRY(write_failure(outcome, out));
    }
    TRY(write_log_lines(outcome, out));
    TRY(write_usage(outcome, out));
    if (!good) {
        TRY(write_frames(outcome, out));
    }
    if (outcome->code == CORDON_OUTCOME_LIMIT) {
        TRY(write_limit(outcome, out));
    }
    return buffer_append_byte(out, '}');
}
