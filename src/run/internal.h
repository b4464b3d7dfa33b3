/* What the files of run/ share. */
#ifndef RUN_INTERNAL_H
#define RUN_INTERNAL_H

#include "base/random.h"
#include "host/host.h"
#include "run/auditor.h"
#include "run/deployment.h"
#include "run/environment.h"
#include "run/permits.h"
#include "run/recorder.h"
#include "run/run.h"
#include "run/run_metrics.h"
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
    struct tender *tender;             /* NULL: deploys do its work; guarded by `deploy_lock` */
    struct executions executions;
    atomic_uint slots_used;
    atomic_ullong memory_used;
    pthread_mutex_t deploy_lock;      /* one deploy at a time */
    atomic_bool stops_deploys;        /* no module is built any more */
    pthread_rwlock_t lock;            /* guards `deployments` and `environments` */
    struct deployment *deployments;   /* one per tenant, by its `next` */
    pthread_mutex_t env_lock;         /* one change of environment variables at a time */
    struct environment *environments; /* one per tenant that has or had variables */
};

/*
 * Slots for calls of functions by others, beside those that calls from outside may take, as a
 * share of them: so callers that wait for their calls never hold the last ones.
 */
#define NESTED_SLOTS_SHARE 4

static inline uint32_t runner_nested_slots(const struct runner *runner)
{
    return runner->options.slots / NESTED_SLOTS_SHARE;
}

/* The tenant's deployment with a reference for the caller, or NULL. */
struct deployment *runner_current(struct runner *runner, uint32_t tenant);

/* Puts a deployment in the place of its tenant's; takes over the reference. */
void runner_swap(struct runner *runner, struct deployment *deployment);

#endif
