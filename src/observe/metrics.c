/*
 * The registry of numbers and its Prometheus text.
 *
 * Families (one name, one help, one type) hold series (one set of labels). Registering is rare and
 * takes a lock; moving a number is one relaxed atomic addition on a cache line of its own, so that
 * two loops counting different things do not slow each other down. A histogram keeps no total: the
 * text adds its buckets up, so that `_count` and the last bucket can never disagree.
 *
 * Names come from our own sources and are asserted. Labels may hold what an operator chose, so
 * their text is checked: a line that a scraper cannot read would lose every number after it.
 */
#include "observe/metrics.h"

#include "base/memory.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum {
    BUCKETS = 30, /* 2^0 to 2^29 µs, or bytes */
    CACHE_LINE_BYTES = 64,
};

struct counter {
    _Atomic uint64_t value;
};

struct gauge {
    _Atomic int64_t value;
};

struct histogram {
    _Atomic uint64_t buckets[BUCKETS + 1]; /* the last one: longer than all the others */
    _Atomic uint64_t sum;                  /* ns, or bytes */
};

enum metric_type {
    METRIC_COUNTER,
    METRIC_COUNTER_SECONDS,
    METRIC_GAUGE,
    METRIC_UNTYPED,
    METRIC_HISTOGRAM_SECONDS,
    METRIC_HISTOGRAM_SECONDS_SPARSE,
    METRIC_HISTOGRAM_BYTES,
};

struct series {
    struct series *next;
    char *labels;  /* without braces; empty for none */
    size_t owners; /* who have registered it, and not given it back */
    uint8_t before[CACHE_LINE_BYTES];
    union {
        struct counter counter;
        struct gauge gauge;
        struct histogram histogram;
    } number;
    uint8_t behind[CACHE_LINE_BYTES];
};

struct family {
    struct family *next;
    char *name;
    char *help;
    enum metric_type type;
    struct series *series;
};

struct metrics {
    pthread_mutex_t lock; /* guards the lists, not the numbers */
    struct family *families;
};

/* -- Life ----------------------------------------------------------------------------------- */

cordon_error *metrics_new(struct metrics **out_metrics)
{
    struct metrics *metrics = MEM_NEW(struct metrics);
    if (metrics == NULL) {
        return error_no_memory();
    }
    (void)pthread_mutex_init(&metrics->lock, NULL);
    *out_metrics = metrics;
    return NULL;
}

static void free_family(struct family *family)
{
    if (family == NULL) {
        return;
    }
    while (family->series != NULL) {
        struct series *series = family->series;
        family->series = series->next;
        mem_free(series->labels);
        mem_free(series);
    }
    mem_free(family->name);
    mem_free(family->help);
    mem_free(family);
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    while (metrics->families != NULL) {
        struct family *family = metrics->families;
        metrics->families = family->next;
        free_family(family);
    }
    (void)pthread_mutex_destroy(&metrics->lock);
    mem_free(metrics);
}

/* -- Registering ---------------------------------------------------------------------------- */

static bool is_name_byte(uint8_t byte, bool first)
{
    const bool letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
    return letter || byte == '_' || (!first && byte >= '0' && byte <= '9');
}

/* The size of the name that `text` begins with; 0 if there is none. */
static size_t name_size(struct slice text)
{
    size_t size = 0;
    while (size < text.size && is_name_byte(text.data[size], size == 0)) {
        size++;
    }
    return size;
}

/* The size of the quoted value that `text` begins with; 0 if it is not one. */
static size_t quoted_size(struct slice text)
{
    if (text.size == 0 || text.data[0] != '"') {
        return 0;
    }
    for (size_t i = 1; i < text.size; i++) {
        const uint8_t byte = text.data[i];
        if (byte == '"') {
            return i + 1;
        }
        if (byte == '\n') {
            return 0;
        }
        if (byte == '\\') {
            i++;
            if (i == text.size || memchr("\\\"n", text.data[i], 3) == NULL) {
                return 0;
            }
        }
    }
    return 0;
}

static bool labels_valid(struct slice labels)
{
    while (labels.size > 0) {
        const size_t name = name_size(labels);
        if (name == 0 || name == labels.size || labels.data[name] != '=') {
            return false;
        }
        labels = slice_from(labels, name + 1);
        const size_t quoted = quoted_size(labels);
        if (quoted == 0) {
            return false;
        }
        labels = slice_from(labels, quoted);
        if (labels.size == 0) {
            return true;
        }
        if (labels.size == 1 || labels.data[0] != ',') {
            return false;
        }
        labels = slice_from(labels, 1);
    }
    return true;
}

static cordon_error *new_family(
    const char *name, const char *help, enum metric_type type, struct family **out_family)
{
    struct family *family = MEM_NEW(struct family);
    if (family == NULL) {
        return error_no_memory();
    }
    family->type = type;
    family->name = mem_copy_string(slice_str(name));
    family->help = mem_copy_string(slice_str(help));
    if (family->name == NULL || family->help == NULL) {
        free_family(family);
        return error_no_memory();
    }
    *out_family = family;
    return NULL;
}

/* The family of that name, made at the end of the list if there is none; NULL without memory. */
static cordon_error *find_family(
    struct metrics *metrics,
    const char *name,
    const char *help,
    enum metric_type type,
    struct family **out_family)
{
    struct family **at = &metrics->families;
    while (*at != NULL && strcmp((*at)->name, name) != 0) {
        at = &(*at)->next;
    }
    if (*at == NULL) {
        TRY(new_family(name, help, type, at));
    }
    *out_family = *at;
    return NULL;
}

static cordon_error *find_series(
    struct family *family, const char *labels, struct series **out_series)
{
    struct series **at = &family->series;
    while (*at != NULL && strcmp((*at)->labels, labels) != 0) {
        at = &(*at)->next;
    }
    if (*at == NULL) {
        struct series *series = MEM_NEW(struct series);
        char *copy = mem_copy_string(slice_str(labels));
        if (series == NULL || copy == NULL) {
            mem_free(series);
            mem_free(copy);
            return error_no_memory();
        }
        series->labels = copy;
        *at = series;
    }
    *out_series = *at;
    return NULL;
}

static cordon_error *register_series(
    struct metrics *metrics,
    const char *name,
    const char *labels,
    const char *help,
    enum metric_type type,
    struct series **out_series)
{
    CORDON_ASSERT(name_size(slice_str(name)) == strlen(name) && name[0] != '\0');
    if (labels == NULL) {
        labels = "";
    }
    if (!labels_valid(slice_str(labels))) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "labels of the metric '%s' must be name=\"value\" pairs, joined by commas", name);
    }
    (void)pthread_mutex_lock(&metrics->lock);
    struct family *family = NULL;
    cordon_error *error = find_family(metrics, name, help, type, &family);
    if (error == NULL && family->type != type) {
        error = cordon_error_new(
            CORDON_E_INVALID, "the metric '%s' must be registered with one type", name);
    }
    if (error == NULL) {
        error = find_series(family, labels, out_series);
    }
    if (error == NULL) {
        (*out_series)->owners++;
    }
    (void)pthread_mutex_unlock(&metrics->lock);
    return error;
}

cordon_error *metrics_counter(
    struct metrics *metrics,
    const char *name,
    const char *labels,
    const char *help,
    struct counter **out_counter)
{
    struct series *series = NULL;
    TRY(register_series(metrics, name, labels, help, METRIC_COUNTER, &series));
    *out_counter = &series->number.counter;
    return NULL;
}

cordon_error *metrics_counter_seconds(
    struct metrics *metrics,
    const char *name,
    const char *labels,
    const char *help,
    struct counter **out_counter)
{
    struct series *series = NULL;
    TRY(register_series(metrics, name, labels, help, METRIC_COUNTER_SECONDS, &series));
    *out_counter = &series->number.counter;
    return NULL;
}

cordon_error *metrics_gauge(
    struct metrics *metrics,
    const char *name,
    const char *labels,
    const char *help,
    struct gauge **out_gauge)
{
    struct series *series = NULL;
    TRY(register_series(metrics, name, labels, help, METRIC_GAUGE, &series));
    *out_gauge = &series->number.gauge;
    return NULL;
}

cordon_error *metrics_untyped(
    struct metrics *metrics,
    const char *name,
    const char *labels,
    const char *help,
    struct gauge **out_gauge)
{
    struct series *series = NULL;
    TRY(register_series(metrics, name, labels, help, METRIC_UNTYPED, &series));
    *out_gauge = &series->number.gauge;
    return NULL;
}

cordon_error *metrics_histogram_seconds(
    struct metrics *metrics,
    const char *name,
    const char *labels,
    const char *help,
    struct histogram **out_histogram)
{
    struct series *series = NULL;
    TRY(register_series(metrics, name, labels, help, METRIC_HISTOGRAM_SECONDS, &series));
    *out_histogram = &series->number.histogram;
    return NULL;
}

cordon_error *metrics_histogram_seconds_sparse(
    struct metrics *metrics,
    const char *name,
    const char *labels,
    const char *help,
    struct histogram **out_histogram)
{
    struct series *series = NULL;
    TRY(register_series(metrics, name, labels, help, METRIC_HISTOGRAM_SECONDS_SPARSE, &series));
    *out_histogram = &series->number.histogram;
    return NULL;
}

cordon_error *metrics_histogram_bytes(
    struct metrics *metrics,
    const char *name,
    const char *labels,
    const char *help,
    struct histogram **out_histogram)
{
    struct series *series = NULL;
    TRY(register_series(metrics, name, labels, help, METRIC_HISTOGRAM_BYTES, &series));
    *out_histogram = &series->number.histogram;
    return NULL;
}

/* The place that leads to the series of a number; NULL: there is none in this family. */
static struct series **find_number(struct family *family, const void *number)
{
    struct series **at = &family->series;
    while (*at != NULL && (const void *)&(*at)->number != number) {
        at = &(*at)->next;
    }
    return *at == NULL ? NULL : at;
}

void metrics_forget(struct metrics *metrics, const void *number)
{
    struct series **found = NULL;
    (void)pthread_mutex_lock(&metrics->lock);
    for (struct family *family = metrics->families; family != NULL && found == NULL;
         family = family->next) {
        found = find_number(family, number);
    }
    if (found != NULL && --(*found)->owners == 0) {
        struct series *series = *found;
        *found = series->next;
        mem_free(series->labels);
        mem_free(series);
    }
    (void)pthread_mutex_unlock(&metrics->lock);
}

/* -- Moving --------------------------------------------------------------------------------- */

void counter_add(struct counter *counter, uint64_t amount)
{
    (void)atomic_fetch_add_explicit(&counter->value, amount, memory_order_relaxed);
}

uint64_t counter_get(const struct counter *counter)
{
    return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

void gauge_set(struct gauge *gauge, int64_t value)
{
    atomic_store_explicit(&gauge->value, value, memory_order_relaxed);
}

void gauge_add(struct gauge *gauge, int64_t amount)
{
    (void)atomic_fetch_add_explicit(&gauge->value, amount, memory_order_relaxed);
}

int64_t gauge_get(const struct gauge *gauge)
{
    return atomic_load_explicit(&gauge->value, memory_order_relaxed);
}

/* The first bucket whose bound, 2^index, is not below the value. */
static size_t bucket_of(uint64_t value)
{
    if (value <= 1) {
        return 0;
    }
    const size_t bits = 64 - (size_t)__builtin_clzll(value - 1);
    return bits < BUCKETS ? bits : BUCKETS;
}

static void observe(struct histogram *histogram, uint64_t value, uint64_t sum, uint64_t count)
{
    (void)atomic_fetch_add_explicit(
        &histogram->buckets[bucket_of(value)], count, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&histogram->sum, sum, memory_order_relaxed);
}

void histogram_observe_many_ns(struct histogram *histogram, uint64_t ns, uint64_t count)
{
    observe(histogram, ns / 1000 + (ns % 1000 != 0), ns * count, count);
}

void histogram_observe_ns(struct histogram *histogram, uint64_t ns)
{
    histogram_observe_many_ns(histogram, ns, 1);
}

void histogram_observe_bytes(struct histogram *histogram, uint64_t bytes)
{
    observe(histogram, bytes, bytes, 1);
}

/* -- Text ----------------------------------------------------------------------------------- */

/* Help goes to the end of its line: only line breaks and the escape itself are escaped. */
static cordon_error *write_help(const struct family *family, struct buffer *out)
{
    TRY(buffer_printf(out, "# HELP %s ", family->name));
    for (const char *at = family->help; *at != '\0'; at++) {
        if (*at == '\n') {
            TRY(buffer_append(out, SLICE("\\n")));
        } else if (*at == '\\') {
            TRY(buffer_append(out, SLICE("\\\\")));
        } else {
            TRY(buffer_append_byte(out, (uint8_t)*at));
        }
    }
    return buffer_append_byte(out, '\n');
}

static cordon_error *write_number(
    const char *name, const char *labels, struct buffer *out, const char *number)
{
    if (labels[0] == '\0') {
        return buffer_printf(out, "%s %s\n", name, number);
    }
    return buffer_printf(out, "%s{%s} %s\n", name, labels, number);
}

/* What counts in a unit of so many parts: `.000001` of 1000000, nothing of 1. */
static cordon_error *write_parts(struct buffer *out, uint64_t value, uint64_t parts, int digits)
{
    return parts == 1
               ? buffer_printf(out, "%" PRIu64, value)
               : buffer_printf(out, "%" PRIu64 ".%0*" PRIu64, value / parts, digits, value % parts);
}

static uint64_t count_all(const struct histogram *histogram)
{
    uint64_t count = 0;
    for (size_t i = 0; i <= BUCKETS; i++) {
        count += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
    }
    return count;
}

static cordon_error *write_histogram(
    const char *name, const struct series *series, bool is_bytes, struct buffer *out)
{
    const struct histogram *histogram = &series->number.histogram;
    const char *comma = series->labels[0] == '\0' ? "" : ",";
    uint64_t count = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        count += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
        TRY(buffer_printf(out, "%s_bucket{%s%sle=\"", name, series->labels, comma));
        TRY(write_parts(out, (uint64_t)1 << i, is_bytes ? 1 : 1000000, 6));
        TRY(buffer_printf(out, "\"} %" PRIu64 "\n", count));
    }
    count += atomic_load_explicit(&histogram->buckets[BUCKETS], memory_order_relaxed);
    TRY(buffer_printf(
        out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, series->labels, comma, count));
    const uint64_t sum = atomic_load_explicit(&histogram->sum, memory_order_relaxed);
    const char *open = series->labels[0] == '\0' ? "" : "{";
    const char *close = series->labels[0] == '\0' ? "" : "}";
    TRY(buffer_printf(out, "%s_sum%s%s%s ", name, open, series->labels, close));
    TRY(write_parts(out, sum, is_bytes ? 1 : 1000000000, 9));
    return buffer_printf(
        out, "\n%s_count%s%s%s %" PRIu64 "\n", name, open, series->labels, close, count);
}

static cordon_error *write_series(
    const struct family *family, const struct series *series, struct buffer *out)
{
    char number[48];
    uint64_t ns = 0;
    switch (family->type) {
    case METRIC_COUNTER:
        (void)snprintf(number, sizeof number, "%" PRIu64, counter_get(&series->number.counter));
        return write_number(family->name, series->labels, out, number);
    case METRIC_COUNTER_SECONDS:
        ns = counter_get(&series->number.counter);
        (void)snprintf(
            number, sizeof number, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);
        return write_number(family->name, series->labels, out, number);
    case METRIC_GAUGE:
    case METRIC_UNTYPED:
        (void)snprintf(number, sizeof number, "%" PRId64, gauge_get(&series->number.gauge));
        return write_number(family->name, series->labels, out, number);
    case METRIC_HISTOGRAM_SECONDS_SPARSE:
        if (count_all(&series->number.histogram) == 0) {
            return NULL;
        }
        return write_histogram(family->name, series, false, out);
    case METRIC_HISTOGRAM_SECONDS:
        return write_histogram(family->name, series, false, out);
    case METRIC_HISTOGRAM_BYTES:
        return write_histogram(family->name, series, true, out);
    }
    return NULL;
}

static cordon_error *write_family(const struct family *family, struct buffer *out)
{
    static const char *const types[] = {
        [METRIC_COUNTER] = "counter",
        [METRIC_COUNTER_SECONDS] = "counter",
        [METRIC_GAUGE] = "gauge",
        [METRIC_UNTYPED] = "untyped",
        [METRIC_HISTOGRAM_SECONDS] = "histogram",
        [METRIC_HISTOGRAM_SECONDS_SPARSE] = "histogram",
        [METRIC_HISTOGRAM_BYTES] = "histogram",
    };
    TRY(write_help(family, out));
    TRY(buffer_printf(out, "# TYPE %s %s\n", family->name, types[family->type]));
    for (const struct series *series = family->series; series != NULL; series = series->next) {
        TRY(write_series(family, series, out));
    }
    return NULL;
}

cordon_error *metrics_write(struct metrics *metrics, struct buffer *out)
{
    (void)pthread_mutex_lock(&metrics->lock);
    cordon_error *error = NULL;
    for (const struct family *family = metrics->families; family != NULL && error == NULL;
         family = family->next) {
        error = write_family(family, out);
    }
    (void)pthread_mutex_unlock(&metrics->lock);
    return error;
}
