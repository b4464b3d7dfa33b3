/*
 * A query as Convex's clients and SDKs write it (facts on Convex, 7.4): a source, which is a table
 * or a range of an index in one order, and operators that documents pass one after the other, each
 * a filter or a limit.
 */
#ifndef QUERY_QUERY_H
#define QUERY_QUERY_H

#include "query/filter.h"

#define QUERY_OPERATORS_MAX 256 /* Convex: MAX_QUERY_OPERATORS */

enum query_bound_op { QUERY_EQ, QUERY_GT, QUERY_GTE, QUERY_LT, QUERY_LTE };

struct query_bound {
    enum query_bound_op op;
    struct slice path;
    struct value value; /* may be undefined */
};

struct query_operator {
    const struct filter *filter; /* NULL: a limit */
    uint64_t limit;
};

struct query {
    struct slice table;
    struct slice index; /* its name; empty: the whole table in creation order */
    bool descending;
    const struct query_bound *bounds;
    size_t bound_count;
    struct query_operator *operators;
    size_t operator_count;
    bool has_filters;
    uint64_t filter_nodes; /* of all filters: what one document costs */
};

/*
 * Reads a query; it lives in the arena and borrows from the JSON document. Names are identifiers;
 * whether table and index exist is for others to say. Pure.
 */
CORDON_MUST_USE bool query_read(
    const struct json_node *node,
    struct arena *arena,
    struct query *out_query,
    struct query_fault *fault);

/*
 * Appends what the operators are in a form that is the same for the same ones. Errors are those of
 * buffer_append().
 */
CORDON_MUST_USE cordon_error *query_write_operators(const struct query *query, struct buffer *out);

#endif
