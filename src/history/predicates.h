/*
 * Reads that say what was not there: no register of this key in that group, no value of it now.
 * Such a read names no version, as any that fits may have been seen; but where timestamps order all
 * versions, one stands before the reader, and if that does not fit, it was missed: by a phantom, a
 * lost write, an entry of an index that was not there.
 */
#ifndef HISTORY_PREDICATES_H
#define HISTORY_PREDICATES_H

#include "history/graph.h"
#include "history/ledger.h"

/*
 * Adds an edge from each who missed a version to who wrote it, whose timestamp is the lower. Nobody
 * is said to have missed what a version that fits, of a writer without a timestamp, may have
 * hidden. Errors: CORDON_E_TOO_LARGE, CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *predicates_order(const struct ledger *ledger, struct graph *graph);

#endif
