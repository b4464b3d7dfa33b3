/*
 * What must come before what: the second half of a check, which makes a graph of a ledger.
 *
 * Of a list the order of versions is the longest reading's, and what was appended and never read
 * is behind it. Of a register it is known in part: the initial version is the first, who wrote
 * after reading overwrote what it had read, and of two writers of which one was answered before
 * the other began, or has the lower timestamp, the other's version is the later. All of it is
 * sound: each edge holds in every order in which the transactions could have been done one after
 * the other, if real time and timestamps are to be heeded. An edge's `about` is the version that
 * was written or read at its beginning.
 */
#ifndef HISTORY_ORDER_H
#define HISTORY_ORDER_H

#include "history/graph.h"
#include "history/ledger.h"

/*
 * Makes and seals the graph; its first nodes are the transactions. It borrows the ledger's account.
 * Errors: CORDON_E_TOO_LARGE, CORDON_E_NO_MEMORY; the graph is to be done all the same.
 */
CORDON_MUST_USE cordon_error *order_graph(const struct ledger *ledger, struct graph *graph);

#endif
