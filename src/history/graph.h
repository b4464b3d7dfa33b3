/*
 * The graph whose cycles are anomalies: nodes are transactions, and an edge says that one must come
 * before another and why.
 *
 * Behind the transactions stand helper nodes, which only pass an order on: "everybody who was
 * answered before this moment comes before everybody who began after it" takes as many edges as
 * there are transactions, and not as many as there are pairs. An edge into a helper node has the
 * kind of what it stands for; edges out of one have the kind GRAPH_NEXT.
 *
 * Everything here walks without recursion and in linear time, save graph_way(), which is a search
 * with a budget.
 */
#ifndef HISTORY_GRAPH_H
#define HISTORY_GRAPH_H

#include "base/account.h"

/* Why one comes before another; bits, so that a set of kinds is a number. */
enum graph_kind {
    GRAPH_WW = 1,     /* wrote the version before the other's */
    GRAPH_WR = 2,     /* wrote what the other read */
    GRAPH_RW = 4,     /* read a version that the other overwrote */
    GRAPH_RT = 8,     /* was answered before the other began */
    GRAPH_RW_RT = 16, /* as RW; which version is the later is known by real time alone */
    GRAPH_TS = 32,    /* has the lower timestamp */
    GRAPH_RW_TS = 64, /* as RW; which version is the later is known by timestamps alone */
    GRAPH_NEXT = 128, /* out of a helper node */
    GRAPH_MISS = 256, /* as RW_TS; what was read is known by what it was not alone */
};

#define GRAPH_ANTI (GRAPH_RW | GRAPH_RW_RT | GRAPH_RW_TS | GRAPH_MISS)
#define GRAPH_REAL_TIME (GRAPH_RT | GRAPH_RW_RT)
#define GRAPH_TIMESTAMP (GRAPH_TS | GRAPH_RW_TS | GRAPH_MISS)
#define GRAPH_NONE UINT32_MAX

struct graph_edge {
    uint32_t from;
    uint32_t to;
    uint32_t about; /* what only the caller understands */
    enum graph_kind kind;
};

struct graph {
    struct account *account;
    uint32_t node_count;
    struct graph_edge *edges;
    size_t edge_count;
    size_t edge_capacity;
    size_t *first; /* of each node its first edge, once the graph is sealed */
    /* For searches. */
    uint32_t *came_by; /* the edge by which a node was reached */
    uint32_t *seen;    /* the search that reached it */
    uint32_t *queue;
    uint32_t search;
    uint32_t sealed_count; /* nodes when it was sealed */
};

void graph_init(struct graph *graph, struct account *account, uint32_t node_count);
void graph_done(struct graph *graph);

/* Another helper node. Errors: CORDON_E_TOO_LARGE. */
CORDON_MUST_USE cordon_error *graph_add_node(struct graph *graph, uint32_t *out_node);

/* Errors of these: CORDON_E_TOO_LARGE, CORDON_E_NO_MEMORY. */
CORDON_MUST_USE cordon_error *graph_add(
    struct graph *graph, uint32_t from, uint32_t to, enum graph_kind kind, uint32_t about);

/* No more edges; they are put in the order of their beginnings. */
CORDON_MUST_USE cordon_error *graph_seal(struct graph *graph);

/*
 * The strongly connected components by the edges of some kinds: two nodes have the same number if
 * each reaches the other. An edge between two components goes from the higher number to the lower.
 * Tarjan's algorithm, with a stack of its own.
 */
struct components {
    uint32_t *of; /* each node's number */
    uint32_t count;
};
CORDON_MUST_USE cordon_error *graph_components(
    const struct graph *graph, unsigned kinds, struct components *out_components);
void components_done(const struct graph *graph, struct components *components);

/*
 * A shortest way from one node to another by edges of some kinds, and of such that stay in the
 * components between those two. Looks at no more edges than `*budget`, which is lowered. True: the
 * way is in `came_by`, from its end back to its beginning.
 */
bool graph_way(
    struct graph *graph,
    uint32_t from,
    uint32_t to,
    unsigned kinds,
    const struct components *within,
    uint64_t *budget);

#endif
