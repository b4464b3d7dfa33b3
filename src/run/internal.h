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
#include "run/tenant.h"
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
    atomic_uint slots_used;
    atomic_ullong memory_used;
    atomic_bool stops_deploys; /* no module is built any more */
    struct tenants tenants;
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

/* As runner_load(), and enters the tenant: tenant_leave() is the caller's. */
CORDON_MUST_USE cordon_error *runner_wake_tenant(
    struct runner *runner, uint32_t number, struct tenant **out_tenant);

/* There may be work for the tender. False: there is none, and whoever left the work does it. */
bool runner_wake_tender(struct runner *runner);

#endif
