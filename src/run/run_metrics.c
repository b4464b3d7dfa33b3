/* Registering and counting; see run_metrics.h. */
#include "run/run_metrics.h"

#include "run/warnings.h"

#include <stdio.h>

#define LABELS_MAX 128

/* -- Registering ---------------------------------------------------------------------------- */

static const char *const status_names[RUN_STATUSES] = {
    [RUN_STATUS_SUCCESS] = "success",
    [RUN_STATUS_DEVELOPER_ERROR] = "developer_error",
    [RUN_STATUS_ERROR] = "error",
    [RUN_STATUS_CANCELED] = "canceled",
};

static const char *kind_name(int kind)
{
    return cordon_kind_name((cordon_kind)kind);
}

/* `more` is a label that all of them have, with its comma, or nothing. */
static cordon_error *register_by_status(
    struct metrics *metrics,
    const char *name,
    const char *more,
    const char *help,
    struct histogram *(*out_histograms)[RUN_STATUSES])
{
    char labels[LABELS_MAX];
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        for (int status = 0; status < RUN_STATUSES; status++) {
            (void)snprintf(
                labels, sizeof labels, "udf_type=\"%s\",%sstatus=\"%s\"", kind_name(kind), more,
                status_names[status]);
            TRY(metrics_histogram_seconds(
                metrics, name, labels, help, &out_histograms[kind][status]));
        }
    }
    return NULL;
}

static cordon_error *register_with_status(struct run_metrics *run_metrics, struct metrics *metrics)
{
    const struct {
        const char *name;
        const char *more;
        const char *help;
        struct histogram *(*histograms)[RUN_STATUSES];
    } rows[] = {
        {"application_function_runner_total_seconds", "env_type=\"isolate\",",
         "Time from request to outcome, waiting for a turn included.", run_metrics->total},
        {"udf_execute_seconds", "",
         "Time of a run itself: the function's and the host's work for it.", run_metrics->execute},
        {"udf_service_request_seconds", "",
         "Time of one attempt, from asking for a turn to the guest's end.", run_metrics->service},
        {"udf_isolate_load_user_modules_seconds", "is_dynamic=\"false\",",
         "Time from making an instance to the function's first instruction.", run_metrics->load},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        TRY(register_by_status(
            metrics, rows[i].name, rows[i].more, rows[i].help, rows[i].histograms));
    }
    char labels[LABELS_MAX];
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        for (int status = 0; status < RUN_STATUSES; status++) {
            (void)snprintf(
                labels, sizeof labels, "udf_type=\"%s\",result=\"%s\"", kind_name(kind),
                status_names[status]);
            TRY(metrics_counter(
                metrics, "udf_executor_result_total", labels, "Runs that are over.",
                &run_metrics->results[kind][status]));
        }
    }
    return NULL;
}

static cordon_error *register_kind(
    struct run_metrics *run_metrics, struct metrics *metrics, int kind)
{
    char plain[LABELS_MAX];
    char isolate[LABELS_MAX];
    (void)snprintf(plain, sizeof plain, "udf_type=\"%s\"", kind_name(kind));
    (void)snprintf(
        isolate, sizeof isolate, "udf_type=\"%s\",env_type=\"isolate\"", kind_name(kind));
    TRY(metrics_histogram_seconds(
        metrics, "user_function_execution_seconds", plain, "Time of the function alone.",
        &run_metrics->user[kind]));
    TRY(metrics_histogram_seconds(
        metrics, "udf_queue_seconds", plain,
        "Time waited for turns, in all, of runs that had to wait.", &run_metrics->queued[kind]));
    TRY(metrics_histogram_seconds(
        metrics, "application_function_runner_wait_seconds", isolate,
        "Time waited for the first turn.", &run_metrics->waited[kind]));
    TRY(metrics_histogram_seconds(
        metrics, "application_function_runner_run_seconds", isolate,
        "Time from the first turn to the outcome.", &run_metrics->ran[kind]));
    TRY(metrics_counter(
        metrics, "application_function_runner_wait_timeout_total", isolate,
        "Calls turned away after they waited for a first turn as long as they may.",
        &run_metrics->wait_timeouts[kind]));
    return metrics_counter(
        metrics, "udf_fuel_total", plain, "Fuel used.", &run_metrics->fuel[kind]);
}

static cordon_error *register_calls(
    struct run_metrics *run_metrics, struct metrics *metrics, int outer)
{
    static const char *const answers[] = {"false", "true"};
    enum { ALL = KIND_COUNT * 2 * 2 };
    char labels[2 * LABELS_MAX];
    for (int i = 0; i < ALL; i++) {
        const int inner = i / 4;
        const int outer_observed = i / 2 % 2;
        const int inner_observed = i % 2;
        (void)snprintf(
            labels, sizeof labels,
            "outer_type=\"%s\",inner_type=\"%s\",outer_observed_identity=\"%s\","
            "inner_observed_identity=\"%s\"",
            kind_name(outer), kind_name(inner), answers[outer_observed], answers[inner_observed]);
        TRY(metrics_counter(
            metrics, "run_udf_total", labels, "Calls of functions by functions, that are over.",
            &run_metrics->calls[outer][inner][outer_observed][inner_observed]));
    }
    return NULL;
}

static cordon_error *register_by_kind(struct run_metrics *run_metrics, struct metrics *metrics)
{
    static const char *const states[RUN_OUTSTANDING_STATES] = {
        [RUN_IS_WAITING] = "waiting", [RUN_IS_RUNNING] = "running"};
    char labels[LABELS_MAX];
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        TRY(register_kind(run_metrics, metrics, kind));
    }
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        for (int state = 0; state < RUN_OUTSTANDING_STATES; state++) {
            (void)snprintf(
                labels, sizeof labels, "udf_type=\"%s\",state=\"%s\",env_type=\"isolate\"",
                kind_name(kind), states[state]);
            TRY(metrics_untyped(
                metrics, "application_function_runner_outstanding_total", labels,
                "Runs that wait for their first turn, or had it and are not over.",
                &run_metrics->outstanding[kind][state]));
        }
    }
    for (int outer = 0; outer < KIND_COUNT; outer++) {
        TRY(register_calls(run_metrics, metrics, outer));
    }
    return NULL;
}

static cordon_error *register_limits(struct run_metrics *run_metrics, struct metrics *metrics)
{
    char labels[LABELS_MAX];
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        const cordon_limit limit = (cordon_limit)i;
        (void)snprintf(labels, sizeof labels, "limit=\"%s\"", cordon_limit_get_info(limit)->name);
        if (warnings_cover(limit)) {
            TRY(metrics_counter(
                metrics, "function_limit_warning_total", labels,
                "Runs that came near a limit and were told so.", &run_metrics->warnings[i]));
        }
    }
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        (void)snprintf(
            labels, sizeof labels, "limit=\"%s\"", cordon_limit_get_info((cordon_limit)i)->name);
        TRY(metrics_counter(
            metrics, "udf_limit_total", labels, "Runs that a limit ended.",
            &run_metrics->limits[i]));
    }
    return NULL;
}

static cordon_error *register_rejections(struct run_metrics *run_metrics, struct metrics *metrics)
{
    static const char *const reasons[RUN_REJECTIONS] = {
        [RUN_REJECTED_NO_SLOT] = "no_slot",     [RUN_REJECTED_QUEUE_FULL] = "queue_full",
        [RUN_REJECTED_NO_TURN] = "no_turn",     [RUN_REJECTED_EXPIRED] = "expired",
        [RUN_REJECTED_NO_MEMORY] = "no_memory",
    };
    char labels[LABELS_MAX];
    for (int i = 0; i < RUN_REJECTIONS; i++) {
        if (reasons[i] != NULL) {
            (void)snprintf(labels, sizeof labels, "reason=\"%s\"", reasons[i]);
            TRY(metrics_counter(
                metrics, "udf_rejected_before_execution_total", labels,
                "Calls turned away before anything ran.", &run_metrics->rejected[i]));
        }
    }
    return NULL;
}

static cordon_error *register_histograms(struct run_metrics *run_metrics, struct metrics *metrics)
{
    const struct {
        const char *name;
        const char *labels;
        const char *help;
        struct histogram **histogram;
    } seconds[] = {
        {"application_mutation_seconds", NULL,
         "Time of a mutation from request to outcome, with all its attempts.",
         &run_metrics->mutations},
        {"function_runner_begin_tx_seconds", NULL, "Time to begin a transaction.",
         &run_metrics->begin_txn},
        {"concurrency_permit_acquire_seconds", NULL,
         "Time from asking for a permit to having it, each time.", &run_metrics->acquire},
        {"create_isolate_seconds", NULL, "Time to make the store that an instance lives in.",
         &run_metrics->create},
        {"udf_isolate_build_seconds", NULL,
         "Time to make an instance: its store, its memories, its start section.",
         &run_metrics->build},
        {"udf_isolate_instantiate_module_seconds", NULL,
         "Time to instantiate a module in its store, with its start section.",
         &run_metrics->instantiate},
        {"udf_isolate_evaluate_module_seconds", NULL,
         "Time of `_initialize`, of modules that have it.", &run_metrics->initialize},
        {"destroy_isolate_seconds", NULL, "Time to end an instance and wipe what it leaves.",
         &run_metrics->destroy},
        {"udf_isolate_lookup_source_seconds", NULL, "Time to read a module's bytes from the store.",
         &run_metrics->lookup},
        {"udf_isolate_compile_module_seconds", "cached=\"false\"",
         "Time to come to a module's machine code.", &run_metrics->compile[0]},
        {"udf_isolate_compile_module_seconds", "cached=\"true\"",
         "Time to come to a module's machine code.", &run_metrics->compile[1]},
    };
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        TRY(metrics_histogram_seconds(
            metrics, seconds[i].name, seconds[i].labels, seconds[i].help, seconds[i].histogram));
    }
    TRY(metrics_histogram_bytes(
        metrics, "udf_isolate_arguments_bytes", NULL, "Size of the arguments, as JSON.",
        &run_metrics->args_bytes));
    TRY(metrics_histogram_bytes(
        metrics, "udf_isolate_result_bytes", NULL, "Size of results, as JSON.",
        &run_metrics->result_bytes));
    return metrics_histogram_bytes(
        metrics, "udf_memory_bytes", NULL, "Greatest size of a run's linear memory.",
        &run_metrics->memory_bytes);
}

static cordon_error *register_counters(struct run_metrics *run_metrics, struct metrics *metrics)
{
    const struct {
        const char *name;
        const char *help;
        struct counter **counter;
    } rows[] = {
        {"udf_user_timeout_total", "Runs ended by user_time_ms.", &run_metrics->user_timeouts},
        {"udf_system_timeout_total", "Runs ended by system_time_ms.",
         &run_metrics->system_timeouts},
        {"isolate_out_of_memory_total", "Runs ended by memory_bytes.", &run_metrics->out_of_memory},
        {"udf_out_of_fuel_total", "Runs ended by fuel.", &run_metrics->out_of_fuel},
        {"isolate_request_canceled_total", "Runs whose caller went away.", &run_metrics->cancelled},
        {"udf_execute_full_total", "Calls turned away as too many waited for a turn.",
         &run_metrics->queue_full},
        {"udf_source_map_failure_total",
         "Stacks of failed runs whose debug information gave nothing, or was not looked at.",
         &run_metrics->untraced},
        {"udf_conflict_total", "Attempts that lost against another commit.",
         &run_metrics->conflicts},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        TRY(metrics_counter(metrics, rows[i].name, NULL, rows[i].help, rows[i].counter));
    }
    return NULL;
}

/* What there is now: all but the pool's size and what is deployed is back at rest without runs. */
static cordon_error *register_gauges(struct run_metrics *run_metrics, struct metrics *metrics)
{
    const struct {
        const char *name;
        const char *labels;
        const char *help;
        struct gauge **gauge;
    } rows[] = {
        {"concurrency_permits_used_info", NULL, "Runs executing guest code.",
         &run_metrics->permits_used},
        {"concurrency_permits_waiting_info", NULL, "Runs waiting for a permit.",
         &run_metrics->permits_waiting},
        {"run_slots_used_info", NULL, "Runs alive, waiting ones included.",
         &run_metrics->slots_used},
        {"run_nests_used_info", NULL, "Runs with instances for calls inside their transactions.",
         &run_metrics->nests_used},
        {"run_memory_used_bytes", NULL, "Memory of all runs, guests' and host's for them.",
         &run_metrics->memory_used},
        {"isolate_pool_max_info", "pool_name=\"udf\"", "Instances that there may be at one time.",
         &run_metrics->pool_max},
        {"audit_unsigned_time_seconds", NULL,
         "No record of an audit log, of any tenant, has waited longer for its signature.",
         &run_metrics->audit_unsigned_s},
        {"store_pinned_time_seconds", NULL,
         "For how long another process, such as a backup, has kept freed pages of the data file "
         "from use.",
         &run_metrics->pinned_s},
        {"engine_calls_info", NULL, "Stores of the engine alive.", &run_metrics->engine_calls},
        {"engine_instances_info", NULL, "Instances that hold a place of the pool.",
         &run_metrics->engine_instances},
        {"engine_modules_info", NULL,
         "Modules loaded, with those that runs still use and the one for probes.",
         &run_metrics->engine_modules},
        {"engine_memories_info", NULL, "Linear memories in use, as the pool counts them.",
         &run_metrics->engine_memories},
        {"engine_stacks_info", NULL, "Stacks of fibers in use, as the pool counts them.",
         &run_metrics->engine_stacks},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        TRY(metrics_gauge(metrics, rows[i].name, rows[i].labels, rows[i].help, rows[i].gauge));
    }
    TRY(metrics_untyped(
        metrics, "module_cache_source_size_bytes_total", NULL,
        "Size of the modules that are deployed.", &run_metrics->source_bytes));
    return metrics_untyped(
        metrics, "code_cache_size_bytes_total", NULL,
        "Size of the machine code of the modules that are deployed.", &run_metrics->code_bytes);
}

cordon_error *run_metrics_init(struct run_metrics *run_metrics, struct metrics *metrics)
{
    TRY(register_with_status(run_metrics, metrics));
    TRY(register_by_kind(run_metrics, metrics));
    TRY(register_limits(run_metrics, metrics));
    TRY(register_rejections(run_metrics, metrics));
    TRY(register_histograms(run_metrics, metrics));
    TRY(register_counters(run_metrics, metrics));
    TRY(register_gauges(run_metrics, metrics));
    TRY(host_metrics_init(&run_metrics->host, metrics));
    return tenant_metrics_init(&run_metrics->tenants, metrics);
}

void run_metrics_done(struct run_metrics *run_metrics)
{
    tenant_metrics_done(&run_metrics->tenants);
}

/* -- Counting ------------------------------------------------------------------------------- */

enum run_status run_status_of(cordon_outcome_code code)
{
    switch (code) {
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
    counter_add(run_metrics->limits[limit], 1);
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

static void count_rejection(struct run_metrics *run_metrics, const struct outcome *outcome)
{
    const enum run_rejection why =
        outcome->rejection == RUN_NOT_REJECTED ? RUN_REJECTED_NO_MEMORY : outcome->rejection;
    counter_add(run_metrics->rejected[why], 1);
    if (why == RUN_REJECTED_QUEUE_FULL) {
        counter_add(run_metrics->queue_full, 1);
    } else if (why == RUN_REJECTED_NO_TURN || why == RUN_REJECTED_EXPIRED) {
        counter_add(run_metrics->wait_timeouts[outcome->kind], 1);
    }
}

/* How long it took, and what of that was what. */
static void count_times(
    struct run_metrics *run_metrics, const struct outcome *outcome, uint64_t waited_ns)
{
    const cordon_kind kind = outcome->kind;
    const enum run_status status = run_status_of(outcome->code);
    const uint64_t executed_ns = outcome->user_time_ns + outcome->system_time_ns;
    const uint64_t wall_ns = outcome->wall_time_ns;
    histogram_observe_ns(run_metrics->total[kind][status], wall_ns);
    if (kind == CORDON_MUTATION) {
        histogram_observe_ns(run_metrics->mutations, wall_ns);
    }
    if (waited_ns != UINT64_MAX) {
        histogram_observe_ns(run_metrics->waited[kind], waited_ns);
        histogram_observe_ns(run_metrics->ran[kind], wall_ns > waited_ns ? wall_ns - waited_ns : 0);
    }
    if (executed_ns > 0) { /* else it was turned away, or there was nothing to run */
        histogram_observe_ns(run_metrics->execute[kind][status], executed_ns);
        histogram_observe_ns(run_metrics->user[kind], outcome->user_time_ns);
    }
    if (outcome->queued_time_ns > 0) {
        histogram_observe_ns(run_metrics->queued[kind], outcome->queued_time_ns);
    }
}

/* What it used, as far as anything ran. */
static void count_use(struct run_metrics *run_metrics, const struct outcome *outcome)
{
    const uint64_t *const used = outcome->used;
    for (int i = 0; i < CORDON_LIMIT_COUNT && outcome->warning_count > 0; i++) {
        if (outcome->warned[i]) {
            counter_add(run_metrics->warnings[i], 1);
        }
    }
    counter_add(run_metrics->fuel[outcome->kind], used[CORDON_LIMIT_FUEL]);
    if (used[CORDON_LIMIT_MEMORY_BYTES] > 0) {
        histogram_observe_bytes(run_metrics->args_bytes, used[CORDON_LIMIT_ARGS_BYTES]);
        histogram_observe_bytes(run_metrics->memory_bytes, used[CORDON_LIMIT_MEMORY_BYTES]);
    }
    if (outcome->code == CORDON_OUTCOME_SUCCESS) {
        histogram_observe_bytes(run_metrics->result_bytes, outcome->value.size);
    }
}

void run_metrics_count(
    struct run_metrics *run_metrics, const struct outcome *outcome, uint64_t waited_ns)
{
    const bool ran = outcome->user_time_ns + outcome->system_time_ns > 0;
    counter_add(run_metrics->results[outcome->kind][run_status_of(outcome->code)], 1);
    count_times(run_metrics, outcome, waited_ns);
    count_use(run_metrics, outcome);
    if (outcome->code == CORDON_OUTCOME_CANCELLED) {
        counter_add(run_metrics->cancelled, 1);
    } else if (outcome->code == CORDON_OUTCOME_OVERLOADED && !ran) {
        count_rejection(run_metrics, outcome);
    } else if (outcome->code == CORDON_OUTCOME_LIMIT) {
        count_limit(run_metrics, outcome->limit);
    }
}

void run_metrics_count_instance(
    struct run_metrics *run_metrics,
    cordon_kind kind,
    cordon_outcome_code code,
    uint64_t create_ns,
    const struct engine_timing *timing)
{
    histogram_observe_ns(run_metrics->create, create_ns);
    if (timing->has_instance) {
        histogram_observe_ns(run_metrics->instantiate, timing->instantiate_ns);
        histogram_observe_ns(run_metrics->build, create_ns + timing->instantiate_ns);
    }
    if (timing->initialize_ns > 0) {
        histogram_observe_ns(run_metrics->initialize, timing->initialize_ns);
    }
    const enum run_status status = timing->has_begun ? RUN_STATUS_SUCCESS : run_status_of(code);
    histogram_observe_ns(
        run_metrics->load[kind][status],
        create_ns + timing->instantiate_ns + timing->initialize_ns);
}
