/*
 * The budget of one run: for each limit what is allowed and what was used. It is the one place
 * where use is counted, so that the usage of an answer, a limit error and `left` say the same.
 *
 * The first limit that is passed is remembered: it ended the run, whatever else happens on the way
 * out. Time, fuel and memory are counted elsewhere (run_clock, the engine, the run's account) and
 * reported in here.
 */
#ifndef LIMITS_BUDGET_H
#define LIMITS_BUDGET_H

#include "limits/kind.h"

/* Limits on time: no two runs use the same of it. */
static inline bool limit_is_time(cordon_limit limit)
{
    return limit == CORDON_LIMIT_USER_TIME_MS || limit == CORDON_LIMIT_SYSTEM_TIME_MS;
}

/*
 * Whether a process that runs can be told another value. Engine, compiler and the room for
 * instances are made by the others.
 */
static inline bool limit_can_change(cordon_limit limit)
{
    return cordon_limit_get_info(limit)->scope != CORDON_SCOPE_PROCESS &&
           limit != CORDON_LIMIT_MEMORY_BYTES && limit != CORDON_LIMIT_TABLE_ELEMENTS &&
           limit != CORDON_LIMIT_CALL_DEPTH;
}

/* Below that no function can run at all; 0 where less is only less. */
uint64_t limit_least(cordon_limit limit);

/* The one of the documents written that came nearest to a limit on each. */
enum { BUDGET_ID_BYTES = 40 };
struct budget_write {
    uint64_t amount; /* 0: none was written */
    char id[BUDGET_ID_BYTES];
};

struct budget {
    uint64_t allowed[CORDON_LIMIT_COUNT];
    uint64_t used[CORDON_LIMIT_COUNT];
    bool tripped;
    cordon_limit tripped_limit;  /* valid if `tripped` */
    uint64_t tripped_used;       /* what would have been used, for the text */
    struct budget_write largest; /* by its size */
    struct budget_write deepest; /* by its nesting */
};

/* A set of changed limits: `--limit`, the operator's settings, a request. */
struct limit_changes {
    bool set[CORDON_LIMIT_COUNT];
    uint64_t value[CORDON_LIMIT_COUNT];
};

/* The defaults of a kind with the operator's changes on top, nothing used. */
void budget_init(struct budget *budget, cordon_kind kind, const struct limit_changes *operator_set);

/* Lowers limits as a request or a module may; a higher value changes nothing. */
void budget_lower(struct budget *budget, const struct limit_changes *lower);

/* Uses `amount` more. False if that passes the limit: then nothing is used and it is tripped. */
CORDON_MUST_USE bool budget_charge(struct budget *budget, cordon_limit limit, uint64_t amount);

/* True if `amount` more would still fit. Changes nothing. */
bool budget_fits(const struct budget *budget, cordon_limit limit, uint64_t amount);

/* Says that `limit` ended the run with `used`. Only the first call counts. */
void budget_trip(struct budget *budget, cordon_limit limit, uint64_t used);

/* Remembers a document that was written, if it is nearer to the limit than the one before. */
void budget_note_write(struct budget_write *nearest, uint64_t amount, const char *id);

static inline uint64_t budget_left(const struct budget *budget, cordon_limit limit)
{
    return budget->used[limit] >= budget->allowed[limit]
               ? 0
               : budget->allowed[limit] - budget->used[limit];
}

#endif
