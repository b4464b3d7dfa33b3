/* The metrics of runs, with Convex's names where they fit. */
#ifndef RUN_RUN_METRICS_H
#define RUN_RUN_METRICS_H

#include "observe/metrics.h"
#include "run/outcome.h"

enum run_status { RUN_STATUS_SUCCESS, RUN_STATUS_DEVELOPER_ERROR, RUN_STATUS_SYSTEM_ERROR };

struct run_metrics {
    struct histogram *execute[KIND_COUNT][3]; /* by kind and run_status */
    struct counter *user_timeouts;
    struct counter *system_timeouts;
    struct counter *out_of_memory;
    struct counter *out_of_fuel;
    struct counter *cancelled;
    struct counter *rejected;
    struct counter *conflicts;
    struct counter *fuel[KIND_COUNT];
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
