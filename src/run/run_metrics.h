/*
 * The metrics of runs, under Convex's names and labels where it measures the same thing.
 * docs/metrics.md lists them, and says where they differ.
 */
#ifndef RUN_RUN_METRICS_H
#define RUN_RUN_METRICS_H

#include "observe/metrics.h"
#include "run/outcome.h"

enum run_status {
    RUN_STATUS_SUCCESS,
    RUN_STATUS_DEVELOPER_ERROR,
    RUN_STATUS_ERROR, /* ours, or of the load */
    RUN_STATUS_CANCELED,
    RUN_STATUSES,
};

struct run_metrics {
    struct histogram *total[KIND_COUNT][RUN_STATUSES];
    struct histogram *execute[KIND_COUNT][RUN_STATUSES];
    struct histogram *user[KIND_COUNT];
    struct histogram *queued[KIND_COUNT]; /* of runs that waited */
    struct counter *fuel[KIND_COUNT];
    struct counter *warnings[CORDON_LIMIT_COUNT]; /* NULL: there are none for that limit */
    struct counter *user_timeouts;
    struct counter *system_timeouts;
    struct counter *out_of_memory;
    struct counter *out_of_fuel;
    struct counter *cancelled;
    struct counter *rejected;
    struct counter *conflicts;
    struct gauge *permits_used;
    struct gauge *permits_waiting;
    struct gauge *slots_used;
    struct gauge *memory_used;
};

CORDON_MUST_USE cordon_error *run_metrics_init(
    struct run_metrics *run_metrics, struct metrics *metrics);

/* Counts one finished run. */
void run_metrics_count(struct run_metrics *run_metrics, const struct outcome *outcome);

#endif
