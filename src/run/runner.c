/* What all runs share; see runner.h. */
#include "base/clock.h"
#include "base/memory.h"
#include "base/processors.h"
#include "host/functions.h"
#include "run/internal.h"

#include <stdio.h>
#include <unistd.h>

/* Calls that may wait to begin; more are turned away (Convex: ISOLATE_QUEUE_SIZE 2000). */
#define QUEUE_RUNS_MAX 2000

/* Convex: ISOLATE_QUEUE_CONGESTED_TIMEOUT_MS and ISOLATE_QUEUE_IDLE_TIMEOUT_MS. */
#define QUEUE_TARGET_NS ((uint64_t)200000000)
#define QUEUE_INTERVAL_NS ((uint64_t)2000000000)

/*
 * What a tenant may have of what is shared, alone, if there are others: three quarters, so that
 * three who take all they can leave a tenth for the rest.
 */
#define SHARE_PERCENT 75

/* What all loaded functions may have at the least, however little there is for runs. */
#define LOADED_BYTES_MIN ((uint64_t)64 << 20)

/*
 * Slots for calls of functions by actions, beside those that calls from outside may take, as a
 * share of them: so callers that wait for their calls never hold the last ones.
 */
#define NESTED_SLOTS_SHARE 4

/*
 * Processor time after which a run stands back behind calls that have not begun. Runs that need
 * less are finished one after the other, which is quicker for all of them than by turns; and so
 * long a newcomer of the same tenant may have to wait for each.
 */
#define SHORT_RUN_NS ((uint64_t)20000000)

/* Mappings of the kernel's for an instance: two at rest, three more while it is alive; measured. */
#define MAPPINGS_PER_INSTANCE 5

/* What a process has beside them: code of modules, stacks of threads, allocations. */
#define MAPPINGS_BESIDE 4096

/*
 * Of the engine's pool beyond those of runs alive: probes, instances that are being reset, and
 * those that engine_trim() takes, so that it turns no run away.
 */
#define SPARE_INSTANCES 8
_Static_assert(ENGINE_TRIM_SLOTS <= SPARE_INSTANCES / 2, "there are some for probes");

/* Runs that make calls inside their transactions at one time; others wait for one of them. */
#define NESTS_LEAST 32
#define NESTS_PER_PERMIT 2

/* The caller's text becomes one of ours, or NULL. */
static cordon_error *copy_text(const char **text)
{
    const char *theirs = CORDON_TAKE(*text);
    *text = theirs == NULL ? NULL : mem_copy_string(slice_str(theirs));
    return theirs != NULL && *text == NULL ? error_no_memory() : NULL;
}

/* The list is ours as far as `record_function_count` says. */
static cordon_error *copy_record_functions(struct runner_options *options)
{
    const char *const *theirs = CORDON_TAKE(options->record_functions);
    const size_t count = options->record_function_count;
    options->record_function_count = 0;
    if (count == 0) {
        return NULL;
    }
    const char **ours = mem_new_array(count, sizeof *ours);
    if (ours == NULL) {
        return error_no_memory();
    }
    options->record_functions = ours;
    for (size_t i = 0; i < count; i++) {
        ours[i] = theirs[i];
        TRY(copy_text(&ours[i]));
        options->record_function_count++;
    }
    return NULL;
}

/* All are taken before one can fail, as what is there then is freed as ours. */
static cordon_error *copy_texts(struct runner *runner)
{
    struct runner_options *options = &runner->options;
    cordon_error *const errors[] = {
        copy_text(&options->worker_path),
        copy_text(&options->artifact_folder),
        copy_text(&options->record_folder),
        copy_record_functions(options),
    };
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        TRY(errors[i]); /* no other error than the static one, of which one is enough */
    }
    return NULL;
}

static void free_text(const char *text)
{
    mem_free((void *)(uintptr_t)text);
}

/* The greatest value of a limit over all kinds, as the operator has set it. */
static uint64_t limit_max(const struct runner_options *options, cordon_limit limit)
{
    if (options->limits.set[limit]) {
        return options->limits.value[limit];
    }
    uint64_t max = 0;
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        const uint64_t value = cordon_limit_get_info(limit)->defaults[kind];
        max = value > max ? value : max;
    }
    return max;
}

/* The operator hears of it once; callers get an error each. */
static void tell_of_compiler(void *arg, enum keeper_event event, const char *words)
{
    const struct runner *runner = arg;
    const struct log_field fields[] = {LOG_FIELD_STRING("message", slice_str(words))};
    switch (event) {
    case KEEPER_STARTER_REPLACED:
        log_write(runner->options.log, LOG_WARN, "compile_starter_replaced", fields, 1);
        break;
    case KEEPER_LOST:
        log_write(runner->options.log, LOG_ERROR, "compile_starter_lost", fields, 1);
        break;
    }
    log_flush(runner->options.log);
}

static cordon_error *start_compiler(struct runner *runner)
{
    const struct runner_options *options = &runner->options;
    if (options->compile_inside) {
        return NULL;
    }
    if (options->worker_path == NULL) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "no compile worker is named: give the path of cordon-compile, or ask for compiling "
            "inside this process");
    }
    const struct compiler_options compiler = {
        .worker_path = options->worker_path,
        .module_bytes_max = limit_max(options, CORDON_LIMIT_MODULE_BYTES),
        .time_ms = limit_max(options, CORDON_LIMIT_COMPILE_TIME_MS),
        .memory_bytes = limit_max(options, CORDON_LIMIT_COMPILE_BYTES),
        .tell = tell_of_compiler,
        .tell_arg = runner,
    };
    return compiler_start(&compiler, &runner->compiler);
}

/* What the kernel allows a process; where it does not say, as much as is asked for. */
static uint64_t read_mappings_max(void)
{
    FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
    if (file == NULL) {
        return UINT64_MAX;
    }
    char text[32] = "";
    const bool read = fgets(text, sizeof text, file) != NULL;
    (void)fclose(file);
    char *end = text;
    const unsigned long long number = strtoull(text, &end, 10);
    return read && end != text ? number : UINT64_MAX;
}

/* Whether all instances could be alive at one time. */
static cordon_error *check_mappings(uint64_t slots, uint64_t depth, uint64_t instances)
{
    const uint64_t wanted = instances * MAPPINGS_PER_INSTANCE + MAPPINGS_BESIDE;
    const uint64_t most = read_mappings_max();
    if (wanted <= most) {
        return NULL;
    }
    return cordon_error_new(
        CORDON_E_INVALID,
        "call_depth of %llu with %llu slots may want %llu memory mappings, and the kernel allows a "
        "process %llu; raise that (sysctl vm.max_map_count), or lower one of the two",
        (unsigned long long)depth, (unsigned long long)slots, (unsigned long long)wanted,
        (unsigned long long)most);
}

/*
 * The instances there can be at one time: one for each run that has a slot; for each of the runs
 * that may make calls inside their transactions at one time, those of the calls, as deep as can be;
 * and as many as that for a replay in the background, which has no slot.
 */
static cordon_error *count_instances(const struct runner *runner, uint32_t *out_count)
{
    const uint64_t slots = runner->slots.total;
    const uint64_t limit = limit_max(&runner->options, CORDON_LIMIT_CALL_DEPTH);
    const uint64_t depth = limit > 0 ? limit : 1;
    const uint64_t most = ENGINE_INSTANCES_MAX;
    const uint64_t count = slots > most || depth > most
                               ? UINT64_MAX
                               : slots + runner->nested_slots.total +
                                     runner->nests.options.total * (depth - 1) + depth +
                                     SPARE_INSTANCES;
    if (count > most) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "call_depth of %llu with %llu slots makes more instances than the address space has "
            "room for, which is %llu; lower one of the two",
            (unsigned long long)depth, (unsigned long long)slots, (unsigned long long)most);
    }
    *out_count = (uint32_t)count;
    return check_mappings(slots, depth, count);
}

static cordon_error *start_engine(struct runner *runner)
{
    const struct runner_options *options = &runner->options;
    struct engine_options engine = {
        .denied = host_denied,
        .memory_bytes_max = limit_max(options, CORDON_LIMIT_MEMORY_BYTES),
        .table_elements_max = limit_max(options, CORDON_LIMIT_TABLE_ELEMENTS),
        .stack_bytes = limit_max(options, CORDON_LIMIT_STACK_BYTES),
    };
    TRY(count_instances(runner, &engine.instances_max));
    engine.imports = host_all_imports(options->functions, &engine.import_count);
    return engine_new(&engine, &runner->engine);
}

/* As a label of its metrics. */
static void name_tenant(void *arg, uint32_t number, char out_name[TENANT_LABEL_BYTES])
{
    struct runner *runner = arg;
    const struct tenant *tenant = tenants_find(&runner->tenants, number);
    (void)snprintf(
        out_name, TENANT_LABEL_BYTES, "%s", tenant == NULL ? TENANT_LABEL_REMOVED : tenant->name);
}

static cordon_error *start(struct runner *runner)
{
    TRY(copy_texts(runner));
    TRY(tenants_init(&runner->tenants, runner));
    TRY(run_metrics_init(&runner->metrics, runner->options.metrics));
    runner->metrics.tenants.namer = name_tenant;
    runner->metrics.tenants.namer_arg = runner;
    TRY(start_compiler(runner)); /* first: it must precede engine and threads */
    TRY(start_engine(runner));
    if (runner->options.artifact_folder != NULL) {
        TRY(artifact_cache_open(runner->options.artifact_folder, runner->engine, &runner->cache));
    }
    return recorder_new(runner, &runner->recorder);
}

static uint64_t either(uint64_t given, uint64_t otherwise)
{
    return given > 0 ? given : otherwise;
}

static uint32_t count_nests(const struct runner_options *options)
{
    const uint64_t wanted = (uint64_t)options->permits * NESTS_PER_PERMIT;
    const uint64_t nests = wanted > NESTS_LEAST ? wanted : NESTS_LEAST;
    return nests < options->slots ? (uint32_t)nests : options->slots;
}

/* Permits, slots, memory, and what a tenant may have of each. */
static void init_counts(struct runner *runner)
{
    const struct runner_options *options = &runner->options;
    const struct permits_options permits = {
        .total = options->permits,
        .long_max = options->processors < options->permits ? options->processors : options->permits,
        .waiting_max = QUEUE_RUNS_MAX,
        .turn_ns = RUN_TURN_NS,
        .short_ns = either(options->short_run_ns, SHORT_RUN_NS),
        .codel =
            {
                .target_ns = either(options->queue_target_ns, QUEUE_TARGET_NS),
                .interval_ns = either(options->queue_interval_ns, QUEUE_INTERVAL_NS),
            },
        .share_percent = &runner->share_percent,
        .read_ns = clock_monotonic_ns,
    };
    struct permits_options nests = permits;
    nests.total = nests.long_max = count_nests(options);
    nests.is_shared = true;
    atomic_store(&runner->share_percent, 100);
    permits_init(&runner->permits, &permits);
    permits_init(&runner->nests, &nests);
    runner->slots.total = options->slots;
    runner->nested_slots.total = options->slots / NESTED_SLOTS_SHARE;
    runner->memory.total = options->memory_bytes;
    runner->loaded.total =
        options->memory_bytes / 2 > LOADED_BYTES_MIN ? options->memory_bytes / 2 : LOADED_BYTES_MIN;
}

cordon_error *runner_new(const struct runner_options *options, struct runner **out_runner)
{
    struct runner *runner = MEM_NEW(struct runner);
    if (runner == NULL) {
        return error_no_memory();
    }
    runner->options = *options;
    if (options->processors == 0) {
        runner->options.processors = processors_count();
    }
    runner->limits = options->limits;
    init_counts(runner);
    random_pool_init(&runner->seeds);
    trace_cache_init(&runner->traces);
    build_turns_init(&runner->build_turns);
    (void)pthread_mutex_init(&runner->start_lock, NULL);
    (void)pthread_rwlock_init(&runner->limits_lock, NULL);
    cordon_error *error = start(runner);
    if (error != NULL) {
        runner_free(runner);
        return error;
    }
    *out_runner = runner;
    return NULL;
}

cordon_error *runner_watch(struct runner *runner)
{
    return runner->compiler == NULL ? NULL : compiler_watch(runner->compiler);
}

cordon_error *runner_keep_audit(struct runner *runner, const struct auditor_options *options)
{
    struct auditor *auditor = NULL;
    (void)pthread_mutex_lock(&runner->start_lock); /* two of them would sign with one secret */
    const bool is_kept = atomic_load(&runner->auditor) != NULL;
    cordon_error *error = is_kept ? NULL : auditor_new(options, &auditor);
    if (auditor != NULL) {
        atomic_store(&runner->auditor, auditor);
    }
    (void)pthread_mutex_unlock(&runner->start_lock);
    for (struct tenant *at = tenants_next(&runner->tenants, 0); at != NULL && error == NULL;
         at = tenants_next(&runner->tenants, at->number)) {
        error = atomic_load(&at->is_awake) ? runner_audit_tenant(at) : NULL;
    }
    return error;
}

cordon_error *runner_audit_tenant(struct tenant *tenant)
{
    struct runner *runner = tenant->runner;
    struct auditor *auditor = NULL;
    cordon_error *error = NULL;
    (void)pthread_mutex_lock(&runner->start_lock);
    struct auditor *lead = atomic_load(&runner->auditor);
    if (lead != NULL && atomic_load(&tenant->auditor) == NULL) {
        auditor = lead;
        error =
            tenant == runner->tenants.usual ? NULL : auditor_follow(lead, tenant->number, &auditor);
        atomic_store(&tenant->auditor, error == NULL ? auditor : NULL);
    }
    (void)pthread_mutex_unlock(&runner->start_lock);
    return error;
}

struct auditor *runner_auditor(const struct runner *runner)
{
    return atomic_load(&runner->auditor);
}

cordon_error *runner_tend(struct runner *runner)
{
    struct tender *tender = NULL;
    (void)pthread_mutex_lock(&runner->start_lock);
    const bool is_tended = atomic_load(&runner->tender) != NULL;
    cordon_error *error = is_tended ? NULL : tender_new(runner, &tender);
    if (tender != NULL) {
        atomic_store(&runner->tender, tender);
    }
    (void)pthread_mutex_unlock(&runner->start_lock);
    return error;
}

bool runner_wake_tender(struct runner *runner)
{
    struct tender *tender = atomic_load(&runner->tender);
    if (tender != NULL) {
        tender_wake(tender);
    }
    return tender != NULL;
}

cordon_error *runner_trim(struct runner *runner, size_t *out_bytes)
{
    return engine_trim(runner->engine, runner->compiler, out_bytes);
}

void runner_stop_deploys(struct runner *runner)
{
    atomic_store(&runner->stops_deploys, true);
    if (runner->compiler != NULL) {
        compiler_cancel(runner->compiler);
    }
}

void runner_allow_deploys(struct runner *runner)
{
    atomic_store(&runner->stops_deploys, false);
    if (runner->compiler != NULL) {
        compiler_resume(runner->compiler);
    }
    (void)runner_wake_tender(runner);
}

void runner_free(struct runner *runner)
{
    if (runner == NULL) {
        return;
    }
    CORDON_ASSERT(
        atomic_load(&runner->slots.used) == 0 && atomic_load(&runner->nested_slots.used) == 0);
    tender_free(atomic_load(&runner->tender));
    recorder_free(runner->recorder); /* it has runs, and with them deployments and instances */
    auditor_free(atomic_load(&runner->auditor)); /* what the others wrote last is signed, too */
    tenants_done(&runner->tenants);
    artifact_cache_close(runner->cache);
    engine_free(runner->engine);
    compiler_stop(runner->compiler);
    permits_done(&runner->permits);
    permits_done(&runner->nests);
    random_pool_done(&runner->seeds);
    trace_cache_done(&runner->traces);
    run_metrics_done(&runner->metrics);
    build_turns_done(&runner->build_turns);
    (void)pthread_mutex_destroy(&runner->start_lock);
    (void)pthread_rwlock_destroy(&runner->limits_lock);
    free_text(runner->options.worker_path);
    free_text(runner->options.artifact_folder);
    free_text(runner->options.record_folder);
    for (size_t i = 0; i < runner->options.record_function_count; i++) {
        free_text(runner->options.record_functions[i]);
    }
    mem_free((void *)(uintptr_t)runner->options.record_functions);
    mem_free(runner);
}

bool runner_take_memory(struct runner *runner, uint64_t bytes)
{
    const uint64_t before = atomic_fetch_add(&runner->memory.used, bytes);
    if (before + bytes <= runner->memory.total) {
        return true;
    }
    (void)atomic_fetch_sub(&runner->memory.used, bytes);
    return false;
}

void runner_give_memory(struct runner *runner, uint64_t bytes)
{
    (void)atomic_fetch_sub(&runner->memory.used, bytes);
}

bool runner_take_kept_memory(struct runner *runner, uint64_t bytes)
{
    const uint64_t before = atomic_fetch_add(&runner->kept_bytes, bytes);
    if (before + bytes <= runner->memory.total / RUNNER_KEPT_PART &&
        runner_take_memory(runner, bytes)) {
        return true;
    }
    (void)atomic_fetch_sub(&runner->kept_bytes, bytes);
    return false;
}

void runner_give_kept_memory(struct runner *runner, uint64_t bytes)
{
    (void)atomic_fetch_sub(&runner->kept_bytes, bytes);
    runner_give_memory(runner, bytes);
}

void runner_share(struct runner *runner, bool has_several)
{
    const uint64_t share = either(runner->options.share_percent, SHARE_PERCENT);
    atomic_store(&runner->share_percent, has_several ? (unsigned)share : 100);
}

uint32_t runner_get_share_percent(const struct runner *runner)
{
    return atomic_load(&runner->share_percent);
}

void runner_set_weight(struct runner *runner, uint32_t tenant, uint32_t percent)
{
    struct tenant *found = tenants_find(&runner->tenants, tenant);
    if (found != NULL) {
        permits_set_weight(&runner->permits, &found->usage.permits, percent);
    }
}

uint32_t runner_get_permits(const struct runner *runner)
{
    return runner->options.permits;
}

uint32_t runner_get_processors(const struct runner *runner)
{
    return runner->options.processors;
}

uint64_t runner_get_memory_bytes(const struct runner *runner)
{
    return runner->options.memory_bytes;
}

struct runner_counts runner_get_counts(struct runner *runner)
{
    const struct permit_counts permits = permits_count(&runner->permits);
    const struct permit_counts nests = permits_count(&runner->nests);
    return (struct runner_counts){
        .permits_used = permits.used,
        .permits_waiting = permits.waiting,
        .calls_refused = permits.refused,
        .calls_expired = permits.expired,
        .slots_used =
            (uint32_t)(atomic_load(&runner->slots.used) + atomic_load(&runner->nested_slots.used)),
        .nests_used = nests.used,
        .nests_waiting = nests.waiting,
        .memory_used = atomic_load(&runner->memory.used),
    };
}

/* The bytes of all functions that are loaded now. */
static void sum_modules(struct runner *runner, int64_t *out_source, int64_t *out_code)
{
    *out_source = 0;
    *out_code = 0;
    for (struct tenant *at = tenants_next(&runner->tenants, 0); at != NULL;
         at = tenants_next(&runner->tenants, at->number)) {
        struct deployment *deployment = tenant_deployment(at);
        for (size_t i = 0; deployment != NULL && i < deployment->module_count; i++) {
            *out_source += (int64_t)deployment->modules[i].size;
            *out_code += (int64_t)engine_module_bytes(deployment->modules[i].engine_module);
        }
        deployment_unref(deployment);
    }
}

static void refresh_engine(struct runner *runner)
{
    const struct run_metrics *const metrics = &runner->metrics;
    const struct engine_counts counts = engine_get_counts(runner->engine);
    gauge_set(metrics->pool_max, engine_slots(runner->engine));
    gauge_set(metrics->engine_calls, counts.calls);
    gauge_set(metrics->engine_instances, counts.instances);
    gauge_set(metrics->engine_modules, counts.modules);
    gauge_set(metrics->engine_memories, counts.pool_memories);
    gauge_set(metrics->engine_stacks, counts.pool_stacks);
}

/* Where nobody keeps the logs, nothing waits to be signed. */
static void refresh_audit(struct runner *runner)
{
    struct auditor_health health;
    auditor_look(runner_auditor(runner), &health);
    gauge_set(runner->metrics.audit_unsigned_s, (int64_t)(health.age_ns / 1000000000));
}

static uint64_t used_bytes(const struct tenant *tenant)
{
    const long long used = atomic_load(&tenant->quota.used);
    return used > 0 ? (uint64_t)used : 0;
}

static void refresh_tenants(struct runner *runner)
{
    uint64_t others = 0;
    for (struct tenant *at = tenants_next(&runner->tenants, 0); at != NULL;
         at = tenants_next(&runner->tenants, at->number)) {
        if (!atomic_load(&at->quota.is_counted) || !tenant_enter(at)) {
            continue;
        }
        const uint64_t used = used_bytes(at);
        if (!tenant_metrics_set_bytes(&runner->metrics.tenants, at->number, used)) {
            others += used;
        }
        tenant_leave(at);
    }
    tenant_metrics_set_others_bytes(&runner->metrics.tenants, others);
}

void runner_refresh_metrics(struct runner *runner)
{
    int64_t source = 0;
    int64_t code = 0;
    refresh_engine(runner);
    sum_modules(runner, &source, &code);
    gauge_set(runner->metrics.source_bytes, source);
    gauge_set(runner->metrics.code_bytes, code);
    const struct runner_counts counts = runner_get_counts(runner);
    gauge_set(runner->metrics.permits_used, counts.permits_used);
    gauge_set(runner->metrics.permits_waiting, counts.permits_waiting);
    gauge_set(runner->metrics.slots_used, counts.slots_used);
    gauge_set(runner->metrics.nests_used, counts.nests_used);
    gauge_set(runner->metrics.memory_used, (int64_t)counts.memory_used);
    refresh_audit(runner);
    refresh_tenants(runner);
}

struct recorder *runner_recorder(const struct runner *runner)
{
    return runner->recorder;
}

struct store *runner_store(const struct runner *runner)
{
    return runner->options.store;
}

bool runner_is_production(const struct runner *runner)
{
    return runner->options.production;
}

void runner_keep_executions(struct runner *runner)
{
    tenants_keep_executions(&runner->tenants);
}

struct tenants *runner_tenants(struct runner *runner)
{
    return &runner->tenants;
}
