/* Keys that come from URLs: what fetches them, and what is told of it; see auth/fetcher.h. */
#include "api/api.h"

#include "auth/fetcher.h"
#include "base/folder.h"
#include "observe/metrics.h"

#include <stdio.h>
#include <unistd.h>

/* -- Telling -------------------------------------------------------------------------------- */

static void log_fields(
    struct log *log,
    enum log_level level,
    const char *event,
    const struct log_field *fields,
    size_t count)
{
    log_write(log, level, event, fields, count);
    log_flush(log);
}

static void tell_hello(struct log *log, const struct fetch_event *event)
{
    const bool is_whole = event->words[0] == '\0';
    const struct log_field fields[] = {
        LOG_FIELD_NUMBER("landlockVersion", event->landlock),
        LOG_FIELD_STRING("missing", slice_str(event->words)),
    };
    if (event->replaces != 0) {
        char words[160];
        (void)snprintf(
            words, sizeof words,
            "The process that fetches key sets died (signal %u) and was started again.",
            event->signal);
        const struct log_field why[] = {LOG_FIELD_STRING("message", slice_str(words))};
        log_fields(log, LOG_WARN, "key_fetcher_replaced", why, 1);
    }
    log_fields(
        log, is_whole ? LOG_INFO : LOG_WARN, "key_fetcher_confined", fields, is_whole ? 1 : 2);
}

static void tell_fetch(const cordon_server *server, const struct fetch_event *event)
{
    const bool failed = event->kind == FETCH_FAILED;
    const struct log_field fields[] = {
        LOG_FIELD_STRING("url", slice_str(event->url)),
        LOG_FIELD_STRING("message", slice_str(event->words)),
    };
    counter_add(failed ? server->failed_fetches : server->fetches, 1);
    if (failed) {
        log_fields(server->log, LOG_WARN, "auth_keys_unfetched", fields, 2);
    } else if (event->kind == FETCH_CHANGED) {
        log_fields(server->log, LOG_INFO, "auth_keys_fetched", fields, 1);
    }
}

static void tell(void *arg, const struct fetch_event *event, const char *words)
{
    const cordon_server *const server = arg;
    const struct log_field fields[] = {LOG_FIELD_STRING("message", slice_str(words))};
    if (event == NULL) {
        log_fields(server->log, LOG_ERROR, "key_fetcher_lost", fields, 1);
    } else if (event->kind == FETCH_HELLO) {
        tell_hello(server->log, event);
    } else {
        tell_fetch(server, event);
    }
}

/* -- Life ----------------------------------------------------------------------------------- */

static struct auth_config *providers_of(void *arg)
{
    const cordon_server *const server = arg;
    return http_server_ref_auth(server->http);
}

static bool has_url(const struct auth_config *auth)
{
    bool has = false;
    for (size_t i = 0; i < auth_config_count(auth); i++) {
        has = has || auth_config_url(auth, i) != NULL;
    }
    return has;
}

static uint32_t refresh_or_default(uint32_t refresh_ms)
{
    return refresh_ms == 0 ? FETCH_REFRESH_MS_DEFAULT : refresh_ms;
}

static cordon_error *count_fetches(cordon_server *server, struct metrics *metrics)
{
    static const char name[] = "auth_key_fetches_total";
    static const char help[] = "Key sets of auth providers fetched from their URLs.";
    TRY(metrics_counter(metrics, name, "result=\"success\"", help, &server->fetches));
    return metrics_counter(metrics, name, "result=\"error\"", help, &server->failed_fetches);
}

static cordon_error *make_folder(const char *path)
{
    int fd = -1;
    TRY(folder_open(path, "the folder for keys of auth providers", &fd));
    (void)close(fd);
    return NULL;
}

cordon_error *server_fetch_start(
    cordon_server *server, const cordon_server_options *options, struct metrics *metrics)
{
    const uint32_t refresh_ms = refresh_or_default(options->jwks_refresh_ms);
    if (refresh_ms < FETCH_REFRESH_MS_MIN || refresh_ms > FETCH_REFRESH_MS_MAX) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "`jwks_refresh_ms` is a number of milliseconds from %d to %d, or 0 for %d",
            FETCH_REFRESH_MS_MIN, FETCH_REFRESH_MS_MAX, FETCH_REFRESH_MS_DEFAULT);
    }
    TRY(count_fetches(server, metrics));
    if (!has_url(http_server_auth(server->http))) {
        return NULL;
    }
    if (options->key_fetcher == NULL) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "the keys of an auth provider have a URL, and nothing is named to fetch it; give the "
            "path of cordon-fetch as `key_fetcher`, or name a file in `jwks`");
    }
    TRY(make_folder(server->keys_folder));
    const struct fetcher_options fetcher = {
        .path = options->key_fetcher,
        .folder = server->keys_folder,
        .refresh_ms = refresh_ms,
        .providers = providers_of,
        .tell = tell,
        .arg = server,
    };
    return fetcher_start(&fetcher, &server->fetcher);
}

cordon_error *server_fetch_check(const cordon_server *server, const cordon_config *config)
{
    for (size_t i = 0; i < config->auth_provider_count && server->fetcher == NULL; i++) {
        if (key_url_is(config->auth_providers[i].jwks)) {
            return cordon_error_new(
                CORDON_E_INVALID,
                "'%s' is the first URL of keys among the auth providers: what fetches it is "
                "started with the server alone; restart it",
                config->auth_providers[i].jwks);
        }
    }
    return NULL;
}

void server_fetch_change(const cordon_server *server, uint32_t refresh_ms)
{
    if (server->fetcher != NULL) {
        fetcher_change(server->fetcher, refresh_or_default(refresh_ms));
    }
}

void server_fetch_end(cordon_server *server)
{
    fetcher_end(server->fetcher);
    server->fetcher = NULL;
}
