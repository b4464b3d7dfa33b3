/*
 * What a tenant may have on the disk: its documents and results, and its audit log.
 *
 * `tenant_bytes`: how much all documents of a tenant, and the results that are kept under
 * idempotency keys, may have together. The store keeps the sum up
 * with each commit and refuses the one that would pass it (struct store_quota); what was there when
 * the tenant was loaded is counted here, by reading all of it once, in the background where a
 * server runs (run/tender.h). Until that is done no more than STORE_UNCOUNTED_BYTES_MAX are
 * added, so that by so much, and no more, the limit may be passed. An import waits until it is
 * done. Where the limit is the default, as much as a data folder can hold, nothing is counted.
 *
 * `audit_bytes`: how much its audit log may have, counted in the same way, but from when the server
 * knows of the tenant: what an admin reads is recorded while its functions sleep, too. No record is
 * dropped for it: what would have to be recorded is not done, until somebody has pruned the log
 * (docs/decisions/032-a-full-audit-log-refuses.md). What the server has to say by itself goes past
 * it.
 */
#ifndef RUN_TENANT_QUOTA_H
#define RUN_TENANT_QUOTA_H

#include "run/tenant/tenant.h"

/*
 * Sets what the tenant may have from its settings and the runner's. Any thread. Afterwards
 * quota_is_due() says whether there is something to count.
 */
void quota_set(struct tenant *tenant);

/* The same of the audit log alone: for one whose functions are not loaded. Any thread. */
void quota_set_log(struct tenant *tenant);

bool quota_is_due(const struct tenant *tenant);

/*
 * Counts; blocks as long as that takes. Any thread. Errors: CORDON_E_OVERLOADED once the program
 * stops; those of the store.
 */
CORDON_MUST_USE cordon_error *quota_count(struct tenant *tenant);

/* What its commits bring along; NULL: it has no limit. Any thread. */
struct store_quota *quota_of(struct tenant *tenant);

/* What its audit log has, where that is counted. Any thread. Errors: those of the store. */
CORDON_MUST_USE cordon_error *quota_audit_bytes(
    struct tenant *tenant, bool *out_is_counted, uint64_t *out_bytes);

/*
 * Whether the audit log has no room for another record, of 1 KiB as most are smaller: what would
 * have to be recorded is refused before it is done. Until it is counted, what was appended since
 * the start is held against the bound, and against STORE_UNCOUNTED_BYTES_MAX. Errors:
 * CORDON_E_AUDIT_FULL, saying what it has, may have, and what to do; CORDON_E_OVERLOADED: it is yet
 * to be counted; those of the store. Any thread.
 */
CORDON_MUST_USE cordon_error *quota_check_audit(struct tenant *tenant);

/* Its log was pruned: counts what is left, if somebody bounds it. Blocks. Any thread. */
void quota_pruned(struct tenant *tenant);

/*
 * An error that says what documents or log would have had, and may have; or, CORDON_E_OVERLOADED,
 * that they are yet to be counted.
 */
CORDON_MUST_USE cordon_error *quota_error(const struct store_commit_result *result);

#endif
