/* What the files of run/ share. */
#ifndef RUN_INTERNAL_H
#define RUN_INTERNAL_H

#include "base/random.h"
#include "host/host.h"
#include "run/audit/auditor.h"
#include "run/deploy/build_turns.h"
#include "run/deploy/deployment.h"
#include "run/deploy/environment.h"
#include "run/record/recorder.h"
#include "run/run.h"
#include "run/run_metrics.h"
#include "run/tenant/tenants.h"
#include "run/tender.h"
#include "run/trace_cache.h"

struct runner {
    struct runner_options options; /* texts are owned copies */
    struct engine *engine;
    struct compiler *compiler;    /* NULL when compiling inside */
    struct artifact_cache *cache; /* NULL without a folder */
    struct permits permits;
    struct permits
        nests; /* runs that make calls inside their transactions: see count_instances() */
    struct run_metrics metrics;
    struct random_pool seeds;
    struct trace_cache traces;
    struct recorder *recorder;
    _Atomic(struct auditor *) auditor; /* NULL until runner_keep_audit(), beside runs */
    _Atomic(struct tender *) tender;   /* NULL: deploys do its work */
    pthread_mutex_t start_lock;        /* for those two: each is started once */
    pthread_rwlock_t limits_lock;      /* over the next */
    struct limit_changes limits;       /* as of now: those of the options, and what changed since */
    atomic_uint share_percent;         /* of a tenant; 100 as long as there is one tenant */
    struct shared slots;
    struct shared nested_slots;
    struct shared memory;
    struct shared loaded;          /* memory of loaded functions, which no run's is */
    atomic_ullong kept_bytes;      /* of it: what tenants keep of their last runs */
    struct tenant_usage strangers; /* what calls for tenants have that there are not */
    atomic_bool stops_deploys;     /* no module is built any more */
    struct build_turns build_turns;
    struct tenants tenants;
};

/* A budget with what the operator's settings allow now. Any thread. */
void runner_init_budget(struct runner *runner, cordon_kind kind, struct budget *out_budget);

/* As runner_load(), and enters the tenant: tenant_leave() is the caller's. */
CORDON_MUST_USE cordon_error *runner_wake_tenant(
    struct runner *runner, uint32_t number, struct tenant **out_tenant);

/*
 * Functions that are called by run_request.deployment alone, with a reference for the caller:
 * nothing is kept of them but their machine code in the cache. Blocks. Errors as runner_deploy().
 */
CORDON_MUST_USE cordon_error *runner_build(
    struct runner *runner,
    uint32_t tenant,
    const struct deploy_module *module,
    struct deployment **out_deployment);

/* Has the log of a tenant kept, if logs are. Errors: CORDON_E_NO_MEMORY. */
CORDON_MUST_USE cordon_error *runner_audit_tenant(struct tenant *tenant);

/* There may be work for the tender. False: there is none, and whoever left the work does it. */
bool runner_wake_tender(struct runner *runner);

#endif
