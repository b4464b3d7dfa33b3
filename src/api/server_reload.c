/* Settings that change while a server runs; see server.h. */
#include "api/api.h"

#include "base/descriptors.h"
#include "run/audit/auditor.h"
#include "value/json.h"

enum { CHANGES_BYTES_MAX = 1 << 20, REFUSAL_BYTES_MAX = 1 << 16 };

/* What says no comes first, so that nothing has changed then; memory may be out at the end. */
static cordon_error *apply_with(
    const cordon_server *server, const cordon_config *config, struct checkpoint_file *file)
{
    struct auth_provider providers[AUTH_PROVIDERS_MAX];
    struct limit_changes limits;
    const struct http_server_options http = {
        .host_names = config->host_names,
        .host_name_count = config->host_name_count,
        .auth_providers = providers,
        .auth_provider_count = config->auth_provider_count,
        .auth_clock_skew_s = config->auth_clock_skew_s,
        .idle_timeout_ms = config->idle_timeout_ms,
        .request_timeout_ms = config->request_timeout_ms,
        .write_timeout_ms = config->write_timeout_ms,
        .drain_timeout_ms = config->drain_timeout_ms,
        .connections_max = config->connections_max,
    };
    struct auditor *const auditor = runner_auditor(server->runner);
    TRY(server_fetch_check(server, config));
    TRY(api_read_providers(
        config->auth_providers, config->auth_provider_count, server->keys_folder, providers));
    TRY(http_server_change(server->http, &http));
    if (auditor != NULL) {
        TRY(auditor_change(auditor, *file, config->audit_interval_ms));
        file->fd = -1;
    }
    api_copy_limits(&config->limits, &limits);
    runner_change_limits(server->runner, &limits);
    server_fetch_change(server, config->jwks_refresh_ms);
    return NULL;
}

static cordon_error *apply(const cordon_server *server, const cordon_config *config)
{
    CORDON_CLEANUP(checkpoint_file_close) struct checkpoint_file file = {.fd = -1};
    TRY(checkpoint_file_open(config->audit_checkpoint_file, &file));
    return apply_with(server, config, &file);
}

/* The body of the audit record: what has changed, and what will at the next start. */
static cordon_error *write_note(struct slice changes, struct slice fixed, struct buffer *out)
{
    const struct audit_actor actor = api_server_actor();
    TRY(buffer_append(out, SLICE("{\"kind\":\"settings\",\"changed\":")));
    TRY(buffer_append(out, changes));
    TRY(buffer_append(out, SLICE(",\"needRestart\":")));
    TRY(json_write_string(out, fixed));
    return audit_actor_end(out, &actor);
}

static cordon_error *reload(
    const cordon_server *server, const cordon_config *running, const cordon_config *wanted)
{
    CORDON_CLEANUP_BUFFER struct buffer changes;
    CORDON_CLEANUP_BUFFER struct buffer fixed;
    CORDON_CLEANUP_BUFFER struct buffer note;
    buffer_init(&changes, CHANGES_BYTES_MAX);
    buffer_init(&fixed, CHANGES_BYTES_MAX);
    buffer_init(&note, (size_t)4 * CHANGES_BYTES_MAX);
    TRY(config_write_changes(running, wanted, &changes));
    TRY(config_write_fixed(running, wanted, &fixed));
    TRY(write_note(buffer_slice(&changes), buffer_slice(&fixed), &note));
    TRY(apply(server, wanted));
    (slice_equal(buffer_slice(&changes), SLICE("{}")) ? auditor_note : auditor_note_settings)(
        runner_auditor(server->runner), buffer_slice(&note));
    const struct log_field fields[] = {
        LOG_FIELD_STRING("changed", buffer_slice(&changes)),
        LOG_FIELD_STRING("needRestart", buffer_slice(&fixed))};
    log_write(
        server->log, fixed.size > 0 ? LOG_WARN : LOG_INFO, "settings", fields,
        fixed.size > 0 ? 2 : 1);
    log_flush(server->log);
    return NULL;
}

void cordon_server_reload_refused(const cordon_server *server, const char *why)
{
    CORDON_CLEANUP_BUFFER struct buffer words;
    buffer_init(&words, REFUSAL_BYTES_MAX);
    cordon_error *error = buffer_printf(&words, "%s; nothing has changed", why);
    const bool is_whole = error == NULL;
    cordon_error_free(error);
    const struct log_field fields[] = {
        LOG_FIELD_STRING("message", is_whole ? buffer_slice(&words) : slice_str(why))};
    log_write(server->log, LOG_ERROR, "settings_refused", fields, 1);
    log_flush(server->log);
}

cordon_error *cordon_server_reload(
    cordon_server *server, cordon_config **running, cordon_config **wanted)
{
    TRY(api_need(server, "server"));
    TRY(api_need(running, "running"));
    TRY(api_need(wanted, "wanted"));
    CORDON_CLEANUP(descriptors_release) struct descriptors_held held;
    descriptors_hold(&held);
    cordon_error *error = reload(server, *running, *wanted);
    if (error != NULL) {
        cordon_server_reload_refused(server, cordon_error_get_message(error));
        return error;
    }
    cordon_config_free(*running);
    *running = *wanted;
    *wanted = NULL;
    return NULL;
}
