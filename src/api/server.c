/* The public server and keys, over http/. */
#include "api/api.h"

#include "base/descriptors.h"
#include "base/memory.h"
#include "http/server.h"
#include "run/audit/auditor.h"
#include "run/settings_row.h"
#include "value/json.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define UNIX_PREFIX "unix:"

enum {
    AUDIT_INTERVAL_MS_MIN = 100,
    AUDIT_INTERVAL_MS_MAX = 86400000,
    SETTINGS_BYTES_MAX = 3 << 20,
};

/* Who may send a signal to the server, or is the program that embeds it. */
struct audit_actor api_server_actor(void)
{
    return audit_actor_user((uint32_t)geteuid(), "who runs the server");
}

static cordon_error *read_options(
    const cordon_server_options *given, cordon_server_options *out_options)
{
    TRY(api_take_struct(
        given, "options", "cordon_server_options", sizeof *out_options, out_options));
    if (out_options->runtime == NULL) {
        return cordon_error_new(
            CORDON_E_INVALID, "options.runtime must be the runtime that the server runs");
    }
    TRY(api_need_runtime(out_options->runtime));
    TRY(api_need_texts(
        out_options->host_names, out_options->host_name_count, "options.host_names"));
    TRY(api_need_items(
        out_options->auth_providers, out_options->auth_provider_count, "options.auth_providers"));
    return NULL;
}

static cordon_error *check_audit(const cordon_server_options *options)
{
    const uint32_t ms = options->audit_interval_ms;
    return ms == 0 || (ms >= AUDIT_INTERVAL_MS_MIN && ms <= AUDIT_INTERVAL_MS_MAX)
               ? NULL
               : cordon_error_new(
                     CORDON_E_INVALID,
                     "`audit_interval_ms` is a number of milliseconds from %d to %d, or 0 for %d",
                     AUDIT_INTERVAL_MS_MIN, AUDIT_INTERVAL_MS_MAX, AUDITOR_INTERVAL_MS_DEFAULT);
}

static cordon_error *keep_audit(const cordon_runtime *runtime, const cordon_server_options *options)
{
    if (runtime->data_folder == NULL) {
        return NULL;
    }
    CORDON_CLEANUP_BUFFER struct buffer folder;
    buffer_init(&folder, 65536);
    TRY(buffer_printf(&folder, "%s/audit.d", runtime->data_folder));
    TRY(buffer_append_byte(&folder, '\0'));
    const struct auditor_options auditor = {
        .store = runtime->store,
        .log = runtime->log,
        .tenant = TENANT_DEFAULT,
        .folder = (const char *)folder.data,
        .checkpoint_file = options->audit_checkpoint_file,
        .checkpoint_syslog = options->audit_checkpoint_syslog,
        .interval_ms = options->audit_interval_ms,
    };
    return runner_keep_audit(runtime->runner, &auditor);
}

/* The version with them, as it says what holds where nothing is set. */
static cordon_error *write_effective(const cordon_server_options *options, struct buffer *out)
{
    TRY(buffer_append(out, SLICE("{\"version\":")));
    TRY(json_write_string(out, SLICE(CORDON_VERSION)));
    if (options->insecure_dev) {
        TRY(buffer_append(out, SLICE(",\"insecure_dev\":true")));
    }
    TRY(buffer_append(out, SLICE(",\"settings\":")));
    TRY(config_write_effective(options->settings, out));
    return buffer_append_byte(out, '}');
}

static cordon_error *write_settings_body(struct slice effective, struct buffer *out)
{
    const struct audit_actor actor = api_server_actor();
    TRY(buffer_append(out, SLICE("{\"kind\":\"settings\",\"effective\":")));
    TRY(buffer_append(out, effective));
    return audit_actor_end(out, &actor);
}

/*
 * `out_unwritten` is the body of the record if the disk is too full for it: a server starts all
 * the same, as queries need no room there, and the keeper of the audit log writes it once there is.
 */
static cordon_error *record_settings(
    const cordon_runtime *runtime,
    const cordon_server_options *options,
    struct buffer *out_unwritten)
{
    CORDON_CLEANUP_BUFFER struct buffer effective;
    buffer_init(&effective, SETTINGS_BYTES_MAX);
    if (runtime->data_folder == NULL || options->settings == NULL) {
        return NULL;
    }
    TRY(write_effective(options, &effective));
    TRY(write_settings_body(buffer_slice(&effective), out_unwritten));
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
        settings_row_record(runtime->store, buffer_slice(out_unwritten), buffer_slice(&effective));
    if (error != NULL && cordon_error_get_code(error) == CORDON_E_DISK_FULL) {
        return NULL;
    }
    buffer_clear(out_unwritten);
    return CORDON_TAKE(error);
}

static void server_freep(cordon_server **server)
{
    cordon_server_free(*server);
}

static cordon_error *copy_path(const char *path, char **out_copy)
{
    if (path != NULL) {
        *out_copy = mem_copy_string(slice_str(path));
        return *out_copy == NULL ? error_no_memory() : NULL;
    }
    return NULL;
}

cordon_error *api_read_providers(
    const cordon_auth_provider *all,
    size_t count,
    const char *url_folder,
    struct auth_provider *out_providers)
{
    if (count > AUTH_PROVIDERS_MAX) {
        return cordon_error_new(
            CORDON_E_INVALID, "there are at most %d auth providers", AUTH_PROVIDERS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        const cordon_auth_provider *given = &all[i];
        out_providers[i] = (struct auth_provider){
            .issuer = given->issuer,
            .application_id = given->application_id,
            .algorithm = given->algorithm,
            .jwks = given->jwks,
            .url_folder = url_folder,
            .tenant = given->tenant == NULL ? "default" : given->tenant,
        };
    }
    return NULL;
}

static cordon_error *copy_paths(const cordon_server_options *options, cordon_server *server)
{
    const char *const operator_listen = options->operator_listen;
    if (operator_listen != NULL &&
        strncmp(operator_listen, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0) {
        TRY(copy_path(operator_listen + strlen(UNIX_PREFIX), &server->operator_path));
    }
    return copy_path(options->audit_checkpoint_file, &server->checkpoint_path);
}

static cordon_error *name_keys_folder(const char *data_folder, char **out_path)
{
    CORDON_CLEANUP_BUFFER struct buffer path;
    buffer_init(&path, 65536);
    if (data_folder == NULL) {
        return NULL;
    }
    TRY(buffer_printf(&path, "%s/jwks.d", data_folder));
    TRY(buffer_append_byte(&path, '\0'));
    return copy_path((const char *)path.data, out_path);
}

/* The one of its two paths that has room for a socket in it; the whole one, if it has. */
static const char *folder_for_socket(const cordon_runtime *runtime)
{
    static const char name[] = "/operator.sock";
    const struct sockaddr_un address;
    const char *const whole = runtime->data_folder;
    return whole == NULL || strlen(whole) + sizeof name <= sizeof address.sun_path
               ? whole
               : runtime->given_folder;
}

static cordon_error *make_server(const cordon_server_options *options, cordon_server **out_server)
{
    CORDON_CLEANUP(server_freep) cordon_server *server = MEM_NEW(struct cordon_server);
    if (server == NULL) {
        return error_no_memory();
    }
    server->runner = options->runtime->runner;
    server->log = options->runtime->log;
    server->data_folder = options->runtime->data_folder;
    TRY(copy_paths(options, server));
    TRY(name_keys_folder(server->data_folder, &server->keys_folder));
    *out_server = CORDON_TAKE(server);
    return NULL;
}

cordon_error *cordon_server_new(const cordon_server_options *options, cordon_server **out_server)
{
    TRY(api_need(out_server, "out_server"));
    cordon_server_options whole;
    TRY(read_options(options, &whole));
    const cordon_runtime *runtime = whole.runtime;
    struct auth_provider providers[AUTH_PROVIDERS_MAX];
    const struct http_server_options http = {
        .runner = runtime->runner,
        .metrics = runtime->metrics,
        .log = runtime->log,
        .data_folder = runtime->data_folder,
        .socket_folder = folder_for_socket(runtime),
        .listen = whole.listen,
        .operator_listen = whole.operator_listen,
        .insecure_dev = whole.insecure_dev,
        .loops = whole.loops,
        .host_names = whole.host_names,
        .host_name_count = whole.host_name_count,
        .body_bytes_max = whole.body_bytes_max,
        .idle_timeout_ms = whole.idle_timeout_ms,
        .request_timeout_ms = whole.request_timeout_ms,
        .connections_max = whole.connections_max,
        .write_timeout_ms = whole.write_timeout_ms,
        .drain_timeout_ms = whole.drain_timeout_ms,
        .auth_providers = providers,
        .auth_provider_count = whole.auth_provider_count,
        .auth_clock_skew_s = whole.auth_clock_skew_s,
    };
    TRY(check_audit(&whole));
    CORDON_CLEANUP(descriptors_release) struct descriptors_held held;
    descriptors_hold(&held);
    CORDON_CLEANUP(server_freep) cordon_server *server = NULL;
    TRY(make_server(&whole, &server));
    TRY(api_read_providers(
        whole.auth_providers, whole.auth_provider_count, server->keys_folder, providers));
    TRY(runner_watch(runtime->runner));
    CORDON_CLEANUP_BUFFER struct buffer unwritten;
    buffer_init(&unwritten, AUDIT_BODY_BYTES_MAX);
    TRY(record_settings(runtime, &whole, &unwritten));
    TRY(keep_audit(runtime, &whole));
    if (unwritten.size > 0) {
        auditor_note_settings(runner_auditor(runtime->runner), buffer_slice(&unwritten));
    }
    TRY(runner_tend(runtime->runner));
    runner_allow_deploys(runtime->runner); /* an earlier server's stop may have ended them */
    TRY(http_server_new(&http, &server->http));
    TRY(server_fetch_start(server, &whole, runtime->metrics));
    *out_server = CORDON_TAKE(server);
    return NULL;
}

const char *cordon_server_get_url(const cordon_server *server)
{
    return http_server_url(server->http);
}

cordon_error *cordon_server_run(cordon_server *server)
{
    TRY(api_need(server, "server"));
    return http_server_run(server->http);
}

void cordon_server_stop(cordon_server *server)
{
    const int before = errno; /* it may be called by a signal's handler */
    runner_stop_deploys(server->runner);
    http_server_stop(server->http);
    errno = before;
}

void cordon_server_free(cordon_server *server)
{
    if (server != NULL) {
        server_fetch_end(server);
        http_server_free(server->http);
        mem_free(server->keys_folder);
        mem_free(server->operator_path);
        mem_free(server->checkpoint_path);
        mem_free(server);
    }
}

bool cordon_data_folder_has_store(const char *data_folder)
{
    return data_folder != NULL && store_is_there(data_folder);
}
