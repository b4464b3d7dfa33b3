/* Edges, strongly connected components, ways; see graph.h. */
#include "history/graph.h"

#include "history/grow.h"

void graph_init(struct graph *graph, struct account *account, uint32_t node_count)
{
    *graph = (struct graph){.account = account, .node_count = node_count};
}

void graph_done(struct graph *graph)
{
    struct account *account = graph->account;
    account_free(account, graph->edges, graph->edge_capacity * sizeof *graph->edges);
    GROW_FREE(account, graph->first, (size_t)graph->sealed_count + 1);
    GROW_FREE(account, graph->came_by, graph->sealed_count);
    GROW_FREE(account, graph->seen, graph->sealed_count);
    GROW_FREE(account, graph->queue, graph->sealed_count);
    *graph = (struct graph){0};
}

cordon_error *graph_add_node(struct graph *graph, uint32_t *out_node)
{
    if (graph->node_count >= GROW_ITEMS_MAX) {
        return cordon_error_new(
            CORDON_E_TOO_LARGE, "the history has too many transactions; check it in parts");
    }
    *out_node = graph->node_count;
    graph->node_count++;
    return NULL;
}

cordon_error *graph_add(
    struct graph *graph, uint32_t from, uint32_t to, enum graph_kind kind, uint32_t about)
{
    if (from == to) {
        return NULL;
    }
    TRY(GROW(graph->account, &graph->edges, &graph->edge_capacity, graph->edge_count, 1));
    graph->edges[graph->edge_count] =
        (struct graph_edge){.from = from, .to = to, .about = about, .kind = kind};
    graph->edge_count++;
    return NULL;
}

/* Counting sort: `first` has the counts, then the ends, and at last the beginnings. */
static void sort_edges(struct graph *graph, struct graph_edge *sorted)
{
    size_t *const first = graph->first;
    for (size_t i = 0; i < graph->edge_count; i++) {
        first[graph->edges[i].from]++;
    }
    size_t sum = 0;
    for (size_t node = 0; node <= graph->node_count; node++) {
        sum += first[node];
        first[node] = sum;
    }
    for (size_t i = graph->edge_count; i-- > 0;) {
        sorted[--first[graph->edges[i].from]] = graph->edges[i];
    }
}

cordon_error *graph_seal(struct graph *graph)
{
    struct account *const account = graph->account;
    const size_t nodes = graph->node_count;
    graph->sealed_count = graph->node_count;
    TRY(GROW_EXACT(account, &graph->first, nodes + 1));
    TRY(GROW_EXACT(account, &graph->came_by, nodes));
    TRY(GROW_EXACT(account, &graph->seen, nodes));
    TRY(GROW_EXACT(account, &graph->queue, nodes));
    struct graph_edge *sorted = NULL;
    const size_t capacity = graph->edge_count == 0 ? 1 : graph->edge_count;
    TRY(GROW_EXACT(account, &sorted, capacity));
    sort_edges(graph, sorted);
    account_free(account, graph->edges, graph->edge_capacity * sizeof *graph->edges);
    graph->edges = sorted;
    graph->edge_capacity = capacity;
    return NULL;
}

/* -- Components -------------------------------------------------------------------------------- */

/* What Tarjan's algorithm remembers of each node, and its two stacks. */
struct tarjan {
    const struct graph *graph;
    unsigned kinds;
    struct components *out;
    uint32_t *order;   /* when it was met, from 1; 0: not yet */
    uint32_t *low;     /* the earliest it reaches */
    uint32_t *stack;   /* nodes of components that are not complete */
    uint32_t *path;    /* nodes on the way from the root to here */
    size_t *next_edge; /* of each node, the one to look at next */
    uint32_t stack_size;
    uint32_t path_size;
    uint32_t met;
};

static void meet(struct tarjan *tarjan, uint32_t node)
{
    tarjan->met++;
    tarjan->order[node] = tarjan->met;
    tarjan->low[node] = tarjan->met;
    tarjan->next_edge[node] = tarjan->graph->first[node];
    tarjan->stack[tarjan->stack_size++] = node;
    tarjan->path[tarjan->path_size++] = node;
}

static void lower(uint32_t *low, uint32_t value)
{
    *low = value < *low ? value : *low;
}

/* Goes on one edge from the end of the path. False: there is none left. */
static bool follow_edge(struct tarjan *tarjan, uint32_t node)
{
    const struct graph *const graph = tarjan->graph;
    if (tarjan->next_edge[node] == graph->first[node + 1]) {
        return false;
    }
    const struct graph_edge *const edge = &graph->edges[tarjan->next_edge[node]++];
    if (((unsigned)edge->kind & tarjan->kinds) == 0) {
        return true;
    }
    if (tarjan->order[edge->to] == 0) {
        meet(tarjan, edge->to);
    } else if (tarjan->out->of[edge->to] == GRAPH_NONE) {
        lower(&tarjan->low[node], tarjan->order[edge->to]);
    }
    return true;
}

static void leave(struct tarjan *tarjan, uint32_t node)
{
    tarjan->path_size--;
    if (tarjan->path_size > 0) {
        lower(&tarjan->low[tarjan->path[tarjan->path_size - 1]], tarjan->low[node]);
    }
    if (tarjan->low[node] != tarjan->order[node]) {
        return;
    }
    uint32_t member = GRAPH_NONE;
    while (member != node) {
        member = tarjan->stack[--tarjan->stack_size];
        tarjan->out->of[member] = tarjan->out->count;
    }
    tarjan->out->count++;
}

static void find_components(struct tarjan *tarjan)
{
    for (uint32_t root = 0; root < tarjan->graph->node_count; root++) {
        if (tarjan->order[root] != 0) {
            continue;
        }
        meet(tarjan, root);
        while (tarjan->path_size > 0) {
            const uint32_t node = tarjan->path[tarjan->path_size - 1];
            if (!follow_edge(tarjan, node)) {
                leave(tarjan, node);
            }
        }
    }
}

static cordon_error *make_tarjan(struct tarjan *tarjan)
{
    struct account *const account = tarjan->graph->account;
    const size_t nodes = tarjan->graph->node_count;
    TRY(GROW_EXACT(account, &tarjan->out->of, nodes));
    TRY(GROW_EXACT(account, &tarjan->order, nodes));
    TRY(GROW_EXACT(account, &tarjan->low, nodes));
    TRY(GROW_EXACT(account, &tarjan->stack, nodes));
    TRY(GROW_EXACT(account, &tarjan->path, nodes));
    TRY(GROW_EXACT(account, &tarjan->next_edge, nodes));
    for (size_t i = 0; i < nodes; i++) {
        tarjan->out->of[i] = GRAPH_NONE;
    }
    return NULL;
}

static void tarjan_done(struct tarjan *tarjan)
{
    struct account *const account = tarjan->graph->account;
    const size_t nodes = tarjan->graph->node_count;
    GROW_FREE(account, tarjan->order, nodes);
    GROW_FREE(account, tarjan->low, nodes);
    GROW_FREE(account, tarjan->stack, nodes);
    GROW_FREE(account, tarjan->path, nodes);
    GROW_FREE(account, tarjan->next_edge, nodes);
}

cordon_error *graph_components(
    const struct graph *graph, unsigned kinds, struct components *out_components)
{
    struct components components = {0};
    CORDON_CLEANUP(tarjan_done) struct tarjan tarjan = {
        .graph = graph, .kinds = kinds | GRAPH_NEXT, .out = &components};
    cordon_error *error = make_tarjan(&tarjan);
    if (error != NULL) {
        components_done(graph, &components);
        return error;
    }
    find_components(&tarjan);
    *out_components = components;
    return NULL;
}

void components_done(const struct graph *graph, struct components *components)
{
    GROW_FREE(graph->account, components->of, graph->node_count);
    *components = (struct components){0};
}

/* -- Ways -------------------------------------------------------------------------------------- */

bool graph_way(
    struct graph *graph,
    uint32_t from,
    uint32_t to,
    unsigned kinds,
    const struct components *within,
    uint64_t *budget)
{
    const uint32_t highest = within->of[from];
    const uint32_t lowest = within->of[to];
    if (highest < lowest) {
        return false;
    }
    graph->search++;
    graph->seen[from] = graph->search;
    graph->came_by[from] = GRAPH_NONE;
    graph->queue[0] = from;
    for (size_t head = 0, tail = 1; head < tail; head++) {
        const uint32_t node = graph->queue[head];
        if (node == to) {
            return true;
        }
        for (size_t i = graph->first[node]; i < graph->first[node + 1]; i++) {
            const struct graph_edge *const edge = &graph->edges[i];
            if (*budget == 0) {
                return false;
            }
            (*budget)--;
            if (((unsigned)edge->kind & (kinds | GRAPH_NEXT)) != 0 &&
                graph->seen[edge->to] != graph->search && within->of[edge->to] >= lowest) {
                graph->seen[edge->to] = graph->search;
                graph->came_by[edge->to] = (uint32_t)i;
                graph->queue[tail++] = edge->to;
            }
        }
    }
    return false;
}
