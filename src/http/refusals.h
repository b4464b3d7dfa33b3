/*
 * Requests that are refused for who sends them, or for whom: wrong keys and tokens, hosts that are
 * nobody's. Each is counted by its code; in the log those of one tenant, or host, with one code are
 * one line a minute at most. No line has a key or a token.
 */
#ifndef HTTP_REFUSALS_H
#define HTTP_REFUSALS_H

#include "http/parse.h"
#include "observe/log.h"
#include "observe/metrics.h"

struct refusals;

/* Both are borrowed; `log` may be NULL. Errors: those of metrics_counter(). */
CORDON_MUST_USE cordon_error *refusals_new(
    struct metrics *metrics, struct log *log, struct refusals **out_refusals);

/* Tells what has not been told. NULL accepted. */
void refusals_free(struct refusals *refusals);

static inline void refusals_freep(struct refusals **refusals)
{
    refusals_free(*refusals);
}

/* One more; what is refused for another reason is none. `host` is the client's. Any thread. */
void refusals_note(
    struct refusals *refusals,
    const struct http_refusal *refusal,
    struct slice tenant,
    struct slice host,
    uint64_t now_ns);

/* Tells how many there were, where a minute is over. Any thread; often. */
void refusals_tell(struct refusals *refusals, uint64_t now_ns);

#endif
