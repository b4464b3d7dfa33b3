/* Making, changing, threads, stopping; see server.h. */
#include "http/internal.h"

#include "base/memory.h"
#include "base/pipe_signal.h"
#include "run/audit/auditor.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/resource.h>

#define BODY_BYTES_DEFAULT (((uint64_t)16 << 20) + 2000)
#define IDLE_TIMEOUT_DEFAULT_MS 60000
#define REQUEST_TIMEOUT_DEFAULT_MS 30000
#define WRITE_TIMEOUT_DEFAULT_MS 30000
#define DRAIN_TIMEOUT_DEFAULT_MS 10000
#define CONNECTIONS_DEFAULT (8 * LOADS_WAITING_MAX)
#define LOOPS_MAX 256
/*
 * Descriptors that connections leave to others: the store, deploys with two compile workers at a
 * time, keys, and what the embedding program opens later. Where the open ones can't be counted, so
 * many are.
 */
#define DESCRIPTORS_KEPT 64
#define DESCRIPTORS_GUESSED 64

/* -- Room ----------------------------------------------------------------------------------- */

/* Descriptors that are open now, as far as that can be seen. */
static uint64_t count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) {
        return DESCRIPTORS_GUESSED;
    }
    uint64_t count = 0;
    while (readdir(folder) != NULL) {
        count++;
    }
    (void)closedir(folder);
    return count;
}

/* How many connections this process has descriptors for, if others need no more than is kept. */
static uint64_t count_room(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return UINT64_MAX;
    }
    const uint64_t taken = count_descriptors() + DESCRIPTORS_KEPT;
    return limit.rlim_cur > taken ? limit.rlim_cur - taken : 0;
}

/* Connections that are open: they have descriptors already. */
static uint64_t count_open(const struct http_server *server)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < server->loop_count; i++) {
        count += atomic_load(&server->loops[i].connection_count);
    }
    return count;
}

/* Shares out the connections there may be. The listeners are open: what they need is counted. */
static cordon_error *share_connections(struct http_server *server, uint32_t wanted)
{
    struct http_settings *settings = &server->settings;
    const uint64_t room = count_room() + count_open(server);
    if (room < server->loop_count) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "too many open files: there is none left for connections; allow more "
                             "(ulimit -n), or lower `loops`");
    }
    settings->connections_max = wanted > 0 ? wanted : CONNECTIONS_DEFAULT;
    if (room < settings->connections_max) {
        settings->connections_max = (uint32_t)room;
        const struct log_field fields[] = {
            LOG_FIELD_STRING(
                "message", SLICE("the limit on open files allows no more connections; raise it")),
            LOG_FIELD_NUMBER("connections_max", room)};
        log_write(server->options.log, LOG_WARN, "connections_bounded", fields, 2);
    }
    for (uint32_t i = 0; i < server->loop_count; i++) {
        const uint32_t share = settings->connections_max / server->loop_count;
        atomic_store(&server->loops[i].connections_max, share > 0 ? share : 1);
    }
    return NULL;
}

/* -- Life ----------------------------------------------------------------------------------- */

static cordon_error *read_timeout(
    const char *name, uint32_t given_ms, uint32_t default_ms, uint64_t *out_ms)
{
    if (given_ms != 0 && (given_ms < HTTP_TIMEOUT_MS_MIN || given_ms > HTTP_TIMEOUT_MS_MAX)) {
        return cordon_error_new(
            CORDON_E_INVALID, "`%s` is a number of milliseconds from %d to %d, or 0 for %u", name,
            HTTP_TIMEOUT_MS_MIN, HTTP_TIMEOUT_MS_MAX, default_ms);
    }
    *out_ms = given_ms > 0 ? given_ms : default_ms;
    return NULL;
}

struct timeouts {
    uint64_t request_ms;
    uint64_t idle_ms;
    uint64_t write_ms;
    uint64_t drain_ms;
};

static cordon_error *read_timeouts(
    const struct http_server_options *options, struct timeouts *out_timeouts)
{
    TRY(read_timeout(
        "request_timeout_ms", options->request_timeout_ms, REQUEST_TIMEOUT_DEFAULT_MS,
        &out_timeouts->request_ms));
    TRY(read_timeout(
        "idle_timeout_ms", options->idle_timeout_ms, IDLE_TIMEOUT_DEFAULT_MS,
        &out_timeouts->idle_ms));
    TRY(read_timeout(
        "write_timeout_ms", options->write_timeout_ms, WRITE_TIMEOUT_DEFAULT_MS,
        &out_timeouts->write_ms));
    return read_timeout(
        "drain_timeout_ms", options->drain_timeout_ms, DRAIN_TIMEOUT_DEFAULT_MS,
        &out_timeouts->drain_ms);
}

static void set_timeouts(struct http_settings *settings, const struct timeouts *timeouts)
{
    settings->request_timeout_ms = timeouts->request_ms;
    settings->idle_timeout_ms = timeouts->idle_ms;
    settings->write_timeout_ms = timeouts->write_ms;
    settings->drain_timeout_ms = timeouts->drain_ms;
}

static cordon_error *read_settings(struct http_server *server)
{
    const struct http_server_options *options = &server->options;
    struct http_settings *settings = &server->settings;
    struct timeouts timeouts;
    TRY(read_timeouts(options, &timeouts));
    set_timeouts(settings, &timeouts);
    const uint64_t body =
        options->body_bytes_max > 0 ? options->body_bytes_max : BODY_BYTES_DEFAULT;
    settings->body_bytes_max = (size_t)body;
    const uint32_t processors = runner_get_processors(options->runner);
    settings->loops = options->loops > 0       ? options->loops
                      : processors < LOOPS_MAX ? processors
                                               : LOOPS_MAX;
    if (settings->loops > LOOPS_MAX) {
        return cordon_error_new(CORDON_E_INVALID, "`loops` is at most %d", LOOPS_MAX);
    }
    return NULL;
}

static cordon_error *register_metrics(struct http_server *server)
{
    struct metrics *metrics = server->options.metrics;
    TRY(metrics_histogram_seconds(
        metrics, "http_loop_hold_seconds", NULL,
        "Time a loop works before it looks at its sockets again.", &server->hold));
    TRY(metrics_counter(
        metrics, "http_requests_total", NULL, "Requests received whole.", &server->requests));
    TRY(metrics_gauge(
        metrics, "http_connections_info", NULL, "Connections open now.",
        &server->open_connections));
    TRY(metrics_gauge(
        metrics, "http_memory_used_bytes", NULL, "Memory of connections, out of that of all runs.",
        &server->memory_used));
    TRY(metrics_counter(
        metrics, "log_lines_unwritten_total", NULL,
        "Lines that the log lacks: its reader did not keep up, or their source had too many.",
        &server->lines_unwritten));
    TRY(refusals_new(metrics, server->options.log, &server->refusals));
    return process_metrics_init(&server->process, metrics);
}

static void note_key(void *runner, struct slice body)
{
    auditor_note(runner_auditor(runner), body);
}

void server_watch_keys(struct http_server *server)
{
    if (runner_auditor(server->options.runner) != NULL) {
        keys_watch(server->keys, note_key, server->options.runner);
    }
}

cordon_error *server_revoke_keys(
    struct http_server *server, const char *tenant, const struct audit_actor *actor)
{
    struct runner *const runner = server->options.runner;
    const bool is_audited = runner_auditor(runner) != NULL;
    return server->data_folder == NULL ? NULL
                                       : keys_revoke(
                                             server->keys, server->data_folder, tenant, actor,
                                             is_audited ? note_key : NULL, runner);
}

static void free_hosts(struct tenant_settings **hosts)
{
    tenant_settings_free(*hosts);
}

/* Its host names are nobody else's, and stay so. */
static cordon_error *claim_hosts(struct http_server *server)
{
    struct tenants *tenants = runner_tenants(server->options.runner);
    CORDON_CLEANUP(free_hosts) struct tenant_settings *hosts = NULL;
    TRY(site_copy_hosts(&server->site, &hosts));
    (void)pthread_mutex_lock(&tenants->admin_lock);
    cordon_error *error = tenants_check_usual_hosts(tenants, hosts);
    if (error == NULL) {
        tenants_set_usual_hosts(tenants, CORDON_TAKE(hosts));
        server->has_hosts = true;
    }
    (void)pthread_mutex_unlock(&tenants->admin_lock);
    return error;
}

/* A slip, or of one that is yet to be made: until then nobody signs in by it. */
static void warn_of_providers(
    struct log *log, const struct http_server_options *options, struct tenants *tenants)
{
    for (size_t i = 0; i < options->auth_provider_count; i++) {
        const struct auth_provider *const provider = &options->auth_providers[i];
        const char *const name = provider->tenant;
        if (name == NULL || tenants_find_name(tenants, slice_str(name)) != NULL) {
            continue;
        }
        const struct log_field fields[] = {
            LOG_FIELD_STRING(
                "message",
                SLICE(
                    "a provider of `auth_providers` is of a tenant that there is not; see `cordon "
                    "tenant list`")),
            LOG_FIELD_STRING("tenant", slice_str(name)),
            LOG_FIELD_STRING("issuer", slice_str(provider->issuer)),
        };
        log_write(
            log, LOG_WARN, "auth_provider_without_tenant", fields,
            sizeof fields / sizeof fields[0]);
    }
}

static void give_up_hosts(struct http_server *server)
{
    if (server->has_hosts) {
        struct tenants *tenants = runner_tenants(server->options.runner);
        (void)pthread_mutex_lock(&tenants->admin_lock);
        tenants_set_usual_hosts(tenants, NULL);
        (void)pthread_mutex_unlock(&tenants->admin_lock);
    }
}

static cordon_error *start(struct http_server *server)
{
    const struct http_server_options *options = &server->options;
    TRY(read_settings(server));
    TRY(compute_init(&server->compute, runner_get_permits(options->runner)));
    TRY(compute_init_texts(&server->texts));
    TRY(register_metrics(server));
    TRY(keys_new(options->data_folder, options->log, &server->keys));
    if (options->data_folder != NULL) {
        server->data_folder = mem_copy_string(slice_str(options->data_folder));
        if (server->data_folder == NULL) {
            return error_no_memory();
        }
    }
    runner_keep_executions(options->runner);
    server_watch_keys(server);
    TRY(site_read(&server->site, options));
    TRY(claim_hosts(server));
    warn_of_providers(options->log, options, runner_tenants(options->runner));
    const uint32_t wanted = server->settings.loops;
    server->loops = mem_new_array(wanted, sizeof *server->loops);
    if (server->loops == NULL) {
        return error_no_memory();
    }
    for (; server->loop_count < wanted; server->loop_count++) {
        struct loop *loop = &server->loops[server->loop_count];
        loop->server = server;
        TRY(loop_init(loop));
    }
    TRY(server_listen(server));
    TRY(share_connections(server, options->connections_max));
    const struct prober_options prober = {
        .runner = options->runner,
        .log = options->log,
        .loops = server->loop_count,
        .add_turn = compute_add,
        .add_arg = &server->compute,
    };
    return prober_new(&prober, &server->prober);
}

static void init_jobs(struct http_server *server)
{
    const struct jobs_options deploys = {
        .work = deploy_work, .waiting_max = JOBS_WAITING_MAX, .threads_max = BUILDERS_MAX};
    const struct jobs_options data = {
        .work = data_work,
        .waiting_max = JOBS_WAITING_MAX,
        .threads_max = DATA_THREADS_MAX,
        .keeps_operators = true,
    };
    const struct jobs_options loads = {
        .work = load_work,
        .waiting_max = LOADS_WAITING_MAX,
        .threads_max = LOADERS_MAX,
        .is_shared = true,
    };
    const struct jobs_options builds = {
        .work = build_work,
        .waiting_max = LOADS_WAITING_MAX,
        .threads_max = BUILDERS_MAX,
        .is_shared = true,
    };
    jobs_init(&server->deploys, &deploys);
    jobs_init(&server->data, &data);
    jobs_init(&server->loads, &loads);
    jobs_init(&server->builds, &builds);
}

cordon_error *http_server_new(
    const struct http_server_options *options, struct http_server **out_server)
{
    struct http_server *server = MEM_NEW(struct http_server);
    if (server == NULL) {
        return error_no_memory();
    }
    server->options = *options;
    init_jobs(server);
    site_init(&server->site);
    purse_init(&server->purse, options->runner);
    cordon_error *error = start(server);
    if (error != NULL) {
        http_server_free(server);
        return error;
    }
    *out_server = server;
    return NULL;
}

/* With the lock of changes of tenants. */
static cordon_error *change(
    struct http_server *server,
    const struct http_server_options *options,
    const struct timeouts *timeouts,
    struct site *next)
{
    struct tenants *tenants = runner_tenants(server->options.runner);
    CORDON_CLEANUP(free_hosts) struct tenant_settings *hosts = NULL;
    TRY(site_copy_hosts(next, &hosts));
    TRY(tenants_check_usual_hosts(tenants, hosts));
    TRY(share_connections(server, options->connections_max));
    set_timeouts(&server->settings, timeouts);
    tenants_set_usual_hosts(tenants, CORDON_TAKE(hosts));
    site_swap(&server->site, next);
    warn_of_providers(server->options.log, options, tenants);
    return NULL;
}

cordon_error *http_server_change(
    struct http_server *server, const struct http_server_options *options)
{
    struct timeouts timeouts;
    CORDON_CLEANUP(site_done) struct site next;
    site_init(&next);
    struct http_server_options whole = *options;
    whole.log = server->options.log;
    TRY(site_read(&next, &whole));
    TRY(read_timeouts(options, &timeouts));
    struct tenants *tenants = runner_tenants(server->options.runner);
    (void)pthread_mutex_lock(&tenants->admin_lock);
    cordon_error *error = change(server, options, &timeouts, &next);
    (void)pthread_mutex_unlock(&tenants->admin_lock);
    return error;
}

const char *http_server_url(const struct http_server *server)
{
    return server->url;
}

const struct auth_config *http_server_auth(const struct http_server *server)
{
    return server->site.auth;
}

struct auth_config *http_server_ref_auth(struct http_server *server)
{
    return site_auth(&server->site);
}

static void *loop_main(void *arg)
{
    loop_run(arg);
    return NULL;
}

/* This thread is the first loop, those of the others are started here. */
static cordon_error *run_loops(struct http_server *server)
{
    int failed = 0;
    for (uint32_t i = 1; i < server->loop_count && failed == 0; i++) {
        struct loop *loop = &server->loops[i];
        failed = pthread_create(&loop->thread, NULL, loop_main, loop);
        loop->has_thread = failed == 0;
    }
    if (failed != 0) {
        http_server_stop(server);
    }
    loop_run(&server->loops[0]);
    for (uint32_t i = 1; i < server->loop_count; i++) {
        struct loop *loop = &server->loops[i];
        if (loop->has_thread) {
            (void)pthread_join(loop->thread, NULL);
            loop->has_thread = false;
        }
    }
    if (failed != 0) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "a thread can't be started: %s; lower `loops`",
            strerrordesc_np(failed));
    }
    return NULL;
}

/* A client that leaves before it is answered ends its connection, and not the process. */
cordon_error *http_server_run(struct http_server *server)
{
    sigset_t before;
    const bool blocked = pipe_signal_block(&before);
    prober_begin(server->prober);
    cordon_error *error = run_loops(server);
    if (blocked) {
        pipe_signal_unblock(&before, true);
    }
    return error;
}

void http_server_stop(struct http_server *server)
{
    for (uint32_t i = 0; i < server->loop_count; i++) {
        (void)uv_async_send(&server->loops[i].stop);
    }
}

void http_server_free(struct http_server *server)
{
    if (server == NULL) {
        return;
    }
    for (uint32_t i = 0; i < server->loop_count; i++) {
        loop_done(&server->loops[i]);
    }
    prober_free(server->prober); /* its runs have their turns on the compute threads */
    compute_done(&server->compute);
    compute_done(&server->texts);
    jobs_done(&server->deploys);
    jobs_done(&server->data);
    jobs_done(&server->loads);
    jobs_done(&server->builds);
    keys_free(server->keys);
    refusals_free(server->refusals);
    give_up_hosts(server);
    mem_free(server->data_folder);
    site_done(&server->site);
    mem_free(server->loops);
    mem_free(server);
}
