/*
 * Deployments as they come to be in memory: of modules that somebody brings, or that the store has.
 * Each is built with one of its tenant's turns (build_turns.h).
 */
#ifndef RUN_DEPLOY_MAKE_H
#define RUN_DEPLOY_MAKE_H

#include "run/deploy/deploy_rows.h"
#include "run/deploy/deployment.h"
#include "run/runner.h"

static inline void deployment_unrefp(struct deployment **deployment)
{
    deployment_unref(*deployment);
    *deployment = NULL;
}

/*
 * One of these modules, with their schemas in one. `secret` empty: a run without a store, whose
 * seed is the module's hash. `report` NULL: none is wanted; else what is found of each is appended.
 * Errors: CORDON_E_MODULE_REFUSED and what else a build has, CORDON_E_OVERLOADED while the program
 * stops, CORDON_E_NOT_FOUND if the tenant is gone.
 */
CORDON_MUST_USE cordon_error *deployment_make(
    struct runner *runner,
    uint32_t tenant,
    const struct deploy_module *modules,
    size_t count,
    struct slice secret,
    uint64_t time_ms,
    struct buffer *report,
    struct deployment **out_deployment);

/*
 * One that was deployed before, from the store. `*out_deployment` is untouched if it was to come
 * from the cache alone, which lacks some. Errors: as above, and those of the store.
 */
CORDON_MUST_USE cordon_error *deployment_remake(
    struct runner *runner,
    uint32_t tenant,
    const struct deploy_past *past,
    bool only_cached,
    struct buffer *report,
    struct deployment **out_deployment);

/*
 * One of its tenant's turns; to be given back. Errors, after which there is none:
 * CORDON_E_OVERLOADED while the program stops, CORDON_E_NOT_FOUND if the tenant is gone.
 */
CORDON_MUST_USE cordon_error *deploy_take_turn(struct runner *runner, uint32_t tenant);
void deploy_give_turn(struct runner *runner, uint32_t tenant);

#endif
