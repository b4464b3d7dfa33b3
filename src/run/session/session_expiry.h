/*
 * Results of idempotent calls go once they are older than SESSION_KEPT_NS (run/session/session.h).
 *
 * What is due is read in one transaction and removed in another, some rows at a time, so that the
 * second has read nothing but what it removes: whoever calls with another key is in conflict with
 * nobody. A part is whole or not there, so that after a crash the next pass finds what is left.
 * Where nothing is due that costs two searches.
 *
 * Results that a version without times has written get one when they are first seen here, from
 * which they are kept as long as any; how far that has come stands in the store, too.
 */
#ifndef RUN_SESSION_EXPIRY_H
#define RUN_SESSION_EXPIRY_H

#include "run/tenant/tenant.h"

/*
 * Removes what is due of a tenant at `now_ns` (ns since 1970). Blocks; ends early once `stops` is
 * set. One thread at a time. Errors: those of the store; what was removed is removed.
 */
CORDON_MUST_USE cordon_error *session_expiry_run(
    struct tenant *tenant, uint64_t now_ns, const atomic_bool *stops);

#endif
