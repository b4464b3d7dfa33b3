/*
 * What is counted for each tenant by name, for the first of them; those that come later are counted
 * together as `other`, so that who makes tenants does not make as many series.
 */
#ifndef RUN_TENANT_METRICS_H
#define RUN_TENANT_METRICS_H

#include "observe/metrics.h"

#include <cordon/outcome.h>
#include <pthread.h>
#include <stdatomic.h>

/* Tenants with series of their own. */
#define TENANT_METRICS_MAX 100

/* Labels that stand for the others, and for one that was removed. */
#define TENANT_LABEL_OTHERS "other"
#define TENANT_LABEL_REMOVED "removed"

/* A name as it stands in a label, and its NUL. */
#define TENANT_LABEL_BYTES 72

struct tenant_metrics {
    uint32_t tenant;
    struct histogram *runs[CORDON_KIND_COUNT];
    struct histogram *held; /* permits, by a run in all */
    struct counter *succeeded;
    struct counter *failed;
    struct counter *fuel;
    struct counter *user_ns;
    struct gauge *running;   /* runs with a turn behind them */
    struct gauge *allocated; /* instances alive */
};

/* Writes the name of a tenant, cut to its room. Any thread. */
typedef void tenant_namer(void *arg, uint32_t tenant, char out_name[TENANT_LABEL_BYTES]);

/* Open addressing; never full. */
#define TENANT_METRICS_PLACES 256

struct tenant_metrics_table {
    struct metrics *metrics;
    tenant_namer *namer; /* NULL: the default tenant is `default`, others are numbers */
    void *namer_arg;
    pthread_mutex_t lock; /* for adding alone */
    size_t count;
    struct tenant_metrics entries[TENANT_METRICS_MAX + 1]; /* the first: of all others */
    _Atomic(struct tenant_metrics *) places[TENANT_METRICS_PLACES];
};

/* Registers the series of the others, and of no tenant. */
CORDON_MUST_USE cordon_error *tenant_metrics_init(
    struct tenant_metrics_table *table, struct metrics *metrics);

void tenant_metrics_done(struct tenant_metrics_table *table);

/*
 * The numbers of a tenant, made at its first run; those of the others where there are too many
 * tenants, or no memory. They live as long as the table. Any thread.
 */
struct tenant_metrics *tenant_metrics_of(struct tenant_metrics_table *table, uint32_t tenant);

#endif
