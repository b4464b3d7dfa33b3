/*
 * From a request to a call that can be made: the function, and its arguments. The order of checks
 * is Convex's: visibility, kind, arguments' JSON, size, validator; so an internal function never
 * tells an outsider that it exists.
 */
#ifndef RUN_RESOLVE_H
#define RUN_RESOLVE_H

#include "run/deploy/deployment.h"
#include "run/run.h"
#include "value/value.h"

/* False: the outcome says what is wrong. `function` is NULL if the path names none. */
CORDON_MUST_USE bool resolve_function(
    struct outcome *outcome,
    const struct run_request *request,
    const struct deployed_function *function);

/* The arguments of a call: their text for the guest, and their value if a validator wants it. */
struct call_args {
    struct slice json;   /* canonical encoded JSON, an array */
    struct value object; /* the one argument; VALUE_UNDEFINED if nothing needs to look at it */
};

/*
 * Reads the arguments into `arena`, whose account pays for the reading too. False: the outcome
 * says what is wrong.
 */
CORDON_MUST_USE bool resolve_args(
    struct outcome *outcome,
    struct budget *budget,
    const struct deployed_function *function,
    struct slice text,
    struct arena *arena,
    struct call_args *out_args);

/* Ends a run with a message of ours, formatted into the outcome's arena. */
CORDON_PRINTF(3, 4) void outcome_set(
    struct outcome *outcome, cordon_outcome_code code, const char *format, ...);

/*
 * Ends a run for which there is no room, which may have begun: to the words, static ones, it adds
 * what such a run leaves behind and whether a retry is safe.
 */
void outcome_set_overloaded(struct outcome *outcome, struct slice what);

/* `what` of such an outcome, borrowed from it: for a caller that is ended by it, too. */
struct slice outcome_overloaded_by(const struct outcome *outcome);

/* Ends a run because of a limit, with the words of host_limit_message(). */
void outcome_set_limit(
    struct outcome *outcome, cordon_limit limit, uint64_t used, uint64_t allowed);

#endif
