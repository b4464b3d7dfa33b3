/* From what guest and host left behind to an outcome. */
#ifndef RUN_RESULT_H
#define RUN_RESULT_H

#include "host/host.h"
#include "run/deploy/deployment.h"
#include "run/outcome.h"
#include "value/value.h"

/*
 * Decides what came of a call and copies words, value and log lines into the outcome. The value is
 * read but not yet held against the function's validator. `*out_value` lives in `arena`, which is
 * charged to the host's account.
 */
void result_collect(
    struct outcome *outcome,
    struct host *host,
    struct engine_call *call,
    bool returned,
    struct arena *arena,
    struct value *out_value);

/* The words for a mutation that lost every conflict; Convex's, as far as it is known who won. */
CORDON_MUST_USE cordon_error *result_set_conflict(
    struct outcome *outcome, struct store_txn *txn, const struct store_commit_result *result);

#endif
