/* Registering and counting; see run_metrics.h. */
#include "run/run_metrics.h"

#include "run/warnings.h"

#include <stdio.h>

#define LABELS_MAX 64

static cordon_error *register_by_status(
    struct metrics *metrics,
    const char *name,
    const char *help,
    struct histogram *(*out_histograms)[RUN_STATUSES])
{
    static const char *const statuses[RUN_STATUSES] = {
        [RUN_STATUS_SUCCESS] = "success",
        [RUN_STATUS_DEVELOPER_ERROR] = "developer_error",
        [RUN_STATUS_ERROR] = "error",
        [RUN_STATUS_CANCELED] = "canceled",
    };
    char labels[LABELS_MAX];
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        for (int status = 0; status < RUN_STATUSES; status++) {
            (void)snprintf(
                labels, sizeof labels, "udf_type=\"%s\",status=\"%s\"",
                cordon_kind_name((cordon_kind)kind), statuses[status]);
            TRY(metrics_histogram_seconds(
                metrics, name, labels, help, &out_histograms[kind][status]));
        }
    }
    return NULL;
}

static cordon_error *register_by_kind(struct run_metrics *run_metrics, struct metrics *metrics)
{
    TRY(register_by_status(
        metrics, "application_function_runner_total_seconds",
        "Time from request to outcome, waiting for a turn included.", run_metrics->total));
    TRY(register_by_status(
        metrics, "udf_execute_seconds",
        "Time of a run itself: the function's and the host's work for it.", run_metrics->execute));
    char labels[LABELS_MAX];
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        (void)snprintf(
            labels, sizeof labels, "udf_type=\"%s\"", cordon_kind_name((cordon_kind)kind));
        TRY(metrics_histogram_seconds(
            metrics, "user_function_execution_seconds", labels, "Time of the function alone.",
            &run_metrics->user[kind]));
        TRY(metrics_histogram_seconds(
            metrics, "udf_queue_seconds", labels,
            "Time waited for turns, in all, of runs that had to wait.",
            &run_metrics->queued[kind]));
        TRY(metrics_counter(
            metrics, "udf_fuel_total", labels, "Fuel used.", &run_metrics->fuel[kind]));
    }
    return NULL;
}

static cordon_error *register_warnings(struct run_metrics *run_metrics, struct metrics *metrics)
{
    char labels[LABELS_MAX];
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        const cordon_limit limit = (cordon_limit)i;
        if (warnings_cover(limit)) {
            (void)snprintf(
                labels, sizeof labels, "limit=\"%s\"", cordon_limit_get_info(limit)->name);
            TRY(metrics_counter(
                metrics, "function_limit_warning_total", labels,
                "Runs that came near a limit and were told so.", &run_metrics->warnings[i]));
        }
    }
    return NULL;
}

cordon_error *run_metrics_init(struct run_metrics *run_metrics, struct metrics *metrics)
{
    TRY(register_by_kind(run_metrics, metrics));
    TRY(register_warnings(run_metrics, metrics));
    const struct {
        const char *name;
        const char *help;
        struct counter **counter;
    } counters[] = {
        {"udf_user_timeout_total", "Runs ended by user_time_ms.", &run_metrics->user_timeouts},
        {"udf_system_timeout_total", "Runs ended by system_time_ms.",
         &run_metrics->system_timeouts},
        {"isolate_out_of_memory_total", "Runs ended by memory_bytes.", &run_metrics->out_of_memory},
        {"udf_out_of_fuel_total", "Runs ended by fuel.", &run_metrics->out_of_fuel},
        {"isolate_request_canceled_total", "Runs whose caller went away.", &run_metrics->cancelled},
        {"udf_rejected_before_execution_total", "Calls turned away before anything ran.",
         &run_metrics->rejected},
        {"udf_conflict_total", "Attempts that lost against another commit.",
         &run_metrics->conflicts},
    };
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
        TRY(metrics_counter(
            metrics, counters[i].name, NULL, counters[i].help, counters[i].counter));
    }
    const struct {
        const char *name;
        const char *help;
        struct gauge **gauge;
    } gauges[] = {
        {"concurrency_permits_used_info", "Runs executing guest code.", &run_metrics->permits_used},
        {"concurrency_permits_waiting_info", "Runs waiting for a permit.",
         &run_metrics->permits_waiting},
        {"run_slots_used_info", "Runs alive, waiting ones included.", &run_metrics->slots_used},
        {"run_memory_used_bytes", "Memory of all runs, guests' and host's for them.",
         &run_metrics->memory_used},
    };
    for (size_t i = 0; i < sizeof gauges / sizeof gauges[0]; i++) {
        TRY(metrics_gauge(metrics, gauges[i].name, NULL, gauges[i].help, gauges[i].gauge));
    }
    return NULL;
}

static enum run_status status_of(const struct outcome *outcome)
{
    switch (outcome->code) {
    case CORDON_OUTCOME_SUCCESS:
        return RUN_STATUS_SUCCESS;
    case CORDON_OUTCOME_FAILED:
    case CORDON_OUTCOME_TRAPPED:
    case CORDON_OUTCOME_CAPABILITY_DENIED:
    case CORDON_OUTCOME_INVALID_HOST_CALL:
    case CORDON_OUTCOME_INVALID_ARGUMENTS:
    case CORDON_OUTCOME_INVALID_RETURN:
    case CORDON_OUTCOME_FUNCTION_NOT_FOUND:
    case CORDON_OUTCOME_LIMIT:
    case CORDON_OUTCOME_MODULE_REFUSED:
        return RUN_STATUS_DEVELOPER_ERROR;
    case CORDON_OUTCOME_CANCELLED:
        return RUN_STATUS_CANCELED;
    case CORDON_OUTCOME_CONFLICT:
    case CORDON_OUTCOME_OVERLOADED:
    case CORDON_OUTCOME_DISK_FULL:
    case CORDON_OUTCOME_INTERNAL:
        return RUN_STATUS_ERROR;
    }
    return RUN_STATUS_ERROR;
}

static void count_limit(struct run_metrics *run_metrics, cordon_limit limit)
{
    if (limit == CORDON_LIMIT_USER_TIME_MS) {
        counter_add(run_metrics->user_timeouts, 1);
    } else if (limit == CORDON_LIMIT_SYSTEM_TIME_MS) {
        counter_add(run_metrics->system_timeouts, 1);
    } else if (limit == CORDON_LIMIT_MEMORY_BYTES) {
        counter_add(run_metrics->out_of_memory, 1);
    } else if (limit == CORDON_LIMIT_FUEL) {
        counter_add(run_metrics->out_of_fuel, 1);
    }
}

void run_metrics_count(struct run_metrics *run_metrics, const struct outcome *outcome)
{
    const cordon_kind kind = outcome->kind;
    const enum run_status status = status_of(outcome);
    const uint64_t executed_ns = outcome->user_time_ns + outcome->system_time_ns;
    histogram_observe_ns(run_metrics->total[kind][status], outcome->wall_time_ns);
    if (executed_ns > 0) { /* else it was turned away, or there was nothing to run */
        histogram_observe_ns(run_metrics->execute[kind][status], executed_ns);
        histogram_observe_ns(run_metrics->user[kind], outcome->user_time_ns);
    }
    if (outcome->queued_time_ns > 0) {
        histogram_observe_ns(run_metrics->queued[kind], outcome->queued_time_ns);
    }
    for (int i = 0; i < CORDON_LIMIT_COUNT && outcome->warning_count > 0; i++) {
        if (outcome->warned[i]) {
            counter_add(run_metrics->warnings[i], 1);
        }
    }
    counter_add(run_metrics->fuel[kind], outcome->used[CORDON_LIMIT_FUEL]);
    if (outcome->code == CORDON_OUTCOME_CANCELLED) {
        counter_add(run_metrics->cancelled, 1);
    } else if (outcome->code == CORDON_OUTCOME_OVERLOADED && executed_ns == 0) {
        counter_add(run_metrics->rejected, 1);
    } else if (outcome->code == CORDON_OUTCOME_LIMIT) {
        count_limit(run_metrics, outcome->limit);
    }
}
