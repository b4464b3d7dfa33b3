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

/* Of the series that have no other label. */
static void label_of(const char *escaped, char out_labels[LABELS_MAX])
{
    (void)snprintf(out_labels, LABELS_MAX, "tenant=\"%s\"", escaped);
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
    label_of(name, labels);
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

/* The place of a tenant; TENANT_METRICS_PLACES: it has none. */
static size_t place_of(struct tenant_metrics_table *table, uint32_t tenant)
{
    size_t at = (tenant * UINT32_C(2654435769)) % TENANT_METRICS_PLACES;
    for (size_t steps = 0; steps < TENANT_METRICS_PLACES; steps++) {
        struct tenant_metrics *entry =
            atomic_load_explicit(&table->places[at], memory_order_acquire);
        if (entry == NULL) {
            break;
        }
        if (atomic_load_explicit(&entry->tenant, memory_order_acquire) == tenant) {
            return at;
        }
        at = (at + 1) % TENANT_METRICS_PLACES;
    }
    return TENANT_METRICS_PLACES;
}

/* Where one without a place belongs; there are more places than entries. Under the lock. */
static size_t free_place(struct tenant_metrics_table *table, uint32_t tenant)
{
    size_t at = (tenant * UINT32_C(2654435769)) % TENANT_METRICS_PLACES;
    for (;;) {
        struct tenant_metrics *entry = atomic_load(&table->places[at]);
        if (entry == NULL || entry == &table->vacated) {
            return at;
        }
        at = (at + 1) % TENANT_METRICS_PLACES;
    }
}

static struct tenant_metrics *free_entry(struct tenant_metrics_table *table)
{
    size_t at = 1;
    while (atomic_load(&table->entries[at].tenant) != 0) {
        at++;
    }
    CORDON_ASSERT(at <= TENANT_METRICS_MAX);
    return &table->entries[at];
}

/* Gives back those that an entry has: all, some or none. */
static void forget_series(struct metrics *metrics, struct tenant_metrics *entry)
{
    const void *const rest[] = {entry->held,    entry->succeeded, entry->failed,    entry->fuel,
                                entry->user_ns, entry->running,   entry->allocated, entry->bytes};
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        metrics_forget(metrics, entry->runs[kind]);
        entry->runs[kind] = NULL;
    }
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++) {
        metrics_forget(metrics, rest[i]);
    }
    entry->held = NULL;
    entry->succeeded = entry->failed = entry->fuel = entry->user_ns = NULL;
    entry->running = entry->allocated = entry->bytes = NULL;
}

/* Registers the series by a name; false: there was no memory. Under the lock. */
static bool fill(struct tenant_metrics_table *table, const char *name, struct tenant_metrics *entry)
{
    char escaped[2 * TENANT_LABEL_BYTES];
    escape(name, escaped);
    cordon_error *error = register_all(table->metrics, escaped, entry);
    if (error != NULL) {
        forget_series(table->metrics, entry); /* those that were made before */
    }
    cordon_error_free(error);
    return error == NULL;
}

/* Under the lock. */
static struct tenant_metrics *add(struct tenant_metrics_table *table, uint32_t tenant)
{
    char name[TENANT_LABEL_BYTES];
    const size_t known = place_of(table, tenant);
    if (known < TENANT_METRICS_PLACES) {
        return atomic_load(&table->places[known]);
    }
    if (table->count == TENANT_METRICS_MAX) {
        return &table->entries[0];
    }
    struct tenant_metrics *entry = free_entry(table);
    name_of(table, tenant, name);
    if (!fill(table, name, entry)) {
        return &table->entries[0];
    }
    table->count++;
    atomic_store_explicit(&entry->tenant, tenant, memory_order_release);
    atomic_store_explicit(&table->places[free_place(table, tenant)], entry, memory_order_release);
    return entry;
}

cordon_error *tenant_metrics_init(struct tenant_metrics_table *table, struct metrics *metrics)
{
    table->metrics = metrics;
    (void)pthread_mutex_init(&table->lock, NULL);
    TRY(register_all(metrics, TENANT_LABEL_OTHERS, &table->entries[0]));
    return add(table, TENANT_DEFAULT) != &table->entries[0] ? NULL : error_no_memory();
}

void tenant_metrics_done(struct tenant_metrics_table *table)
{
    if (table->metrics != NULL) {
        (void)pthread_mutex_destroy(&table->lock);
    }
}

struct tenant_metrics *tenant_metrics_of(struct tenant_metrics_table *table, uint32_t tenant)
{
    const size_t at = place_of(table, tenant);
    struct tenant_metrics *entry =
        at < TENANT_METRICS_PLACES ? atomic_load_explicit(&table->places[at], memory_order_acquire)
                                   : NULL;
    if (entry != NULL && entry != &table->vacated) {
        return entry;
    }
    (void)pthread_mutex_lock(&table->lock);
    entry = add(table, tenant);
    (void)pthread_mutex_unlock(&table->lock);
    return entry;
}

struct tenant_metrics *tenant_metrics_of_removed(struct tenant_metrics_table *table)
{
    struct tenant_metrics *entry = &table->removed;
    (void)pthread_mutex_lock(&table->lock);
    if (entry->allocated == NULL && !fill(table, TENANT_LABEL_REMOVED, entry)) {
        entry = &table->entries[0];
    }
    (void)pthread_mutex_unlock(&table->lock);
    return entry;
}

/* Behind a place that nobody has is nothing to be found: those before it can be free, too. */
static void vacate(struct tenant_metrics_table *table, size_t at)
{
    atomic_store(&table->places[at], &table->vacated);
    if (atomic_load(&table->places[(at + 1) % TENANT_METRICS_PLACES]) != NULL) {
        return;
    }
    while (atomic_load(&table->places[at]) == &table->vacated) {
        atomic_store(&table->places[at], NULL);
        at = (at + TENANT_METRICS_PLACES - 1) % TENANT_METRICS_PLACES;
    }
}

void tenant_metrics_forget(struct tenant_metrics_table *table, uint32_t tenant)
{
    (void)pthread_mutex_lock(&table->lock);
    const size_t at = place_of(table, tenant);
    if (at < TENANT_METRICS_PLACES) {
        struct tenant_metrics *entry = atomic_load(&table->places[at]);
        vacate(table, at);
        atomic_store(&entry->tenant, 0);
        forget_series(table->metrics, entry);
        table->count--;
    }
    (void)pthread_mutex_unlock(&table->lock);
}

/* -- Bytes ---------------------------------------------------------------------------------- */

/* Of who is not counted nothing is said. Under the lock. */
static cordon_error *register_bytes(
    struct tenant_metrics_table *table, const char *name, struct tenant_metrics *entry)
{
    char escaped[2 * TENANT_LABEL_BYTES];
    char labels[LABELS_MAX];
    escape(name, escaped);
    label_of(escaped, labels);
    return metrics_gauge(
        table->metrics, "tenant_data_bytes", labels,
        "Size of the documents and kept results of a tenant that `tenant_bytes` bounds.",
        &entry->bytes);
}

/* Where there was no memory to register it there is no series. Under the lock. */
static void set_bytes(struct tenant_metrics *entry, uint64_t bytes)
{
    if (entry->bytes != NULL) {
        gauge_set(entry->bytes, bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes);
    }
}

bool tenant_metrics_set_bytes(struct tenant_metrics_table *table, uint32_t tenant, uint64_t bytes)
{
    (void)pthread_mutex_lock(&table->lock);
    struct tenant_metrics *entry = add(table, tenant);
    const bool has_place = entry != &table->entries[0];
    if (has_place && entry->bytes == NULL) {
        char name[TENANT_LABEL_BYTES];
        name_of(table, tenant, name);
        cordon_error_free(register_bytes(table, name, entry));
    }
    if (has_place) {
        set_bytes(entry, bytes);
    }
    (void)pthread_mutex_unlock(&table->lock);
    return has_place;
}

void tenant_metrics_set_others_bytes(struct tenant_metrics_table *table, uint64_t bytes)
{
    struct tenant_metrics *others = &table->entries[0];
    (void)pthread_mutex_lock(&table->lock);
    if (others->bytes == NULL && bytes > 0) {
        cordon_error_free(register_bytes(table, TENANT_LABEL_OTHERS, others));
    }
    set_bytes(others, bytes);
    (void)pthread_mutex_unlock(&table->lock);
}
