/*
 * Counters, gauges and histograms, and their Prometheus text. Registered at start, read and moved
 * from any thread without locks (relaxed atomics; a scrape sees each number, not one moment).
 */
#ifndef OBSERVE_METRICS_H
#define OBSERVE_METRICS_H

#include "base/buffer.h"

struct metrics;
struct counter;
struct gauge;
struct histogram;

CORDON_MUST_USE cordon_error *metrics_new(struct metrics **out_metrics);
void metrics_free(struct metrics *metrics);

/*
 * Registers one series. `labels` is the text between the braces, such as
 * `udf_type="query",status="success"`, or NULL. The help of a name's first series counts for all.
 * The result lives as long as the registry, or until metrics_forget(); registering a series again
 * gives the same one. Errors:
 * CORDON_E_INVALID for labels that are no name="value" pairs and for a name that has another type;
 * CORDON_E_NO_MEMORY. Any thread.
 */
CORDON_MUST_USE cordon_error *metrics_counter(
    struct metrics *metrics,
    const char *name,
    const char *labels,
    const char *help,
    struct counter **out_counter);
CORDON_MUST_USE cordon_error *metrics_gauge(
    struct metrics *metrics,
    const char *name,
    const char *labels,
    const char *help,
    struct gauge **out_gauge);
/*
 * A counter of time, which is added in nanoseconds and written in seconds: Prometheus has no other
 * unit for it.
 */
CORDON_MUST_USE cordon_error *metrics_counter_seconds(
    struct metrics *metrics,
    const char *name,
    const char *labels,
    const char *help,
    struct counter **out_counter);
/*
 * A gauge of which nothing is said but its value. For names of Convex's that end in `_total` and
 * go down: of a gauge, Prometheus's own check refuses such a name.
 */
CORDON_MUST_USE cordon_error *metrics_untyped(
    struct metrics *metrics,
    const char *name,
    const char *labels,
    const char *help,
    struct gauge **out_gauge);
/* Buckets of powers of two from 1 µs to 2^29 µs. */
CORDON_MUST_USE cordon_error *metrics_histogram_seconds(
    struct metrics *metrics,
    const char *name,
    const char *labels,
    const char *help,
    struct histogram **out_histogram);
/* The same, for a name with so many series that each is written once it has counted something. */
CORDON_MUST_USE cordon_error *metrics_histogram_seconds_sparse(
    struct metrics *metrics,
    const char *name,
    const char *labels,
    const char *help,
    struct histogram **out_histogram);
/* Buckets of powers of two from 1 B to 512 MiB. */
CORDON_MUST_USE cordon_error *metrics_histogram_bytes(
    struct metrics *metrics,
    const char *name,
    const char *labels,
    const char *help,
    struct histogram **out_histogram);

/*
 * Gives a series back, by the number that registering it gave; NULL accepted. It goes with the last
 * of those who have registered it, who then may use the number no more. Any thread.
 */
void metrics_forget(struct metrics *metrics, const void *number);

void counter_add(struct counter *counter, uint64_t amount);
uint64_t counter_get(const struct counter *counter);
void gauge_set(struct gauge *gauge, int64_t value);
void gauge_add(struct gauge *gauge, int64_t amount);
int64_t gauge_get(const struct gauge *gauge);
void histogram_observe_ns(struct histogram *histogram, uint64_t ns);
/* Of a sample: `ns` stands for so many alike. */
void histogram_observe_many_ns(struct histogram *histogram, uint64_t ns, uint64_t count);
void histogram_observe_bytes(struct histogram *histogram, uint64_t bytes);

/* Prometheus text format 0.0.4 of everything registered. Any thread. */
CORDON_MUST_USE cordon_error *metrics_write(struct metrics *metrics, struct buffer *out);

#endif
