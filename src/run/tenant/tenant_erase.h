/*
 * What tenants that were removed have left: documents with their indexes, modules, variables,
 * answers of idempotent calls, records and machine code. It is erased in the background, at the
 * next start if the process ends first. Their audit logs stay, and so do the names of their tables.
 */
#ifndef RUN_TENANT_ERASE_H
#define RUN_TENANT_ERASE_H

#include "run/runner.h"

#include <stdatomic.h>

/*
 * Erases what can be erased now: of a tenant whose runs are not over, nothing. Blocks, for long;
 * ends early, to be called again, once `stops` is set. One thread at a time. Errors: the store's.
 */
CORDON_MUST_USE cordon_error *tenants_erase(struct runner *runner, const atomic_bool *stops);

#endif
