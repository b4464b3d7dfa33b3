/*
 * The metrics of runs, under Convex's names and labels where it measures the same thing.
 * docs/metrics.md lists them, and says where they differ and which of Convex's there can't be.
 */
#ifndef RUN_RUN_METRICS_H
#define RUN_RUN_METRICS_H

#include "engine/engine.h"
#include "host/host_metrics.h"
#include "observe/metrics.h"
#include "run/outcome.h"
#include "run/tenant/tenant_metrics.h"

enum run_status {
    RUN_STATUS_SUCCESS,
    RUN_STATUS_DEVELOPER_ERROR,
    RUN_STATUS_ERROR, /* ours, or of the load */
    RUN_STATUS_CANCELED,
    RUN_STATUSES,
};

/* Where a run stands that is neither over nor turned away. */
enum run_outstanding { RUN_IS_WAITING, RUN_IS_RUNNING, RUN_OUTSTANDING_STATES };

struct run_metrics {
    struct histogram *total[KIND_COUNT][RUN_STATUSES];
    struct histogram *execute[KIND_COUNT][RUN_STATUSES];
    struct histogram *service[KIND_COUNT][RUN_STATUSES]; /* attempts, with their waits */
    struct histogram *load[KIND_COUNT][RUN_STATUSES];    /* from the instance to the function */
    struct counter *results[KIND_COUNT][RUN_STATUSES];
    struct histogram *user[KIND_COUNT];
    struct histogram *queued[KIND_COUNT]; /* of runs that waited */
    struct histogram *waited[KIND_COUNT]; /* for the first turn */
    struct histogram *ran[KIND_COUNT];    /* since that */
    struct counter *wait_timeouts[KIND_COUNT];
    struct counter *fuel[KIND_COUNT];
    struct gauge *outstanding[KIND_COUNT][RUN_OUTSTANDING_STATES];
    /* Of functions by others: outer, inner, and which of them asked who calls. */
    struct counter *calls[KIND_COUNT][KIND_COUNT][2][2];
    struct counter *warnings[CORDON_LIMIT_COUNT]; /* NULL: there are none for that limit */
    struct counter *limits[CORDON_LIMIT_COUNT];   /* runs that a limit ended */
    struct counter *rejected[RUN_REJECTIONS];
    struct histogram *mutations;
    struct histogram *args_bytes;
    struct histogram *result_bytes;
    struct histogram *memory_bytes;
    struct histogram *begin_txn;
    struct histogram *acquire; /* of a permit */
    struct histogram *create;  /* of an instance's store */
    struct histogram *build;   /* the same, and the instance in it */
    struct histogram *instantiate;
    struct histogram *initialize;
    struct histogram *destroy;
    struct histogram *lookup;     /* of a module's bytes in the store */
    struct histogram *compile[2]; /* of its machine code: made, or found in the cache */
    struct counter *untraced;     /* stacks that debug information gave nothing for */
    struct counter *queue_full;
    struct counter *user_timeouts;
    struct counter *system_timeouts;
    struct counter *out_of_memory;
    struct counter *out_of_fuel;
    struct counter *cancelled;
    struct counter *conflicts;
    struct gauge *permits_used;
    struct gauge *permits_waiting;
    struct gauge *slots_used;
    struct gauge *nests_used;
    struct gauge *memory_used;
    struct gauge *pool_max;
    struct gauge *audit_unsigned_s;
    struct gauge *pinned_s; /* by another process: run/pin_watch.h */
    struct gauge *engine_calls;
    struct gauge *engine_instances;
    struct gauge *engine_modules;
    struct gauge *engine_memories;
    struct gauge *engine_stacks;
    struct gauge *source_bytes; /* of the modules that are deployed, as the next */
    struct gauge *code_bytes;
    struct host_metrics host;
    struct tenant_metrics_table tenants;
};

CORDON_MUST_USE cordon_error *run_metrics_init(
    struct run_metrics *run_metrics, struct metrics *metrics);

void run_metrics_done(struct run_metrics *run_metrics);

enum run_status run_status_of(cordon_outcome_code code);

/*
 * Counts one finished run. `waited_ns` is how long it waited for its first turn; UINT64_MAX: it had
 * none.
 */
void run_metrics_count(
    struct run_metrics *run_metrics, const struct outcome *outcome, uint64_t waited_ns);

/* Counts what making an instance took, of a guest that has ended; `create_ns` for its store. */
void run_metrics_count_instance(
    struct run_metrics *run_metrics,
    cordon_kind kind,
    cordon_outcome_code code,
    uint64_t create_ns,
    const struct engine_timing *timing);

#endif
