/* Numbers by tenant; see tenant_metrics.h. */
#include "run/tenant/tenant_metrics.h"

#include "run/runner.h"

#include <stdio.h>

/* `tenant="name"` and a label more; in a name each byte may be escaped. */
#define LABELS_MAX (2 * TENANT_LABEL_BYTES + 64)

/* A name inside the quotes of a label. Names that could not be read are those of nobody. */
static void escape(const char *name, char out[2 * TENANT_LABEL_BYTES])
{
    for (; *name != '\0'; name++) {
        if (*name == '"' || *name == '\\') {
            *out++ = '\\';
        }
        *out++ = (uint8_t)*name < 0x20 ? '_' : *name;
    }
    *out = '\0';
}

static cordon_error *register_runs(
    struct metrics *metrics, const char *name, struct tenant_metrics *entry)
{
    char labels[LABELS_MAX];
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        (void)snprintf(
            labels, sizeof labels, "tenant=\"%s\",udf_type=\"%s\"", name,
            cordon_kind_name((cordon_kind)kind));
        TRY(metrics_histogram_seconds_sparse(
            metrics, "tenant_run_seconds", labels, "Time from request to outcome, by tenant.",
            &entry->runs[kind]));
    }
    static const char runs[] = "Runs that are over, by tenant.";
    (void)snprintf(labels, sizeof labels, "tenant=\"%s\",status=\"success\"", name);
    TRY(metrics_counter(metrics, "tenant_run_total", labels, runs, &entry->succeeded));
    (void)snprintf(labels, sizeof labels, "tenant=\"%s\",status=\"failure\"", name);
    return metrics_counter(metrics, "tenant_run_total", labels, runs, &entry->failed);
}

static cordon_error *register_all(
    struct metrics *metrics, const char *name, struct tenant_metrics *entry)
{
    char labels[LABELS_MAX];
    TRY(register_runs(metrics, name, entry));
    (void)snprintf(labels, sizeof labels, "tenant=\"%s\"", name);
    TRY(metrics_counter(
        metrics, "tenant_fuel_total", labels, "Fuel used, by tenant.", &entry->fuel));
    TRY(metrics_counter_seconds(
        metrics, "tenant_user_seconds_total", labels, "Time of the functions alone, by tenant.",
        &entry->user_ns));
    (void)snprintf(labels, sizeof labels, "client_id=\"%s\"", name);
    TRY(metrics_histogram_seconds_sparse(
        metrics, "concurrency_permit_total_hold_time_seconds", labels,
        "Time that a run held permits, in all.", &entry->held));
    (void)snprintf(labels, sizeof labels, "pool_name=\"udf\",client_id=\"%s\"", name);
    TRY(metrics_gauge(
        metrics, "isolate_pool_running_count_info", labels,
        "Runs that have begun and are not over.", &entry->running));
    return metrics_gauge(
        metrics, "isolate_pool_allocated_count_info", labels, "Instances alive.",
        &entry->allocated);
}

static void name_of(
    const struct tenant_metrics_table *table, uint32_t tenant, char out[TENANT_LABEL_BYTES])
{
    if (table->namer != NULL) {
        table->namer(table->namer_arg, tenant, out);
    } else if (tenant == TENANT_DEFAULT) {
        (void)snprintf(out, TENANT_LABEL_BYTES, "default");
    } else {
        (void)snprintf(out, TENANT_LABEL_BYTES, "%u", tenant);
    }
}

cordon_error *tenant_metrics_init(struct tenant_metrics_table *table, struct metrics *metrics)
{
    table->metrics = metrics;
    (void)pthread_mutex_init(&table->lock, NULL);
    return register_all(metrics, TENANT_LABEL_OTHERS, &table->entries[0]);
}

void tenant_metrics_done(struct tenant_metrics_table *table)
{
    if (table->metrics != NULL) {
        (void)pthread_mutex_destroy(&table->lock);
    }
}

/* The place of a tenant, or the free one where it belongs. */
static size_t place_of(struct tenant_metrics_table *table, uint32_t tenant)
{
    size_t at = (tenant * UINT32_C(2654435769)) % TENANT_METRICS_PLACES;
    for (;;) {
        const struct tenant_metrics *entry =
            atomic_load_explicit(&table->places[at], memory_order_acquire);
        if (entry == NULL || entry->tenant == tenant) {
            return at;
        }
        at = (at + 1) % TENANT_METRICS_PLACES;
    }
}

/* Under the lock. */
static struct tenant_metrics *add(struct tenant_metrics_table *table, uint32_t tenant)
{
    char name[TENANT_LABEL_BYTES];
    char escaped[2 * TENANT_LABEL_BYTES];
    const size_t at = place_of(table, tenant);
    struct tenant_metrics *entry = atomic_load(&table->places[at]);
    if (entry != NULL) {
        return entry;
    }
    if (table->count == TENANT_METRICS_MAX) {
        return &table->entries[0];
    }
    entry = &table->entries[table->count + 1];
    name_of(table, tenant, name);
    escape(name, escaped);
    cordon_error *error = register_all(table->metrics, escaped, entry);
    if (error != NULL) {
        cordon_error_free(error);
        return &table->entries[0];
    }
    entry->tenant = tenant;
    table->count++;
    atomic_store_explicit(&table->places[at], entry, memory_order_release);
    return entry;
}

struct tenant_metrics *tenant_metrics_of(struct tenant_metrics_table *table, uint32_t tenant)
{
    struct tenant_metrics *entry =
        atomic_load_explicit(&table->places[place_of(table, tenant)], memory_order_acquire);
    if (entry != NULL) {
        return entry;
    }
    (void)pthread_mutex_lock(&table->lock);
    entry = add(table, tenant);
    (void)pthread_mutex_unlock(&table->lock);
    return entry;
}
