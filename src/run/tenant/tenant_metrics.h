/*
 * What is counted for each tenant by name, for as many of them at a time; those that find no place
 * are counted together as `other`, so that who makes tenants does not make as many series. The
 * default tenant always has a place, others get one at their first run and give it back when they
 * are removed.
 */
#ifndef RUN_TENANT_METRICS_H
#define RUN_TENANT_METRICS_H

#include "observe/metrics.h"

#include <cordon/outcome.h>
#include <pthread.h>
#include <stdatomic.h>

/* Tenants with series of their own, the default one among them. */
#define TENANT_METRICS_MAX 100

/* Labels that stand for the others, and for one that was removed. */
#define TENANT_LABEL_OTHERS "other"
#define TENANT_LABEL_REMOVED "removed"

/* A name as it stands in a label, and its NUL. */
#define TENANT_LABEL_BYTES 72

struct tenant_metrics {
    _Atomic uint32_t tenant; /* 0: of none */
    struct histogram *runs[CORDON_KIND_COUNT];
    struct histogram *held; /* permits, by a run in all */
    struct counter *succeeded;
    struct counter *failed;
    struct counter *fuel;
    struct counter *user_ns;
    struct gauge *running;   /* runs with a turn behind them */
    struct gauge *allocated; /* instances alive */
    struct gauge *bytes;     /* of data; NULL: not counted yet */
};

/*
 * Writes the name of a tenant, cut to its room. Any thread; called with the table's lock, it takes
 * that of the tenants, so nobody with that one comes to the table.
 */
typedef void tenant_namer(void *arg, uint32_t tenant, char out_name[TENANT_LABEL_BYTES]);

/* Open addressing; never full. */
#define TENANT_METRICS_PLACES 256

struct tenant_metrics_table {
    struct metrics *metrics;
    tenant_namer *namer; /* NULL: the default tenant is `default`, others are numbers */
    void *namer_arg;
    pthread_mutex_t lock; /* for changes of all below */
    size_t count;
    struct tenant_metrics entries[TENANT_METRICS_MAX + 1]; /* the first: of all others */
    struct tenant_metrics vacated; /* a place that had one: who looks for another goes on */
    struct tenant_metrics removed; /* of those who are found to be gone, once there is one */
    _Atomic(struct tenant_metrics *) places[TENANT_METRICS_PLACES];
};

/* Registers the series of the others and of the default tenant. */
CORDON_MUST_USE cordon_error *tenant_metrics_init(
    struct tenant_metrics_table *table, struct metrics *metrics);

void tenant_metrics_done(struct tenant_metrics_table *table);

/*
 * The numbers of a tenant, made at its first run; those of the others where there are too many
 * tenants, or no memory. They live until tenant_metrics_forget(). Any thread.
 */
struct tenant_metrics *tenant_metrics_of(struct tenant_metrics_table *table, uint32_t tenant);

/* The numbers for a run of a tenant that is gone. They live as long as the table. Any thread. */
struct tenant_metrics *tenant_metrics_of_removed(struct tenant_metrics_table *table);

/*
 * Gives back what a tenant has: it is removed, and nobody counts for it any more. Again is nothing.
 * Any thread.
 */
void tenant_metrics_forget(struct tenant_metrics_table *table, uint32_t tenant);

/*
 * The bytes of its data. False: it has no place, and the caller adds them up with those of the
 * others. For one that is not removed meanwhile. Any thread.
 */
bool tenant_metrics_set_bytes(struct tenant_metrics_table *table, uint32_t tenant, uint64_t bytes);

/* The sum of those, if there are any. Any thread. */
void tenant_metrics_set_others_bytes(struct tenant_metrics_table *table, uint64_t bytes);

#endif
