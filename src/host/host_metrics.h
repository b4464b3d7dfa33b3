/*
 * How long the calls of guests to their host take, under the names and labels of Convex's: what has
 * a name of Convex's is a syscall, an async one if it may wait; all the rest are ops.
 */
#ifndef HOST_HOST_METRICS_H
#define HOST_HOST_METRICS_H

#include "observe/metrics.h"

enum host_call_status {
    HOST_CALL_SUCCESS,
    HOST_CALL_DEVELOPER_ERROR, /* refused, or it ended the run for what the guest did */
    HOST_CALL_ERROR,           /* it ended the run for what is ours, or of the load */
    HOST_CALL_STATUSES,
};

/* More than there are imports. */
#define HOST_CALLS_MAX 64

/*
 * Short calls take less than looking at the clock does: one in so many of a run is measured, and
 * stands for as many.
 */
#define HOST_CALLS_SAMPLED 64

struct host_metrics {
    struct histogram *calls[HOST_CALLS_MAX][HOST_CALL_STATUSES];
};

CORDON_MUST_USE cordon_error *host_metrics_init(
    struct host_metrics *host_metrics, struct metrics *metrics);

#endif
