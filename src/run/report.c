/* The log line of a run: what was called, what came of it, what it used. */
#include "run/report.h"

static enum log_level level_of(const struct outcome *outcome)
{
    if (outcome->code == CORDON_OUTCOME_INTERNAL) {
        return LOG_ERROR;
    }
    return outcome->code == CORDON_OUTCOME_SUCCESS ? LOG_INFO : LOG_WARN;
}

void run_report(
    struct log *log, const struct outcome *outcome, struct slice path, struct slice request_id)
{
    if (log == NULL) {
        return;
    }
    const bool failed = outcome->code != CORDON_OUTCOME_SUCCESS;
    const struct log_field fields[] = {
        LOG_FIELD_STRING("path", path),
        LOG_FIELD_STRING("kind", slice_str(cordon_kind_name(outcome->kind))),
        LOG_FIELD_STRING("outcome", slice_str(outcome_code_name(outcome))),
        LOG_FIELD_STRING("request_id", request_id),
        LOG_FIELD_NUMBER("wall_us", outcome->wall_time_ns / 1000),
        LOG_FIELD_NUMBER("user_us", outcome->user_time_ns / 1000),
        LOG_FIELD_NUMBER("system_us", outcome->system_time_ns / 1000),
        LOG_FIELD_NUMBER("fuel", outcome->used[CORDON_LIMIT_FUEL]),
        LOG_FIELD_NUMBER("memory_bytes", outcome->used[CORDON_LIMIT_MEMORY_BYTES]),
        LOG_FIELD_NUMBER("documents_read", outcome->used[CORDON_LIMIT_DOCUMENTS_READ]),
        LOG_FIELD_NUMBER("documents_written", outcome->used[CORDON_LIMIT_DOCUMENTS_WRITTEN]),
        LOG_FIELD_NUMBER("retries", outcome->retries),
        LOG_FIELD_STRING("message", outcome->message), /* only of what failed */
    };
    const size_t count = sizeof fields / sizeof fields[0];
    log_write(log, level_of(outcome), "run", fields, failed ? count : count - 1);
}
