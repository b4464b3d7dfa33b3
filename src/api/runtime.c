/*
 * The runtime of an embedding program: opens what a runner needs in the right order, and wraps its
 * runs.
 */
#include "api/api.h"

#include "audit/actor.h"
#include "base/cgroup.h"
#include "base/clock.h"
#include "base/descriptors.h"
#include "base/event.h"
#include "base/memory.h"
#include "base/processors.h"
#include "host/functions.h"
#include "run/outcome_json.h"
#include "run/tenant/tenant_admin.h"
#include "run/tenant/tenants.h"
#include "upkeep/check.h"
#include "value/json.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOTS_DEFAULT 1000

/*
 * As long as an action may run. Who has left is cancelled, so only patient callers wait that long;
 * less would end all of many long runs where each of them could end well a little later.
 */
#define TURN_WAIT_MS_DEFAULT 300000
#define RECORDS_BYTES_DEFAULT ((uint64_t)1 << 30)
#define RECORDS_DAYS_DEFAULT 14
#define MS_PER_DAY ((uint64_t)86400000)
#define PERMITS_PER_PROCESSOR 2
#define PERMITS_MIN 4

struct cordon_call {
    struct run *run;
    void (*wake)(void *arg); /* NULL: the caller waits by cordon_call_finish() */
    void *arg;
    struct event woken;
};

/* -- Options -------------------------------------------------------------------------------- */

/* Half of what this process may use: of RAM, or of its cgroup, or one above, if that is less. */
static uint64_t default_memory_bytes(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page = sysconf(_SC_PAGESIZE);
    const uint64_t bytes = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_MAX;
    const uint64_t group = cgroup_memory_bytes("");
    return (group < bytes ? group : bytes) / 2;
}

/*
 * Some more than processors: runs that have computed for long take as many as there are, and calls
 * that come find one all the same. Many more would make all runs under way slower under load, where
 * those that wait are told to come again.
 */
static uint32_t default_permits(uint32_t processors)
{
    const uint32_t permits = processors * PERMITS_PER_PROCESSOR;
    return permits < PERMITS_MIN ? PERMITS_MIN : permits;
}

void api_copy_limits(const cordon_limit_set *set, struct limit_changes *out_changes)
{
    _Static_assert(
        sizeof set->set >= sizeof out_changes->set, "there is a place for each limit of the table");
    memcpy(out_changes->set, set->set, sizeof out_changes->set);
    memcpy(out_changes->value, set->value, sizeof out_changes->value);
}

/* -- Arguments ------------------------------------------------------------------------------ */

cordon_error *api_need_runtime(const cordon_runtime *runtime)
{
    TRY(api_need(runtime, "runtime"));
    return runtime->process == getpid()
               ? NULL
               : cordon_error_new(
                     CORDON_E_INVALID,
                     "the runtime is of the process that this one was forked from; make one here, "
                     "after the fork");
}

/* -- Life ----------------------------------------------------------------------------------- */

/* What is taken over once is closed once, whatever becomes of it. */
static cordon_error *open_program_store(
    cordon_runtime *runtime,
    const cordon_runtime_options *options,
    const struct store_options *store)
{
    cordon_store_functions functions;
    TRY(api_take_struct(
        options->store, "options.store", "cordon_store_functions", sizeof functions, &functions));
    if (options->data_folder != NULL || functions.snapshot == NULL || functions.release == NULL ||
        functions.find == NULL || functions.commit == NULL) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "options.store must have all functions but `close`, and takes the place of "
            "options.data_folder");
    }
    return store_open_program(&functions, options->store_arg, store, &runtime->store);
}

/* A path that stays the same folder's when the program changes its current one. */
static cordon_error *make_whole(const char *path, char **out_path)
{
    char current[PATH_MAX];
    CORDON_CLEANUP_BUFFER struct buffer whole;
    buffer_init(&whole, (size_t)2 << 16);
    if (path[0] != '/' && path[0] != '\0' && getcwd(current, sizeof current) != NULL) {
        TRY(buffer_printf(&whole, "%s/", current));
    }
    TRY(buffer_append(&whole, slice_str(path)));
    return api_give_text(&whole, out_path);
}

static cordon_error *open_store(cordon_runtime *runtime, const cordon_runtime_options *options)
{
    const struct store_options store = {
        .flusher_thread = options->flusher_thread,
        .guard_faults = options->guard_faults,
    };
    if (options->store != NULL) {
        return open_program_store(runtime, options, &store);
    }
    if (options->data_folder == NULL) {
        return store_open_memory(&store, &runtime->store);
    }
    runtime->given_folder = mem_copy_string(slice_str(options->data_folder));
    if (runtime->given_folder == NULL) {
        return error_no_memory();
    }
    TRY(make_whole(options->data_folder, &runtime->data_folder));
    TRY(check_before_opening(options->data_folder));
    return store_open_lmdb(options->data_folder, &store, &runtime->store);
}

/* Room for the path of a folder inside the data folder. */
struct inner_path {
    char text[4096];
};

/* NULL in `*out_path` without a data folder, else the path, which lives in `path`. */
static cordon_error *join(
    const cordon_runtime *runtime, const char *name, struct inner_path *path, const char **out_path)
{
    *out_path = NULL;
    if (runtime->data_folder == NULL) {
        return NULL;
    }
    const int size = snprintf(path->text, sizeof path->text, "%s/%s", runtime->data_folder, name);
    if (size < 0 || (size_t)size >= sizeof path->text) {
        return cordon_error_new(
            CORDON_E_INVALID, "the path of the data folder is too long; name a shorter one");
    }
    *out_path = path->text;
    return NULL;
}

/* What of the options says how many there are, with its default. */
static void copy_numbers(const cordon_runtime_options *options, struct runner_options *out_runner)
{
    const uint32_t days = options->records_days > 0 ? options->records_days : RECORDS_DAYS_DEFAULT;
    out_runner->processors = processors_count();
    out_runner->permits =
        options->permits > 0 ? options->permits : default_permits(out_runner->processors);
    out_runner->slots = options->slots > 0 ? options->slots : SLOTS_DEFAULT;
    out_runner->turns_ns = (uint64_t)1000000 * (options->turn_wait_ms > 0 ? options->turn_wait_ms
                                                                          : TURN_WAIT_MS_DEFAULT);
    out_runner->queue_target_ns = (uint64_t)1000000 * options->queue_target_ms;
    out_runner->queue_interval_ns = (uint64_t)1000000 * options->queue_interval_ms;
    out_runner->share_percent = options->tenant_share_percent;
    out_runner->memory_bytes =
        options->memory_bytes > 0 ? options->memory_bytes : default_memory_bytes();
    out_runner->record_bytes_max =
        options->records_bytes > 0 ? options->records_bytes : RECORDS_BYTES_DEFAULT;
    out_runner->record_keep_ms = days * MS_PER_DAY;
    api_copy_limits(&options->limits, &out_runner->limits);
}

static cordon_error *start_runner(cordon_runtime *runtime, const cordon_runtime_options *options)
{
    struct inner_path artifacts;
    struct inner_path records;
    struct runner_options runner = {
        .store = runtime->store,
        .metrics = runtime->metrics,
        .log = runtime->log,
        .functions = runtime->functions,
        .worker_path = options->compile_worker,
        .compile_inside = options->compile_inside,
        .production = options->production,
        .record_functions = options->record_functions,
        .record_function_count = options->record_function_count,
        .replay_sample = options->replay_sample,
    };
    copy_numbers(options, &runner);
    TRY(join(runtime, "artifacts", &artifacts, &runner.artifact_folder));
    TRY(join(runtime, "records", &records, &runner.record_folder));
    return runner_new(&runner, &runtime->runner);
}

/* The functions of the program, each as the caller was compiled. */
static cordon_error *take_functions(cordon_runtime *runtime, const cordon_runtime_options *options)
{
    const size_t count = options->host_function_count;
    if (count == 0) {
        return NULL;
    }
    TRY(api_need((const void *)options->host_functions, "options.host_functions"));
    if (count > CORDON_HOST_FUNCTIONS_MAX) {
        return cordon_error_new(
            CORDON_E_INVALID, "options.host_function_count is at most %d",
            CORDON_HOST_FUNCTIONS_MAX);
    }
    cordon_host_function *list = mem_new_array(count, sizeof *list);
    if (list == NULL) {
        return error_no_memory();
    }
    cordon_error *error = NULL;
    for (size_t i = 0; i < count && error == NULL; i++) {
        error = api_take_struct(
            options->host_functions[i], "options.host_functions[]", "cordon_host_function",
            sizeof list[i], &list[i]);
    }
    if (error == NULL) {
        error = host_functions_new(list, count, &runtime->functions);
    }
    mem_free(list);
    return error;
}

static cordon_error *start(cordon_runtime *runtime, const cordon_runtime_options *options)
{
    if (options->replay_sample > CORDON_REPLAY_SAMPLE_MAX) {
        return cordon_error_new(
            CORDON_E_INVALID, "options.replay_sample is a number of a million, at most %d",
            CORDON_REPLAY_SAMPLE_MAX);
    }
    if (options->tenant_share_percent > 100) {
        return cordon_error_new(
            CORDON_E_INVALID, "options.tenant_share_percent is at most 100, all there is");
    }
    TRY(api_need_texts(
        options->record_functions, options->record_function_count, "options.record_functions"));
    TRY(metrics_new(&runtime->metrics));
    if (options->log_fd > 0) {
        TRY(log_new(options->log_fd, LOG_AUTO, &runtime->log));
        if (options->log_lines_per_second > 0) {
            log_limit(runtime->log, options->log_lines_per_second);
        }
    }
    TRY(take_functions(runtime, options));
    TRY(open_store(runtime, options));
    TRY(start_runner(runtime, options));
    TRY(tenant_admin_load(runtime->runner));
    return runner_load(runtime->runner, TENANT_DEFAULT);
}

cordon_error *cordon_runtime_new(
    const cordon_runtime_options *options, cordon_runtime **out_runtime)
{
    TRY(api_need(out_runtime, "out_runtime"));
    cordon_runtime_options whole;
    TRY(api_take_struct(options, "options", "cordon_runtime_options", sizeof whole, &whole));
    cordon_runtime *runtime = MEM_NEW(struct cordon_runtime);
    if (runtime == NULL) {
        return error_no_memory();
    }
    runtime->process = getpid();
    CORDON_CLEANUP(descriptors_release) struct descriptors_held held;
    descriptors_hold(&held);
    cordon_error *error = start(runtime, &whole);
    if (error != NULL) {
        cordon_runtime_free(runtime);
        return error;
    }
    *out_runtime = runtime;
    return NULL;
}

void cordon_runtime_free(cordon_runtime *runtime)
{
    if (runtime == NULL || runtime->process != getpid()) {
        return; /* of another process, which still has its worker and its files */
    }
    runner_free(runtime->runner);
    host_functions_free(runtime->functions);
    store_close(runtime->store);
    log_free(runtime->log);
    metrics_free(runtime->metrics);
    mem_free(runtime->data_folder);
    mem_free(runtime->given_folder);
    mem_free(runtime);
}

cordon_error *cordon_runtime_trim(cordon_runtime *runtime, uint64_t *out_bytes)
{
    TRY(api_need_runtime(runtime));
    size_t bytes = 0;
    TRY(runner_trim(runtime->runner, &bytes));
    if (out_bytes != NULL) {
        *out_bytes = bytes;
    }
    return NULL;
}

void cordon_free(void *text)
{
    mem_free(text);
}

/* -- Modules -------------------------------------------------------------------------------- */

cordon_error *api_need_modules(const cordon_module *modules, size_t count)
{
    TRY(api_need_items(modules, count, "modules"));
    for (size_t i = 0; i < count; i++) {
        TRY(api_need_items(modules[i].data, modules[i].size, "the data of a module"));
    }
    return NULL;
}

static struct deploy_module read_module(const cordon_module *module)
{
    return (struct deploy_module){
        .name = slice_str(module->name == NULL ? "" : module->name),
        .wasm = slice_of(module->data, module->size),
    };
}

static cordon_error *set_functions(
    cordon_runtime *runtime,
    const char *tenant,
    const cordon_module *modules,
    size_t count,
    enum deploy_mode mode,
    char **out_report)
{
    TRY(api_need_runtime(runtime));
    TRY(api_need_modules(modules, count));
    TRY(api_need(out_report, "out_report"));
    uint32_t number = TENANT_DEFAULT;
    TRY(api_find_tenant(runtime, tenant, &number));
    struct deploy_module *list = mem_new_array(count == 0 ? 1 : count, sizeof *list);
    if (list == NULL) {
        return error_no_memory();
    }
    for (size_t i = 0; i < count; i++) {
        list[i] = read_module(&modules[i]);
    }
    CORDON_CLEANUP_BUFFER struct buffer report;
    buffer_init(&report, (size_t)64 << 20);
    const struct audit_actor actor = audit_actor_local();
    cordon_error *error =
        runner_deploy(runtime->runner, number, list, count, mode, &actor, &report);
    mem_free(list);
    TRY(error);
    return api_give_text(&report, out_report);
}

cordon_error *cordon_deploy(
    cordon_runtime *runtime, const cordon_module *modules, size_t count, char **out_report)
{
    return set_functions(runtime, NULL, modules, count, DEPLOY_KEEP, out_report);
}

cordon_error *cordon_load(
    cordon_runtime *runtime, const cordon_module *modules, size_t count, char **out_report)
{
    return set_functions(runtime, NULL, modules, count, DEPLOY_LOAD_ONLY, out_report);
}

cordon_error *cordon_load_of(
    cordon_runtime *runtime,
    const char *tenant,
    const cordon_module *modules,
    size_t count,
    char **out_report)
{
    return set_functions(runtime, tenant, modules, count, DEPLOY_LOAD_ONLY, out_report);
}

cordon_error *cordon_rollback(cordon_runtime *runtime, uint64_t number, char **out_report)
{
    TRY(api_need_runtime(runtime));
    TRY(api_need(out_report, "out_report"));
    CORDON_CLEANUP_BUFFER struct buffer report;
    buffer_init(&report, (size_t)64 << 20);
    const struct audit_actor actor = audit_actor_local();
    TRY(runner_rollback(runtime->runner, TENANT_DEFAULT, number, &actor, &report));
    return api_give_text(&report, out_report);
}

cordon_error *cordon_deploys(cordon_runtime *runtime, char **out_json)
{
    TRY(api_need_runtime(runtime));
    TRY(api_need(out_json, "out_json"));
    CORDON_CLEANUP_BUFFER struct buffer json;
    buffer_init(&json, (size_t)64 << 20);
    TRY(runner_list_deploys(runtime->runner, TENANT_DEFAULT, &json));
    return api_give_text(&json, out_json);
}

cordon_error *cordon_check(cordon_runtime *runtime, const cordon_module *module, char **out_report)
{
    TRY(api_need_runtime(runtime));
    TRY(api_need_modules(module, 1));
    TRY(api_need(out_report, "out_report"));
    CORDON_CLEANUP_BUFFER struct buffer report;
    buffer_init(&report, (size_t)64 << 20);
    const struct deploy_module inside = read_module(module);
    TRY(runner_check(runtime->runner, &inside, &report));
    return api_give_text(&report, out_report);
}

/* -- Calls ---------------------------------------------------------------------------------- */

static void wake_call(void *arg)
{
    cordon_call *call = arg;
    if (call->wake != NULL) {
        call->wake(call->arg);
    } else {
        event_set(&call->woken);
    }
}

static cordon_error *read_request(const cordon_request *given, cordon_request *out_request)
{
    TRY(api_take_struct(given, "request", "cordon_request", sizeof *out_request, out_request));
    if (out_request->path == NULL) {
        return cordon_error_new(
            CORDON_E_INVALID, "request.path must name a function, such as \"messages:list\"");
    }
    if (out_request->args == NULL && out_request->args_size > 0) {
        return cordon_error_new(
            CORDON_E_INVALID, "request.args_size is the size of request.args, which is NULL");
    }
    if (out_request->has_kind && (unsigned)out_request->kind >= CORDON_KIND_COUNT) {
        return cordon_error_new(CORDON_E_INVALID, "request.kind must be one of cordon_kind");
    }
    if (out_request->has_time && out_request->time_ms > UINT64_MAX / 1000000) {
        return cordon_error_new(
            CORDON_E_INVALID, "a time after the year 2554 can't be told; name an earlier one");
    }
    return NULL;
}

cordon_error *api_find_tenant(const cordon_runtime *runtime, const char *name, uint32_t *out_number)
{
    if (name == NULL) {
        return NULL;
    }
    const struct tenant *found =
        tenants_find_name(runner_tenants(runtime->runner), slice_str(name));
    if (found == NULL) {
        return cordon_error_new(
            CORDON_E_NOT_FOUND,
            "there is no tenant '%.80s'; see `cordon tenant list` for those that there are", name);
    }
    *out_number = found->number;
    return NULL;
}

cordon_error *api_call_new(
    cordon_runtime *runtime,
    const struct run_request *request,
    void (*wake)(void *arg),
    void *arg,
    cordon_call **out_call)
{
    cordon_call *call = MEM_NEW(struct cordon_call);
    if (call == NULL) {
        return error_no_memory();
    }
    call->wake = wake;
    call->arg = arg;
    event_init(&call->woken);
    cordon_error *error =
        run_new(runtime->runner, request, (struct store_wake){wake_call, call}, &call->run);
    if (error != NULL) {
        cordon_call_free(call);
        return error;
    }
    *out_call = call;
    return NULL;
}

const struct run *api_run_of(const cordon_call *call)
{
    return call->run;
}

static cordon_error *read_identity(
    const char *given, struct buffer *words, struct identity *out_identity)
{
    if (given == NULL) {
        return NULL;
    }
    cordon_error *error = identity_from_attributes(slice_str(given), words, out_identity);
    if (error == NULL || cordon_error_get_code(error) == CORDON_E_NO_MEMORY) {
        return error;
    }
    cordon_error *told =
        cordon_error_new(CORDON_E_INVALID, "request.identity: %s", cordon_error_get_message(error));
    cordon_error_free(error);
    return told;
}

cordon_error *cordon_call_new(
    cordon_runtime *runtime,
    const cordon_request *request,
    void (*wake)(void *arg),
    void *arg,
    cordon_call **out_call)
{
    TRY(api_need_runtime(runtime));
    TRY(api_need(out_call, "out_call"));
    cordon_request whole;
    uint32_t tenant = TENANT_DEFAULT;
    TRY(read_request(request, &whole));
    TRY(api_find_tenant(runtime, whole.tenant, &tenant));
    TRY(runner_load(runtime->runner, tenant));
    const char *args = whole.args == NULL ? "{}" : whole.args;
    struct limit_changes lower;
    api_copy_limits(&whole.lower, &lower);
    CORDON_CLEANUP_BUFFER struct buffer words;
    buffer_init(&words, 2 * IDENTITY_BYTES_MAX);
    struct identity identity = {0};
    TRY(read_identity(whole.identity, &words, &identity));
    const struct audit_actor actor = audit_actor_local();
    const struct run_request run = {
        .tenant = tenant,
        .path = slice_str(whole.path),
        .args = slice_of(args, whole.args_size > 0 ? whole.args_size : strlen(args)),
        .caller = whole.internal ? CALLER_ADMIN : CALLER_PUBLIC,
        .kind = whole.kind,
        .any_kind = !whole.has_kind,
        .lower = &lower,
        .seed = whole.seed,
        .has_time = whole.has_time,
        .time_ns = whole.time_ms * 1000000,
        .idempotency_key =
            whole.idempotency_key == NULL ? slice_of(NULL, 0) : slice_str(whole.idempotency_key),
        .record = whole.record,
        .identity = identity,
        .actor = whole.internal ? &actor : NULL,
    };
    return api_call_new(runtime, &run, wake, arg, out_call);
}

cordon_call_state cordon_call_poll(cordon_call *call, uint32_t slice_ms)
{
    const uint64_t until = clock_monotonic_ns() + (uint64_t)slice_ms * 1000000;
    switch (run_poll(call->run, until)) {
    case RUN_READY:
        return CORDON_CALL_READY;
    case RUN_WAITING:
        return CORDON_CALL_WAITING;
    case RUN_DONE:
        break;
    }
    return CORDON_CALL_DONE;
}

uint64_t cordon_call_wait_ms(const cordon_call *call)
{
    const uint64_t at = run_wake_at_ns(call->run);
    const uint64_t now = clock_monotonic_ns();
    return at <= now ? 0 : (at - now) / 1000000 + 1;
}

void cordon_call_finish(cordon_call *call)
{
    for (;;) {
        const cordon_call_state state = cordon_call_poll(call, 100);
        if (state == CORDON_CALL_DONE) {
            return;
        }
        if (state == CORDON_CALL_READY) {
            continue;
        }
        event_wait(&call->woken, run_wake_at_ns(call->run));
    }
}

void cordon_call_cancel(cordon_call *call)
{
    run_cancel(call->run);
}

const cordon_outcome *cordon_call_get_outcome(const cordon_call *call)
{
    return (const cordon_outcome *)run_outcome(call->run);
}

void cordon_call_free(cordon_call *call)
{
    if (call == NULL) {
        return;
    }
    run_free(call->run);
    event_done(&call->woken);
    mem_free(call);
}

/* -- JSON ----------------------------------------------------------------------------------- */

cordon_error *cordon_outcome_to_json(const cordon_outcome *outcome, char **out_json)
{
    TRY(api_need(outcome, "outcome"));
    TRY(api_need(out_json, "out_json"));
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, SIZE_MAX);
    TRY(outcome_write_json((const struct outcome *)outcome, &text));
    return api_give_text(&text, out_json);
}

static cordon_error *write_limit(
    struct buffer *out,
    const char *name,
    const char *unit,
    const uint64_t numbers[CORDON_KIND_COUNT],
    const char *code,
    const char *text)
{
    TRY(json_write_comma(out));
    return buffer_printf(
        out,
        "{\"name\":\"%s\",\"unit\":\"%s\",\"query\":%llu,\"mutation\":%llu,\"action\":%llu,"
        "\"code\":\"%s\",\"text\":\"%s\"}",
        name, unit, (unsigned long long)numbers[CORDON_QUERY],
        (unsigned long long)numbers[CORDON_MUTATION], (unsigned long long)numbers[CORDON_ACTION],
        code, text);
}

cordon_error *cordon_limits_to_json(char **out_json)
{
    TRY(api_need(out_json, "out_json"));
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, 65536);
    TRY(buffer_append_byte(&text, '['));
    for (size_t i = 0; i < CORDON_LIMIT_COUNT; i++) {
        const cordon_limit_info *info = cordon_limit_get_info((cordon_limit)i);
        TRY(write_limit(&text, info->name, info->unit, info->defaults, info->code, info->text));
    }
    const char *const refused = cordon_error_code_name(CORDON_E_MODULE_REFUSED);
    const cordon_module_bound *bound = NULL;
    for (size_t i = 0; (bound = cordon_module_bound_get(i)) != NULL; i++) {
        const uint64_t most[CORDON_KIND_COUNT] = {bound->most, bound->most, bound->most};
        TRY(write_limit(&text, bound->name, bound->unit, most, refused, bound->text));
    }
    TRY(buffer_append_byte(&text, ']'));
    return api_give_text(&text, out_json);
}

bool cordon_json_is_object(const char *text, size_t size, cordon_error **out_error)
{
    const struct json_limits limits = {.bytes_max = SIZE_MAX, .depth_max = 128};
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    cordon_error *error = api_need_items(text, size, "text");
    if (error == NULL) {
        error = json_parse(slice_of(text, size), &limits, &doc);
    }
    if (error == NULL && json_kind(json_root(doc)) != JSON_OBJECT) {
        error = cordon_error_new(CORDON_E_BAD_JSON, "it is JSON, but no object");
    }
    if (error == NULL) {
        return true;
    }
    if (out_error == NULL) {
        cordon_error_free(error);
    } else {
        *out_error = error;
    }
    return false;
}
