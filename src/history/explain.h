/* A cycle of transactions, its name, and why each of them comes before the next, in words. */
#ifndef HISTORY_EXPLAIN_H
#define HISTORY_EXPLAIN_H

#include "history/graph.h"
#include "history/ledger.h"

/* Each edge leads to the `from` of the next, over helper nodes or not, the last to the first's. */
struct cycle {
    struct graph_edge *edges;
    size_t count;
    size_t capacity;
};

/* Errors: CORDON_E_TOO_LARGE, CORDON_E_NO_MEMORY. */
CORDON_MUST_USE cordon_error *cycle_add(
    struct cycle *cycle, struct account *account, const struct graph_edge *edge);
void cycle_reverse(struct cycle *cycle);
void cycle_done(struct cycle *cycle, struct account *account);

/* Which anomaly it is, by its edges. */
enum history_anomaly cycle_anomaly(const struct cycle *cycle);

/* Counts it, and tells it in words if that is still to be done. Errors: those of report_tell(). */
CORDON_MUST_USE cordon_error *explain_cycle(
    const struct ledger *ledger, const struct cycle *cycle, struct history_report *report);

#endif
