/* Warnings: see warnings.h. */
#include "run/warnings.h"

#include "value/document.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES_MAX 320

#define READ_HELP                                                                                  \
    " Consider using smaller limits in your queries, paginating your queries, or using indexed "   \
    "queries with a selective index range expressions."

/* Convex's words, of the limits that it has too. */
static const struct {
    const char *what; /* NULL: it has none */
    const char *unit;
    const char *help;
} words[CORDON_LIMIT_COUNT] = {
    [CORDON_LIMIT_ARGS_BYTES] = {"Large size of the function arguments", " bytes", ""},
    [CORDON_LIMIT_RESULT_BYTES] = {"Large size of the function return value", " bytes", ""},
    [CORDON_LIMIT_DOCUMENTS_READ] =
        {"Many documents read in a single function execution", "", READ_HELP},
    [CORDON_LIMIT_BYTES_READ] =
        {"Many bytes read in a single function execution", " bytes", READ_HELP},
    [CORDON_LIMIT_INDEX_RANGES] = {"Many reads in a single function execution", "", READ_HELP},
    [CORDON_LIMIT_DOCUMENTS_WRITTEN] = {"Many writes in a single function execution", "", ""},
    [CORDON_LIMIT_BYTES_WRITTEN] =
        {"Many bytes written in a single function execution", " bytes", ""},
};

/*
 * Limits on log lines and on errors leave a mark where they cut. The depth of calls says nothing
 * about how a run will end; the machine stack is not measured.
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
    case CORDON_LIMIT_DOCUMENT_BYTES:
        return true;
    case CORDON_LIMIT_STACK_BYTES:
    case CORDON_LIMIT_CALL_DEPTH:
    case CORDON_LIMIT_LOG_LINES:
    case CORDON_LIMIT_LOG_LINE_BYTES:
    case CORDON_LIMIT_ERROR_BYTES:
    case CORDON_LIMIT_MODULE_BYTES:
    case CORDON_LIMIT_COMPILE_TIME_MS:
    case CORDON_LIMIT_COMPILE_BYTES:
    case CORDON_LIMIT_TENANT_BYTES:
    case CORDON_LIMIT_AUDIT_BYTES:
        break;
    }
    return false;
}

bool warnings_is_near(uint64_t used, uint64_t allowed)
{
    const uint64_t fifth = allowed / 5 + (allowed % 5 != 0);
    return used > allowed - fifth; /* whole numbers: used > 0.8 * allowed */
}

/* -- Lines ---------------------------------------------------------------------------------- */

struct line {
    char text[LINE_BYTES_MAX];
};

CORDON_PRINTF(1, 2) static struct line print_line(const char *format, ...)
{
    struct line line;
    va_list args;
    va_start(args, format);
    const int size = vsnprintf(line.text, sizeof line.text, format, args);
    va_end(args);
    CORDON_ASSERT(size > 0 && (size_t)size < sizeof line.text);
    return line;
}

/* A time as Convex shows it: 30s, 25.5s, 950ms. */
static struct line print_time(uint64_t ms)
{
    if (ms < 1000) {
        return print_line("%llums", (unsigned long long)ms);
    }
    struct line line =
        print_line("%llu.%03llu", (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000));
    size_t size = strlen(line.text);
    while (line.text[size - 1] == '0') {
        size--;
    }
    size -= line.text[size - 1] == '.';
    return print_line("%.*ss", (int)size, line.text);
}

static struct line print_amounts(
    const char *what, const char *unit, const char *help, uint64_t used, uint64_t allowed)
{
    return print_line(
        "[WARN] %s (actual: %llu%s, limit: %llu%s).%s", what, (unsigned long long)used, unit,
        (unsigned long long)allowed, unit, help);
}

static struct line print_limit(cordon_limit limit, uint64_t used, uint64_t allowed)
{
    if (limit == CORDON_LIMIT_USER_TIME_MS) {
        return print_line(
            "[WARN] Function execution took a long time. (maximum duration: %s, actual duration: "
            "%s).",
            print_time(allowed).text, print_time(used).text);
    }
    if (words[limit].what != NULL) {
        return print_amounts(
            words[limit].what, words[limit].unit, words[limit].help, used, allowed);
    }
    const cordon_limit_info *info = cordon_limit_get_info(limit);
    const struct line what = print_line("The function came near its limit %s", info->name);
    const struct line unit = print_line(" %s", info->unit);
    return print_amounts(what.text, unit.text, "", used, allowed);
}

static struct line print_write(
    const char *what, const char *unit, const struct budget_write *write, uint64_t allowed)
{
    const struct line whole = print_line("%s document written with ID \"%s\"", what, write->id);
    return print_amounts(whole.text, unit, "", write->amount, allowed);
}

/* -- A run's lines -------------------------------------------------------------------------- */

/* Its own lines and room for the others; false: there is no memory. */
static bool make_room(struct outcome *outcome)
{
    const size_t before = outcome->log_line_count;
    struct slice *lines =
        arena_alloc(&outcome->arena, (before + CORDON_LIMIT_COUNT + 1) * sizeof *lines);
    if (lines == NULL) {
        return false;
    }
    if (before > 0) {
        memcpy(lines, outcome->log_lines, before * sizeof *lines);
    }
    outcome->log_lines = lines;
    return true;
}

static bool add_line(struct outcome *outcome, const struct line *line)
{
    if (outcome->warning_count == 0 && !make_room(outcome)) {
        return false;
    }
    const struct slice text = arena_copy(&outcome->arena, slice_str(line->text));
    if (text.data == NULL) {
        return false;
    }
    outcome->log_lines[outcome->log_line_count++] = text;
    outcome->warning_count++;
    return true;
}

/* Of all documents written, the largest and the deepest alone. */
static void add_writes(struct outcome *outcome, const struct budget *budget)
{
    const uint64_t most = budget->allowed[CORDON_LIMIT_DOCUMENT_BYTES];
    if (warnings_is_near(budget->largest.amount, most)) {
        const struct line line = print_write("Large", " bytes", &budget->largest, most);
        outcome->warned[CORDON_LIMIT_DOCUMENT_BYTES] = add_line(outcome, &line);
    }
    if (warnings_is_near(budget->deepest.amount, DOCUMENT_NESTING_MAX)) {
        const struct line line =
            print_write("Deeply nested", " levels", &budget->deepest, DOCUMENT_NESTING_MAX);
        (void)add_line(outcome, &line);
    }
}

void warnings_add(struct outcome *outcome, const struct budget *budget)
{
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        const cordon_limit limit = (cordon_limit)i;
        const bool ended = outcome->code == CORDON_OUTCOME_LIMIT && outcome->limit == limit;
        if (!ended && limit != CORDON_LIMIT_DOCUMENT_BYTES && warnings_cover(limit) &&
            warnings_is_near(outcome->used[i], budget->allowed[i])) {
            const struct line line = print_limit(limit, outcome->used[i], budget->allowed[i]);
            outcome->warned[i] = add_line(outcome, &line);
        }
    }
    add_writes(outcome, budget);
}
