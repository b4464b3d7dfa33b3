/* Warnings: see warnings.h. */
#include "run/warnings.h"

#include <stdio.h>

#define LINE_BYTES_MAX 160

/*
 * Limits on log lines and on errors leave a mark where they cut. The depth of calls and the size
 * of one document say nothing about how a run will end; the machine stack is not measured.
 */
bool warnings_cover(cordon_limit limit)
{
    switch (limit) {
    case CORDON_LIMIT_USER_TIME_MS:
    case CORDON_LIMIT_SYSTEM_TIME_MS:
    case CORDON_LIMIT_FUEL:
    case CORDON_LIMIT_MEMORY_BYTES:
    case CORDON_LIMIT_TABLE_ELEMENTS:
    case CORDON_LIMIT_HOST_BYTES:
    case CORDON_LIMIT_ARGS_BYTES:
    case CORDON_LIMIT_RESULT_BYTES:
    case CORDON_LIMIT_DOCUMENTS_READ:
    case CORDON_LIMIT_BYTES_READ:
    case CORDON_LIMIT_INDEX_RANGES:
    case CORDON_LIMIT_DOCUMENTS_WRITTEN:
    case CORDON_LIMIT_BYTES_WRITTEN:
        return true;
    case CORDON_LIMIT_STACK_BYTES:
    case CORDON_LIMIT_CALL_DEPTH:
    case CORDON_LIMIT_LOG_LINES:
    case CORDON_LIMIT_LOG_LINE_BYTES:
    case CORDON_LIMIT_DOCUMENT_BYTES:
    case CORDON_LIMIT_ERROR_BYTES:
    case CORDON_LIMIT_MODULE_BYTES:
    case CORDON_LIMIT_COMPILE_TIME_MS:
    case CORDON_LIMIT_COMPILE_BYTES:
        break;
    }
    return false;
}

bool warnings_is_near(uint64_t used, uint64_t allowed)
{
    const uint64_t fifth = allowed / 5 + (allowed % 5 != 0);
    return used > allowed - fifth; /* whole numbers: used > 0.8 * allowed */
}

static struct slice write_line(
    struct arena *arena, cordon_limit limit, uint64_t used, uint64_t allowed)
{
    const cordon_limit_info *info = cordon_limit_get_info(limit);
    char line[LINE_BYTES_MAX];
    const int size = snprintf(
        line, sizeof line,
        "[WARN] The function came near its limit %s (actual: %llu %s, limit: "
        "%llu %s).",
        info->name, (unsigned long long)used, info->unit, (unsigned long long)allowed, info->unit);
    CORDON_ASSERT(size > 0 && (size_t)size < sizeof line);
    return arena_copy(arena, slice_of(line, (size_t)size));
}

static size_t find_near(
    const struct outcome *outcome,
    const uint64_t allowed[CORDON_LIMIT_COUNT],
    cordon_limit out_near[CORDON_LIMIT_COUNT])
{
    size_t count = 0;
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        const cordon_limit limit = (cordon_limit)i;
        const bool ended = outcome->code == CORDON_OUTCOME_LIMIT && outcome->limit == limit;
        if (!ended && warnings_cover(limit) && warnings_is_near(outcome->used[i], allowed[i])) {
            out_near[count++] = limit;
        }
    }
    return count;
}

void warnings_add(struct outcome *outcome, const uint64_t allowed[CORDON_LIMIT_COUNT])
{
    cordon_limit near[CORDON_LIMIT_COUNT];
    const size_t count = find_near(outcome, allowed, near);
    if (count == 0) {
        return;
    }
    const size_t before = outcome->log_line_count;
    struct slice *lines = arena_alloc(&outcome->arena, (before + count) * sizeof *lines);
    if (lines == NULL) {
        return;
    }
    if (before > 0) {
        memcpy(lines, outcome->log_lines, before * sizeof *lines);
    }
    size_t added = 0;
    for (size_t i = 0; i < count; i++) {
        const struct slice line =
            write_line(&outcome->arena, near[i], outcome->used[near[i]], allowed[near[i]]);
        if (line.data != NULL) {
            lines[before + added++] = line;
            outcome->warned[near[i]] = true;
        }
    }
    outcome->log_lines = lines;
    outcome->log_line_count = before + added;
    outcome->warning_count = added;
}
