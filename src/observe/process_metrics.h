/*
 * What the kernel says of the process, under the names that every exporter of Prometheus has for
 * it. Read when somebody asks.
 */
#ifndef OBSERVE_PROCESS_METRICS_H
#define OBSERVE_PROCESS_METRICS_H

#include "observe/metrics.h"

struct process_metrics {
    struct counter *cpu_ns;
    struct gauge *resident_bytes;
    struct gauge *virtual_bytes;
    struct gauge *open_fds;
    struct gauge *max_fds;
    struct gauge *threads;
    struct gauge *start_time_s;
};

CORDON_MUST_USE cordon_error *process_metrics_init(
    struct process_metrics *process, struct metrics *metrics);

/* Brings them up to date; what cannot be read stays as it was. One thread at a time. */
void process_metrics_refresh(struct process_metrics *process);

#endif
