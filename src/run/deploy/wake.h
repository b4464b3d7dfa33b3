/* What a tenant that sleeps needs to be awake. */
#ifndef RUN_DEPLOY_WAKE_H
#define RUN_DEPLOY_WAKE_H

#include "run/tenant/tenant.h"

/*
 * All but its functions, if it sleeps: those that come may be the cure of those that are, and can't
 * be loaded. Errors: those of the store, of the audit log, and of counting what it holds.
 */
CORDON_MUST_USE cordon_error *tenant_load_variables(struct tenant *tenant);

#endif
