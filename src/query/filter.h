/*
 * Filter expressions: `q.eq(q.field("a"), 1)` and the like, as Convex's query JSON has them (facts
 * on Convex, 7.4). A missing field is undefined and comes first in the order; comparisons are over
 * all types; arithmetic is over two Int64, checked, or two Float64; the rest takes booleans alone.
 */
#ifndef QUERY_FILTER_H
#define QUERY_FILTER_H

#include "query/fault.h"
#include "value/json.h"

struct filter;

/*
 * Reads an expression into the arena; strings are borrowed from the JSON document. `*nodes` counts
 * up by the operations in it: what evaluating it costs. Threads: none of its own; pure.
 */
CORDON_MUST_USE bool filter_read(
    const struct json_node *node,
    struct arena *arena,
    uint64_t *nodes,
    const struct filter **out_filter,
    struct query_fault *fault);

/* Whether a document passes. */
CORDON_MUST_USE bool filter_matches(
    const struct filter *filter,
    const struct value *document,
    bool *out_matches,
    struct query_fault *fault);

/* Appends the filter in a form that is the same for the same one. Errors: as buffer_append(). */
CORDON_MUST_USE cordon_error *filter_write(const struct filter *filter, struct buffer *out);

#endif
