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

static cordon_error *write_log_lines(struct buffer *out, const struct slice *lines, size_t count)
{
    TRY(json_write_key(out, SLICE("logLines")));
    TRY(buffer_append_byte(out, '['));
    for (size_t i = 0; i < count; i++) {
        TRY(json_write_comma(out));
        TRY(json_write_string(out, lines[i]));
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

/* What every entry begins with. */
static cordon_error *write_head(
    struct buffer *out,
    struct slice kind,
    cordon_kind of,
    struct slice path,
    struct slice request_id)
{
    TRY(buffer_reserve(out, USUAL_BYTES));
    TRY(buffer_append(out, SLICE("\"kind\":")));
    TRY(json_write_string(out, kind));
    TRY(write_text(out, SLICE("identifier"), utf8_cut(path, PATH_BYTES_MAX)));
    TRY(write_text(out, SLICE("udfType"), kind_name(of)));
    TRY(write_text(out, SLICE("requestId"), request_id));
    return write_seconds(out, SLICE("timestamp"), clock_wall_ns());
}

/* An entry of a run that is done, or, without an outcome, of an action that goes on. */
struct entry {
    const struct outcome *outcome;
    const struct slice *lines; /* to be told now */
    size_t line_count;
    struct slice path;
    struct slice request_id;
};

static cordon_error *write_entry(struct buffer *out, const struct entry *entry)
{
    const struct outcome *outcome = entry->outcome;
    if (outcome == NULL) {
        TRY(write_head(out, SLICE("Progress"), CORDON_ACTION, entry->path, entry->request_id));
        return write_log_lines(out, entry->lines, entry->line_count);
    }
    TRY(write_head(out, SLICE("Completion"), outcome->kind, entry->path, entry->request_id));
    TRY(write_seconds(out, SLICE("executionTime"), outcome->wall_time_ns));
    TRY(buffer_append(out, SLICE(",\"cachedResult\":false")));
    TRY(write_log_lines(out, entry->lines, entry->line_count));
    return write_error(out, outcome);
}

/* Without its members, if they are too large or there is no memory: an entry that is lost. */
static void keep(struct executions *executions, const struct entry *entry)
{
    if (!executions_are_kept(executions)) {
        return;
    }
    CORDON_CLEANUP_BUFFER struct buffer members;
    buffer_init(&members, EXECUTIONS_BYTES_MAX);
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = write_entry(&members, entry);
    executions_add(executions, error == NULL ? buffer_slice(&members) : (struct slice){0});
}

void execution_keep(
    struct executions *executions,
    const struct outcome *outcome,
    size_t told_lines,
    struct slice path,
    struct slice request_id)
{
    const size_t count = outcome->log_line_count;
    const size_t told = told_lines < count ? told_lines : count;
    const struct entry entry = {outcome, outcome->log_lines + told, count - told, path, request_id};
    keep(executions, &entry);
}

void execution_keep_lines(
    struct executions *executions,
    const struct slice *lines,
    size_t count,
    struct slice path,
    struct slice request_id)
{
    const struct entry entry = {NULL, lines, count, path, request_id};
    keep(executions, &entry);
}
