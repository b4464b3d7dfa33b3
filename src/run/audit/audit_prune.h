/*
 * Taking the oldest records out of the audit log, so that what is left can still be checked: it is
 * cut behind a record that a checkpoint speaks of, a record says so and is signed, and only then
 * records go. The whole log is checked first: pruning hides no fault.
 */
#ifndef RUN_AUDIT_PRUNE_H
#define RUN_AUDIT_PRUNE_H

#include "run/audit/auditor.h"

struct audit_prune_request {
    uint64_t before;          /* records with lower sequences; or, if that is 0, */
    uint64_t before_ns;       /* those that are older than this time */
    struct audit_actor actor; /* who asks, for the record */
};

/*
 * Prunes, as far as checkpoints allow it, and appends a report, a JSON object: `pruned`, how many
 * records went, and `first`, the first that is left. Blocks, for as long as it takes to read the
 * log. One at a time for a tenant. Errors: CORDON_E_INVALID where `auditor` is NULL, as nobody
 * could sign it; CORDON_E_STORE for a log that is not what it was, and those of the store.
 */
CORDON_MUST_USE cordon_error *audit_prune_log(
    struct store *store,
    struct auditor *auditor,
    uint32_t tenant,
    const struct audit_prune_request *request,
    struct buffer *out_report);

#endif
