/*
 * A run as its entry in the stream of executions, under the names that Convex's command line reads
 * it by; docs/protocol.md lists them.
 */
#include "run/execution.h"

#include "base/clock.h"
#include "run/error_text.h"
#include "value/json.h"
#include "value/utf8.h"

/* Of the path, which is as long as a caller likes where there is no such function. */
#define PATH_BYTES_MAX 256

#define ERROR_BYTES_MAX ((size_t)65536)

/* Of an entry without log lines and without an error. */
#define USUAL_BYTES ((size_t)512)

static struct slice kind_name(cordon_kind kind)
{
    switch (kind) {
    case CORDON_QUERY:
        return SLICE("Query");
    case CORDON_MUTATION:
        return SLICE("Mutation");
    case CORDON_ACTION:
        return SLICE("Action");
    }
    return (struct slice){0};
}

static cordon_error *write_text(struct buffer *out, struct slice key, struct slice text)
{
    TRY(json_write_key(out, key));
    return json_write_string(out, text);
}

static cordon_error *write_seconds(struct buffer *out, struct slice key, uint64_t ns)
{
    TRY(json_write_key(out, key));
    return json_write_decimal(out, ns / 1000, 1000000);
}

static cordon_error *write_log_lines(struct buffer *out, const struct outcome *outcome)
{
    TRY(json_write_key(out, SLICE("logLines")));
    TRY(buffer_append_byte(out, '['));
    for (size_t i = 0; i < outcome->log_line_count; i++) {
        TRY(json_write_comma(out));
        TRY(json_write_string(out, outcome->log_lines[i]));
    }
    return buffer_append_byte(out, ']');
}

static cordon_error *write_error(struct buffer *out, const struct outcome *outcome)
{
    if (outcome->code == CORDON_OUTCOME_SUCCESS) {
        return buffer_append(out, SLICE(",\"success\":true,\"error\":null"));
    }
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, SIZE_MAX / 2);
    TRY(error_text_write(outcome, &text));
    TRY(buffer_append(out, SLICE(",\"success\":null")));
    TRY(write_text(out, SLICE("error"), utf8_cut(buffer_slice(&text), ERROR_BYTES_MAX)));
    return write_text(out, SLICE("code"), slice_str(outcome_code_name(outcome)));
}

static cordon_error *write_members(
    struct buffer *out, const struct outcome *outcome, struct slice path, struct slice request_id)
{
    TRY(buffer_reserve(out, USUAL_BYTES));
    TRY(buffer_append(out, SLICE("\"kind\":\"Completion\"")));
    TRY(write_text(out, SLICE("identifier"), utf8_cut(path, PATH_BYTES_MAX)));
    TRY(write_text(out, SLICE("udfType"), kind_name(outcome->kind)));
    TRY(write_text(out, SLICE("requestId"), request_id));
    TRY(write_seconds(out, SLICE("timestamp"), clock_wall_ns()));
    TRY(write_seconds(out, SLICE("executionTime"), outcome->wall_time_ns));
    TRY(buffer_append(out, SLICE(",\"cachedResult\":false")));
    TRY(write_log_lines(out, outcome));
    return write_error(out, outcome);
}

void execution_keep(
    struct executions *executions,
    const struct outcome *outcome,
    struct slice path,
    struct slice request_id)
{
    if (!executions_are_kept(executions)) {
        return;
    }
    CORDON_CLEANUP_BUFFER struct buffer members;
    buffer_init(&members, EXECUTIONS_BYTES_MAX);
    cordon_error *const unwritten = write_members(&members, outcome, path, request_id);
    if (unwritten != NULL) {
        buffer_clear(&members); /* too large, or no memory: an entry that is lost */
    }
    cordon_error_free(unwritten);
    executions_add(executions, buffer_slice(&members));
}
