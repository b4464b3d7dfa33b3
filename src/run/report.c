/*
 * The log line of a run: what was called, what came of it, what it used. Event and fields have the
 * names of Convex's log stream where it has them; docs/metrics.md lists them.
 */
#include "run/report.h"

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

/* What it used of what it had. */
static const struct {
    cordon_limit limit;
    bool has_use;  /* it is a number here; times stand before */
    bool is_minor; /* in text only if it came near */
} uses[] = {
    {CORDON_LIMIT_USER_TIME_MS, false, false},
    {CORDON_LIMIT_SYSTEM_TIME_MS, false, false},
    {CORDON_LIMIT_FUEL, true, false},
    {CORDON_LIMIT_MEMORY_BYTES, true, false},
    {CORDON_LIMIT_DOCUMENTS_READ, true, false},
    {CORDON_LIMIT_BYTES_READ, true, false},
    {CORDON_LIMIT_DOCUMENTS_WRITTEN, true, false},
    {CORDON_LIMIT_BYTES_WRITTEN, true, false},
    {CORDON_LIMIT_INDEX_RANGES, true, true},
    {CORDON_LIMIT_HOST_BYTES, true, true},
    {CORDON_LIMIT_ARGS_BYTES, true, true},
    {CORDON_LIMIT_RESULT_BYTES, true, true},
    {CORDON_LIMIT_LOG_LINES, true, true},
};

/*
 * Its numbers: times; what stands in `uses`, each with its limit; how often it was run again. JSON
 * has the limits by the names that they are set by.
 */
static const struct log_column column_list[] = {
    LOG_COLUMN_MS("execution_time_ms"),
    LOG_COLUMN_MS("user_execution_time_ms"),
    LOG_COLUMN_MS("system_execution_time_ms"),
    LOG_COLUMN_MS("queued_time_ms"),
    LOG_COLUMN_RECURRING("user_execution_limit_ms", "user_time_ms"),
    LOG_COLUMN_RECURRING("system_execution_limit_ms", "system_time_ms"),
    LOG_COLUMN("fuel"),
    LOG_COLUMN_RECURRING("fuel_limit", "fuel"),
    LOG_COLUMN("memory_bytes"),
    LOG_COLUMN_RECURRING("memory_bytes_limit", "memory_bytes"),
    LOG_COLUMN("database_read_documents"),
    LOG_COLUMN_RECURRING("database_read_documents_limit", "documents_read"),
    LOG_COLUMN("database_read_bytes"),
    LOG_COLUMN_RECURRING("database_read_bytes_limit", "bytes_read"),
    LOG_COLUMN("database_write_documents"),
    LOG_COLUMN_RECURRING("database_write_documents_limit", "documents_written"),
    LOG_COLUMN("database_write_bytes"),
    LOG_COLUMN_RECURRING("database_write_bytes_limit", "bytes_written"),
    LOG_COLUMN("index_ranges"),
    LOG_COLUMN_RECURRING("index_ranges_limit", "index_ranges"),
    LOG_COLUMN("host_bytes"),
    LOG_COLUMN_RECURRING("host_bytes_limit", "host_bytes"),
    LOG_COLUMN("args_bytes"),
    LOG_COLUMN_RECURRING("args_bytes_limit", "args_bytes"),
    LOG_COLUMN("result_bytes"),
    LOG_COLUMN_RECURRING("result_bytes_limit", "result_bytes"),
    LOG_COLUMN("log_lines"),
    LOG_COLUMN_RECURRING("log_lines_limit", "log_lines"),
    LOG_COLUMN("mutation_retry_count"),
};

enum {
    TIMES = 4,
    USES = sizeof uses / sizeof uses[0],
    COLUMNS = sizeof column_list / sizeof column_list[0]
};
static const struct log_columns columns = {column_list, COLUMNS, LOG_COLUMN_JSON("limits")};
_Static_assert((size_t)COLUMNS <= (size_t)LOG_COLUMNS_MAX, "there is a bit for each");
_Static_assert((size_t)USES <= (size_t)LOG_RECURRING_MAX, "and each limit's text has a place");

/* The fields of a line as they come. */
struct line {
    struct log_field fields[12];
    size_t count;
    int64_t numbers[COLUMNS];
    size_t number_count;
    struct log_row row; /* of the numbers */
};

/* The next field, to be filled where it is: copying costs more than all else about it. */
static struct log_field *add(struct line *line, const char *key)
{
    CORDON_ASSERT(line->count < sizeof line->fields / sizeof line->fields[0]);
    struct log_field *field = &line->fields[line->count++];
    field->key = key;
    field->is_detail = false;
    return field;
}

static struct log_field *add_text(struct line *line, const char *key, struct slice text)
{
    struct log_field *field = add(line, key);
    field->type = LOG_STRING;
    field->string = text;
    return field;
}

/* Who called what. */
static void add_call(struct line *line, const struct run_report *report)
{
    struct log_field *const tenant = add_text(line, "tenant", report->tenant);
    tenant->is_detail = slice_equal(report->tenant, SLICE("default"));
    (void)add_text(line, "path", utf8_cut(report->path, PATH_BYTES_MAX));
    (void)add_text(line, "type", slice_str(cordon_kind_name(report->outcome->kind)));
    (void)add_text(line, "request_id", report->request_id);
    if (report->user.size > 0) {
        (void)add_text(line, "user", report->user);
    }
    if (report->traceparent.size > 0) {
        (void)add_text(line, "traceparent", report->traceparent);
    }
}

static uint64_t allowed_of(const struct run_report *report, cordon_limit limit)
{
    return report->allowed == NULL ? 0 : report->allowed[limit];
}

static void put(struct line *line, uint64_t number, bool is_detail)
{
    CORDON_ASSERT(line->number_count < COLUMNS);
    line->row.details |= (uint64_t)is_detail << line->number_count;
    line->numbers[line->number_count++] = (int64_t)number;
}

/*
 * What stands in the columns. To people at a terminal, none says nothing; and of what it had only
 * that which it came near to.
 */
static void add_numbers(struct line *line, const struct run_report *report)
{
    const struct outcome *const outcome = report->outcome;
    const uint64_t times_ns[TIMES] = {
        outcome->wall_time_ns, outcome->user_time_ns, outcome->system_time_ns,
        outcome->queued_time_ns};
    for (size_t i = 0; i < TIMES; i++) {
        put(line, times_ns[i] / 1000, times_ns[i] < 1000);
    }
    for (size_t i = 0; i < USES; i++) {
        const uint64_t used = outcome->used[uses[i].limit];
        const uint64_t allowed = allowed_of(report, uses[i].limit);
        const bool is_near = warnings_is_near(used, allowed);
        if (uses[i].has_use) {
            put(line, used, used == 0 || (uses[i].is_minor && !is_near));
        }
        put(line, allowed, !is_near);
    }
    put(line, outcome->retries, outcome->retries == 0);
    CORDON_ASSERT(line->number_count == COLUMNS);
    struct log_field *field = add(line, NULL);
    field->type = LOG_ROW;
    field->row = &line->row;
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
    line.count = line.number_count = 0; /* the rest is written before it is read: it is large */
    line.row = (struct log_row){.columns = &columns, .numbers = line.numbers};
    add_call(&line, report);
    (void)add_text(&line, "status", failed ? SLICE("failure") : SLICE("success"));
    add_numbers(&line, report);
    if (failed) {
        const struct slice frames = write_stack(outcome, &stack);
        cordon_error_free(redact(&message, outcome->message, report->env));
        (void)add_text(&line, "code", slice_str(outcome_code_name(outcome)));
        (void)add_text(&line, "error_message", buffer_slice(&message));
        if (frames.size > 0) {
            (void)add_text(&line, "stack", frames);
        }
    }
    log_write_admitted(log, level, event, report->tenant, line.fields, line.count);
}
