/*
 * The log line of a run: what was called, what came of it, what it used. Event and fields have the
 * names of Convex's log stream where it has them; docs/metrics.md lists them.
 */
#include "run/report.h"

#include "base/hash.h"
#include "run/frames.h"
#include "run/redact.h"
#include "run/warnings.h"
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

/* Of the hash of a user. */
#define USER_BYTES 8

/* The fields of a line as they come. */
struct line {
    struct log_field fields[48];
    size_t count;
    char user[2 * USER_BYTES + 1];
};

static void add(struct line *line, struct log_field field)
{
    CORDON_ASSERT(line->count < sizeof line->fields / sizeof line->fields[0]);
    line->fields[line->count++] = field;
}

static void add_text(struct line *line, const char *key, struct slice text)
{
    add(line, (struct log_field)LOG_FIELD_STRING(key, text));
}

static void add_number(struct line *line, const char *key, uint64_t number, bool is_detail)
{
    struct log_field field = LOG_FIELD_NUMBER(key, number);
    field.is_detail = is_detail;
    add(line, field);
}

/* Enough to find the lines of a user who is known, and nothing of one who is not. */
static struct slice write_user(struct slice user, char out_text[2 * USER_BYTES + 1])
{
    uint8_t hash[SHA256_BYTES];
    hash_sha256(&user, 1, hash);
    hex_encode(slice_of(hash, USER_BYTES), out_text);
    return slice_str(out_text);
}

/* Who called what. */
static void add_call(struct line *line, const struct run_report *report)
{
    struct log_field tenant = LOG_FIELD_STRING("tenant", report->tenant);
    tenant.is_detail = slice_equal(report->tenant, SLICE("default"));
    add(line, tenant);
    add_text(line, "path", utf8_cut(report->path, PATH_BYTES_MAX));
    add_text(line, "type", slice_str(cordon_kind_name(report->outcome->kind)));
    add_text(line, "request_id", report->request_id);
    if (report->user.size > 0) {
        add_text(line, "user", write_user(report->user, line->user));
    }
    if (report->traceparent.size > 0) {
        add_text(line, "traceparent", report->traceparent);
    }
}

/* To people at a terminal, none says nothing. */
static void add_time(struct line *line, const char *key, uint64_t ns)
{
    struct log_field field = LOG_FIELD_MS(key, ns);
    field.is_detail = field.number == 0;
    add(line, field);
}

static void add_times(struct line *line, const struct outcome *outcome)
{
    add_time(line, "execution_time_ms", outcome->wall_time_ns);
    add_time(line, "user_execution_time_ms", outcome->user_time_ns);
    add_time(line, "system_execution_time_ms", outcome->system_time_ns);
    add_time(line, "queued_time_ms", outcome->queued_time_ns);
}

/* What it used of what it had; in text, of what it had only what it came near to. */
static void add_use(struct line *line, const struct run_report *report)
{
    static const struct {
        const char *used; /* NULL: a time, which stands there already */
        const char *allowed;
        cordon_limit limit;
        bool is_minor; /* in text only if it came near */
    } rows[] = {
        {NULL, "user_execution_limit_ms", CORDON_LIMIT_USER_TIME_MS, false},
        {NULL, "system_execution_limit_ms", CORDON_LIMIT_SYSTEM_TIME_MS, false},
        {"fuel", "fuel_limit", CORDON_LIMIT_FUEL, false},
        {"memory_bytes", "memory_bytes_limit", CORDON_LIMIT_MEMORY_BYTES, false},
        {"database_read_documents", "database_read_documents_limit", CORDON_LIMIT_DOCUMENTS_READ,
         false},
        {"database_read_bytes", "database_read_bytes_limit", CORDON_LIMIT_BYTES_READ, false},
        {"database_write_documents", "database_write_documents_limit",
         CORDON_LIMIT_DOCUMENTS_WRITTEN, false},
        {"database_write_bytes", "database_write_bytes_limit", CORDON_LIMIT_BYTES_WRITTEN, false},
        {"index_ranges", "index_ranges_limit", CORDON_LIMIT_INDEX_RANGES, true},
        {"host_bytes", "host_bytes_limit", CORDON_LIMIT_HOST_BYTES, true},
        {"args_bytes", "args_bytes_limit", CORDON_LIMIT_ARGS_BYTES, true},
        {"result_bytes", "result_bytes_limit", CORDON_LIMIT_RESULT_BYTES, true},
        {"log_lines", "log_lines_limit", CORDON_LIMIT_LOG_LINES, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint64_t used = report->outcome->used[rows[i].limit];
        const uint64_t allowed = report->allowed == NULL ? 0 : report->allowed[rows[i].limit];
        const bool is_near = warnings_is_near(used, allowed);
        if (rows[i].used != NULL) {
            add_number(line, rows[i].used, used, used == 0 || (rows[i].is_minor && !is_near));
        }
        add_number(line, rows[i].allowed, allowed, !is_near);
    }
    const uint32_t retries = report->outcome->retries;
    add_number(line, "mutation_retry_count", retries, retries == 0);
}

void run_report(struct log *log, const struct run_report *report)
{
    static const char event[] = "function_execution";
    const struct outcome *outcome = report->outcome;
    const enum log_level level = level_of(outcome);
    if (!log_admits(log, level, event, report->tenant)) {
        return;
    }
    const bool failed = outcome->code != CORDON_OUTCOME_SUCCESS;
    CORDON_CLEANUP_BUFFER struct buffer stack;
    CORDON_CLEANUP_BUFFER struct buffer message;
    buffer_init(&stack, STACK_BYTES_MAX);
    buffer_init(&message, REDACTED_BYTES_MAX);
    struct line line;
    line.count = 0; /* the rest is written before it is read: it is large */
    add_call(&line, report);
    add_text(&line, "status", failed ? SLICE("failure") : SLICE("success"));
    add_times(&line, outcome);
    add_use(&line, report);
    if (failed) {
        const struct slice frames = write_stack(outcome, &stack);
        cordon_error_free(redact(&message, outcome->message, report->env));
        add_text(&line, "code", slice_str(outcome_code_name(outcome)));
        add_text(&line, "error_message", buffer_slice(&message));
        if (frames.size > 0) {
            add_text(&line, "stack", frames);
        }
    }
    log_write_admitted(log, level, event, report->tenant, line.fields, line.count);
}
