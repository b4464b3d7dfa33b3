/* Filling outcomes, their names, and the public way to read them. */
#include "run/outcome.h"

#include "host/host.h"
#include "run/resolve.h"

#include <stdarg.h>
#include <stdio.h>

struct code_row {
    const char *name;
    int exit_code;
};

static const struct code_row rows[] = {
#define OUTCOME_ROW(id, code_name, exit, text) [CORDON_OUTCOME_##id] = {code_name, exit},
    CORDON_OUTCOMES(OUTCOME_ROW)
#undef OUTCOME_ROW
};

const char *outcome_code_name(const struct outcome *outcome)
{
    if (outcome->code == CORDON_OUTCOME_LIMIT) {
        return cordon_limit_get_info(outcome->limit)->code;
    }
    return rows[outcome->code].name;
}

const char *outcome_rejection_code(const struct outcome *outcome)
{
    switch (outcome->rejection) {
    case RUN_REJECTED_NO_SLOT:
        return "WorkerOverloaded";
    case RUN_REJECTED_QUEUE_FULL:
        return "ExecuteFullError";
    case RUN_REJECTED_NO_TURN:
    case RUN_REJECTED_EXPIRED:
        return "ExpiredInQueue";
    case RUN_NOT_REJECTED:
    case RUN_REJECTED_NO_MEMORY: /* which it has no code for */
    case RUN_REJECTIONS:
        break;
    }
    return NULL;
}

void outcome_set(struct outcome *outcome, cordon_outcome_code code, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    const int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const size_t kept = size < 0                         ? 0
                        : (size_t)size < sizeof text - 1 ? (size_t)size
                                                         : sizeof text - 1;
    outcome->code = code;
    outcome->message = arena_copy(&outcome->arena, slice_of(text, kept));
}

/* What a run that was stopped for want of room leaves behind, and what it is to who asks again. */
static const char *what_remains(cordon_kind kind)
{
    switch (kind) {
    case CORDON_QUERY:
        return "A retry is safe.";
    case CORDON_MUTATION:
        return "Nothing was committed; a retry is safe.";
    case CORDON_ACTION:
        return "What the action did before that stays done; a retry may do it again.";
    }
    return "";
}

void outcome_set_overloaded(struct outcome *outcome, struct slice what)
{
    outcome_set(
        outcome, CORDON_OUTCOME_OVERLOADED, "%.*s %s", SLICE_FMT(what),
        what_remains(outcome->kind));
}

struct slice outcome_overloaded_by(const struct outcome *outcome)
{
    const struct slice message = outcome->message;
    const size_t rest = strlen(what_remains(outcome->kind));
    const bool has_rest =
        message.size > rest &&
        memcmp(message.data + message.size - rest, what_remains(outcome->kind), rest) == 0;
    return has_rest ? slice_of(message.data, message.size - rest - 1) : message;
}

void outcome_set_limit(struct outcome *outcome, cordon_limit limit, uint64_t used, uint64_t allowed)
{
    outcome->code = CORDON_OUTCOME_LIMIT;
    outcome->limit = limit;
    outcome->limit_used = used;
    outcome->limit_allowed = allowed;
    outcome->message = host_limit_message(&outcome->arena, limit, used, allowed);
}

/* -- The public side ------------------------------------------------------------------------ */

static const struct outcome *inside(const cordon_outcome *outcome)
{
    return (const struct outcome *)outcome;
}

static cordon_text text_of(struct slice slice)
{
    return (cordon_text){.data = (const char *)slice.data, .size = slice.size};
}

cordon_outcome_code cordon_outcome_get_code(const cordon_outcome *outcome)
{
    return inside(outcome)->code;
}

const char *cordon_outcome_get_name(const cordon_outcome *outcome)
{
    return outcome_code_name(inside(outcome));
}

int cordon_outcome_get_exit_code(const cordon_outcome *outcome)
{
    return rows[inside(outcome)->code].exit_code;
}

cordon_text cordon_outcome_get_value(const cordon_outcome *outcome)
{
    return text_of(inside(outcome)->value);
}

cordon_text cordon_outcome_get_message(const cordon_outcome *outcome)
{
    return text_of(inside(outcome)->message);
}

cordon_text cordon_outcome_get_data(const cordon_outcome *outcome)
{
    return text_of(inside(outcome)->data);
}

size_t cordon_outcome_get_log_line_count(const cordon_outcome *outcome)
{
    return inside(outcome)->log_line_count;
}

cordon_text cordon_outcome_get_log_line(const cordon_outcome *outcome, size_t index)
{
    const struct outcome *in = inside(outcome);
    return text_of(index < in->log_line_count ? in->log_lines[index] : slice_of(NULL, 0));
}

/* Of a program's index; one that there is not is empty. */
static struct outcome_frame frame_at(const cordon_outcome *outcome, size_t index)
{
    const struct outcome *in = inside(outcome);
    return index < in->frame_count ? in->frames[index] : (struct outcome_frame){0};
}

size_t cordon_outcome_get_frame_count(const cordon_outcome *outcome)
{
    return inside(outcome)->frame_count;
}

cordon_text cordon_outcome_get_frame_function(const cordon_outcome *outcome, size_t index)
{
    return text_of(frame_at(outcome, index).function);
}

cordon_text cordon_outcome_get_frame_file(const cordon_outcome *outcome, size_t index)
{
    return text_of(frame_at(outcome, index).file);
}

uint32_t cordon_outcome_get_frame_line(const cordon_outcome *outcome, size_t index)
{
    return frame_at(outcome, index).line;
}

bool cordon_outcome_is_frame_inlined(const cordon_outcome *outcome, size_t index)
{
    return frame_at(outcome, index).is_inlined;
}

uint64_t cordon_outcome_get_used(const cordon_outcome *outcome, cordon_limit limit)
{
    return (unsigned)limit < CORDON_LIMIT_COUNT ? inside(outcome)->used[limit] : 0;
}

bool cordon_outcome_get_limit(
    const cordon_outcome *outcome,
    cordon_limit *out_limit,
    uint64_t *out_used,
    uint64_t *out_allowed)
{
    const struct outcome *in = inside(outcome);
    if (in->code != CORDON_OUTCOME_LIMIT) {
        return false;
    }
    *out_limit = in->limit;
    *out_used = in->limit_used;
    *out_allowed = in->limit_allowed;
    return true;
}
