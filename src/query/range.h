/*
 * From the conditions of a query to the two ends of a range of an index.
 *
 * The rule is Convex's: equalities cover the first fields of the index, in whatever order they are
 * written, and one more field may have a lower and an upper bound. Every index ends with the
 * creation time and the id, which may be named like fields of its own.
 */
#ifndef QUERY_RANGE_H
#define QUERY_RANGE_H

#include "query/query.h"

/* What an index is made of. */
struct query_index {
    const struct slice *fields;
    size_t field_count;
    bool by_id; /* in order of ids alone: no fields, no creation time */
    uint32_t table;
};

/*
 * Writes the ends as store_index_key() writes keys: from `low`, before `high`; an empty `high` is
 * the end of the index. `*out_empty`: no key is in the range, and the ends say nothing. Pure.
 */
CORDON_MUST_USE bool query_range(
    const struct query *query,
    const struct query_index *index,
    struct buffer *low,
    struct buffer *high,
    bool *out_empty,
    struct query_fault *fault);

/* Makes it the first bytes after all that starts with these; false: there is nothing after. */
bool query_pass_prefix(struct buffer *key);

#endif
