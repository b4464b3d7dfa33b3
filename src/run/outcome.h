/*
 * What came of one run: a normal result of the runner, whether the guest did well or not. Errors
 * of ours (cordon_error) are another channel.
 */
#ifndef RUN_OUTCOME_H
#define RUN_OUTCOME_H

#include <cordon/outcome.h>

#include "base/arena.h"
#include "base/slice.h"
#include "limits/budget.h"

/* Most frames of an outcome, inlined calls included. */
enum { OUTCOME_FRAMES_MAX = 64 };

struct outcome_frame {
    struct slice function; /* demangled; "func[12]" if the module has no names */
    struct slice file;     /* as debug/symbols_path.h shows it; empty: not known */
    uint32_t line;         /* from 1; 0: not known */
    bool is_inlined;       /* into the function of the next frame */
    /* Where that is in the module; of an inlined call, in the function that it was inlined into. */
    uint32_t function_index;
    uint64_t module_offset; /* ENGINE_NO_OFFSET: not known */
};

/* Why a call was turned away before anything ran. */
enum run_rejection {
    RUN_NOT_REJECTED,
    RUN_REJECTED_NO_SLOT,
    RUN_REJECTED_QUEUE_FULL,
    RUN_REJECTED_NO_TURN, /* it waited for its first one as long as it may */
    RUN_REJECTED_EXPIRED, /* the same, in a queue that is congested */
    RUN_REJECTED_NO_MEMORY,
    RUN_REJECTIONS,
};

struct outcome {
    struct arena arena; /* everything below lives here */
    cordon_outcome_code code;
    /* Success: the value in canonical encoded JSON. */
    struct slice value;
    /* Otherwise: the message for the developer, and the data of a ConvexError (empty: none). */
    struct slice message;
    struct slice data;
    /* CORDON_OUTCOME_LIMIT: which, with used and allowed. */
    cordon_limit limit;
    uint64_t limit_used;
    uint64_t limit_allowed;
    /* "[LEVEL] message" lines, in order. */
    struct slice *log_lines;
    size_t log_line_count;
    size_t warning_count; /* of these, at their end: see warnings.h */
    bool warned[CORDON_LIMIT_COUNT];
    /* Innermost first. */
    struct outcome_frame *frames;
    size_t frame_count;
    /* Use against each limit, times in ms, fuel and memory included. */
    uint64_t used[CORDON_LIMIT_COUNT];
    uint64_t user_time_ns;
    uint64_t system_time_ns;
    uint64_t queued_time_ns; /* it waited for its turns */
    uint64_t wall_time_ns;   /* from request to outcome */
    uint32_t retries;        /* attempts before the last, after conflicts */
    uint64_t ts;             /* commit or snapshot timestamp, 0 for actions */
    cordon_kind kind;        /* of the function; CORDON_QUERY if none was found */
    enum run_rejection rejection;
};

static inline void outcome_init(struct outcome *outcome)
{
    *outcome = (struct outcome){0};
    arena_init(&outcome->arena, SIZE_MAX);
}

static inline void outcome_done(struct outcome *outcome)
{
    arena_done(&outcome->arena);
}

/* Convex's code for a call that was turned away before anything ran; NULL: it was not. Static. */
const char *outcome_rejection_code(const struct outcome *outcome);

/* The stable name: "Failed", "TimedOut", … Static. */
const char *outcome_code_name(const struct outcome *outcome);

#endif
