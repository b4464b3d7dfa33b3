/*
 * The log line of a run: what was called, what came of it, what it used. Event and fields have the
 * names of Convex's log stream where it has them; docs/metrics.md lists them.
 */
#include "run/report.h"

#include "run/frames.h"
#include "value/utf8.h"

/* Of the path, which is as long as a caller likes where there is no such function. */
#define PATH_BYTES_MAX 256

/* Of a stack: what is left out is far from where it failed. */
#define STACK_BYTES_MAX 4096

/* The stack, a line for each frame; empty if there is none. */
static struct slice write_stack(const struct outcome *outcome, struct buffer *text)
{
    size_t whole = 0; /* bytes of the frames that have room */
    cordon_error *error = NULL;
    for (size_t i = 0; i < outcome->frame_count && error == NULL; i++) {
        whole = text->size;
        error = i == 0 ? NULL : buffer_append_byte(text, '\n');
        if (error == NULL) {
            error = frames_write(&outcome->frames[i], text);
        }
    }
    if (error == NULL) {
        whole = text->size;
    }
    cordon_error_free(error);
    return slice_of(buffer_slice(text).data, whole);
}

static enum log_level level_of(const struct outcome *outcome)
{
    const bool ours =
        outcome->code == CORDON_OUTCOME_INTERNAL || outcome->code == CORDON_OUTCOME_DISK_FULL;
    return ours ? LOG_ERROR : outcome->code == CORDON_OUTCOME_SUCCESS ? LOG_INFO : LOG_WARN;
}

void run_report(
    struct log *log, const struct outcome *outcome, struct slice path, struct slice request_id)
{
    if (log == NULL) {
        return;
    }
    const bool failed = outcome->code != CORDON_OUTCOME_SUCCESS;
    const uint64_t *const used = outcome->used;
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, STACK_BYTES_MAX);
    const struct slice stack = write_stack(outcome, &text);
    const struct log_field fields[] = {
        LOG_FIELD_STRING("path", utf8_cut(path, PATH_BYTES_MAX)),
        LOG_FIELD_STRING("type", slice_str(cordon_kind_name(outcome->kind))),
        LOG_FIELD_STRING("request_id", request_id),
        LOG_FIELD_STRING("status", failed ? SLICE("failure") : SLICE("success")),
        LOG_FIELD_MS("execution_time_ms", outcome->wall_time_ns),
        LOG_FIELD_MS("user_execution_time_ms", outcome->user_time_ns),
        LOG_FIELD_MS("system_execution_time_ms", outcome->system_time_ns),
        LOG_FIELD_MS("queued_time_ms", outcome->queued_time_ns),
        LOG_FIELD_NUMBER("fuel", used[CORDON_LIMIT_FUEL]),
        LOG_FIELD_NUMBER("memory_bytes", used[CORDON_LIMIT_MEMORY_BYTES]),
        LOG_FIELD_NUMBER("database_read_documents", used[CORDON_LIMIT_DOCUMENTS_READ]),
        LOG_FIELD_NUMBER("database_read_bytes", used[CORDON_LIMIT_BYTES_READ]),
        LOG_FIELD_NUMBER("database_write_documents", used[CORDON_LIMIT_DOCUMENTS_WRITTEN]),
        LOG_FIELD_NUMBER("database_write_bytes", used[CORDON_LIMIT_BYTES_WRITTEN]),
        LOG_FIELD_NUMBER("mutation_retry_count", outcome->retries),
        /* Only of what failed: */
        LOG_FIELD_STRING("code", slice_str(outcome_code_name(outcome))),
        LOG_FIELD_STRING("error_message", outcome->message),
        /* Of those that ended inside the guest: */
        LOG_FIELD_STRING("stack", stack),
    };
    const size_t count = sizeof fields / sizeof fields[0];
    const size_t left_out = !failed ? 3 : stack.size == 0 ? 1 : 0;
    log_write(log, level_of(outcome), "function_execution", fields, count - left_out);
}
