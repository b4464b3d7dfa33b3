/*
 * Cycles and their names; see check.h. First all edges at once: if there is no knot then, there is
 * none, and that is the end of most checks. Otherwise the edges are let in by kinds, from the
 * gravest anomalies to the mildest, and a knot in which a cycle was told is left alone from there
 * on.
 */
#include "history/check.h"

#include "history/explain.h"
#include "history/grow.h"
#include "history/order.h"

/*
 * Edges that the searches of one pass may look at together, where a search may fail. Where each
 * edge of a knot is part of a cycle, all searches together are linear and need no bound.
 */
#define BUDGET ((uint64_t)64 << 20)

/* Edges at which the search for one knot's shortest cycle begins. */
enum { TRIES = 24 };

struct check {
    const struct history *history;
    const struct ledger *ledger;
    struct graph *graph;
    struct history_report *report;
    uint64_t budget;
    bool *told; /* of each node: it is part of a cycle that was told */
    struct cycle best;
    struct cycle cycle;
};

/* Which cycles one pass looks for. */
struct pass {
    unsigned ways;  /* the kinds of edges of a cycle */
    unsigned needs; /* one edge is of such a kind, and the only one if that is none of `ways` */
};

#define ALL (GRAPH_WW | GRAPH_WR | GRAPH_ANTI | GRAPH_REAL_TIME | GRAPH_TIMESTAMP)

static const struct pass passes[] = {
    {GRAPH_WW, GRAPH_WW},
    {GRAPH_WW | GRAPH_WR, GRAPH_WR},
    {GRAPH_WW | GRAPH_WR, GRAPH_RW},
    {GRAPH_WW | GRAPH_WR | GRAPH_RW, GRAPH_RW},
    {GRAPH_WW | GRAPH_RT, GRAPH_RT},
    {GRAPH_WW | GRAPH_WR | GRAPH_RT, GRAPH_RT},
    {GRAPH_WW | GRAPH_WR | GRAPH_RT, GRAPH_RW | GRAPH_RW_RT},
    {GRAPH_WW | GRAPH_WR | GRAPH_RW | GRAPH_REAL_TIME, GRAPH_RW | GRAPH_REAL_TIME},
    {GRAPH_WW | GRAPH_TS, GRAPH_TS},
    {GRAPH_WW | GRAPH_WR | GRAPH_TS, GRAPH_TS},
    {GRAPH_WW | GRAPH_WR | GRAPH_TS, GRAPH_RW | GRAPH_RW_TS | GRAPH_MISS},
    {GRAPH_WW | GRAPH_WR | GRAPH_RW | GRAPH_TIMESTAMP, GRAPH_RW | GRAPH_TIMESTAMP},
    {ALL, ALL},
};

static bool is_helper(const struct check *check, uint32_t node)
{
    return node >= check->history->txn_count;
}

/* Turns the way that was found, and the edge it closes, into a cycle of transactions. */
static cordon_error *take_cycle(struct check *check, const struct graph_edge *closing)
{
    const struct graph *const graph = check->graph;
    struct cycle *const cycle = &check->cycle;
    cycle->count = 0;
    for (uint32_t node = closing->from; graph->came_by[node] != GRAPH_NONE;) {
        const struct graph_edge *const edge = &graph->edges[graph->came_by[node]];
        if (!is_helper(check, edge->from)) {
            TRY(cycle_add(cycle, graph->account, edge));
        }
        node = edge->from;
    }
    TRY(cycle_add(cycle, graph->account, closing));
    cycle_reverse(cycle);
    return NULL;
}

static cordon_error *tell_cycle(struct check *check)
{
    const struct cycle *const cycle = &check->best;
    for (size_t i = 0; i < cycle->count; i++) {
        check->told[cycle->edges[i].from] = true;
    }
    return explain_cycle(check->ledger, cycle, check->report);
}

static void swap_cycles(struct check *check)
{
    const struct cycle best = check->best;
    check->best = check->cycle;
    check->cycle = best;
}

/*
 * Tries one knot's edges and tells the shortest cycle found. `within` are the components by the
 * edges of the ways.
 */
static cordon_error *search_knot(
    struct check *check,
    const struct pass *pass,
    const struct components *within,
    const uint32_t *edges,
    size_t count)
{
    struct graph *const graph = check->graph;
    size_t found = 0;
    for (size_t i = 0; i < count && found < TRIES; i++) {
        const struct graph_edge *const edge = &graph->edges[edges[i]];
        if (!graph_way(graph, edge->to, edge->from, pass->ways, within, &check->budget)) {
            continue;
        }
        TRY(take_cycle(check, edge));
        if (found == 0 || check->cycle.count < check->best.count) {
            swap_cycles(check);
        }
        found++;
    }
    return found == 0 ? NULL : tell_cycle(check);
}

/* The edges where cycles of a pass may begin, those of one knot together. */
struct starts {
    uint32_t *first; /* by knot */
    uint32_t *edges;
    bool *skipped; /* by knot: a cycle of it was told */
    size_t knot_count;
    size_t edge_count;
};

static void starts_done(const struct check *check, struct starts *starts)
{
    struct account *const account = check->graph->account;
    GROW_FREE(account, starts->first, starts->knot_count + 1);
    GROW_FREE(account, starts->edges, starts->edge_count);
    GROW_FREE(account, starts->skipped, starts->knot_count);
}

static bool is_start(
    const struct check *check,
    const struct pass *pass,
    const struct components *knots,
    const struct starts *starts,
    size_t at)
{
    const struct graph_edge *const edge = &check->graph->edges[at];
    const uint32_t knot = knots->of[edge->from];
    return ((unsigned)edge->kind & pass->needs) != 0 && knot == knots->of[edge->to] &&
           !starts->skipped[knot];
}

static void group_starts(
    const struct check *check,
    const struct pass *pass,
    const struct components *knots,
    struct starts *starts)
{
    const struct graph *const graph = check->graph;
    for (uint32_t node = 0; node < check->history->txn_count; node++) {
        if (check->told[node]) {
            starts->skipped[knots->of[node]] = true;
        }
    }
    for (size_t i = 0; i < starts->edge_count; i++) {
        starts->first[knots->of[graph->edges[i].from]] += is_start(check, pass, knots, starts, i);
    }
    uint32_t sum = 0;
    for (size_t i = 0; i <= starts->knot_count; i++) {
        sum += starts->first[i];
        starts->first[i] = sum;
    }
    for (size_t i = starts->edge_count; i-- > 0;) {
        if (is_start(check, pass, knots, starts, i)) {
            starts->edges[--starts->first[knots->of[graph->edges[i].from]]] = (uint32_t)i;
        }
    }
}

static cordon_error *find_starts(
    const struct check *check,
    const struct pass *pass,
    const struct components *knots,
    struct starts *starts)
{
    struct account *const account = check->graph->account;
    starts->knot_count = knots->count;
    starts->edge_count = check->graph->edge_count;
    TRY(GROW_EXACT(account, &starts->first, starts->knot_count + 1));
    TRY(GROW_EXACT(account, &starts->edges, starts->edge_count));
    TRY(GROW_EXACT(account, &starts->skipped, starts->knot_count));
    group_starts(check, pass, knots, starts);
    return NULL;
}

static cordon_error *search_knots(
    struct check *check,
    const struct pass *pass,
    const struct components *within,
    const struct starts *starts)
{
    for (size_t knot = 0; knot < starts->knot_count; knot++) {
        const uint32_t first = starts->first[knot];
        TRY(search_knot(
            check, pass, within, &starts->edges[first], starts->first[knot + 1] - first));
    }
    return NULL;
}

/* A knot of all the pass's edges may be many by those of its ways, which then bound the search. */
static cordon_error *run_pass(struct check *check, const struct pass *pass)
{
    struct graph *const graph = check->graph;
    struct components knots = {0};
    struct components within = {0};
    check->budget = (pass->ways & pass->needs) != 0 ? UINT64_MAX : BUDGET;
    struct starts starts = {0};
    cordon_error *error = graph_components(graph, pass->ways | pass->needs, &knots);
    if (error == NULL) {
        error = graph_components(graph, pass->ways, &within);
    }
    if (error == NULL) {
        error = find_starts(check, pass, &knots, &starts);
    }
    if (error == NULL) {
        error = search_knots(check, pass, &within, &starts);
    }
    starts_done(check, &starts);
    components_done(graph, &within);
    components_done(graph, &knots);
    return error;
}

/* Whether any transactions stand before each other, by whatever edges. */
static cordon_error *find_knots(const struct graph *graph, bool *out_found)
{
    struct components knots = {0};
    TRY(graph_components(graph, UINT32_MAX, &knots));
    *out_found = knots.count < graph->node_count;
    components_done(graph, &knots);
    return NULL;
}

static cordon_error *check_cycles(struct check *check)
{
    bool found = false;
    check->report->edges = check->graph->edge_count;
    TRY(find_knots(check->graph, &found));
    for (size_t i = 0; found && i < sizeof passes / sizeof passes[0]; i++) {
        TRY(run_pass(check, &passes[i]));
    }
    return NULL;
}

static void check_done(struct check *check)
{
    struct account *const account = check->graph->account;
    cycle_done(&check->best, account);
    cycle_done(&check->cycle, account);
    GROW_FREE(account, check->told, check->graph->node_count);
}

static cordon_error *check_graph(
    const struct ledger *ledger, struct graph *graph, struct history_report *report)
{
    TRY(order_graph(ledger, graph));
    CORDON_CLEANUP(check_done) struct check check = {
        .history = ledger->history,
        .ledger = ledger,
        .graph = graph,
        .report = report,
    };
    TRY(GROW_EXACT(graph->account, &check.told, graph->node_count));
    return check_cycles(&check);
}

cordon_error *history_check(
    const struct history *history, uint64_t bytes_max, struct history_report *report)
{
    struct account account;
    account_init(&account, bytes_max, NULL);
    CORDON_CLEANUP(ledger_done) struct ledger ledger = {0};
    CORDON_CLEANUP(graph_done) struct graph graph = {0};
    TRY(ledger_fill(&ledger, history, &account, report));
    return check_graph(&ledger, &graph, report);
}
