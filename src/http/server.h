/*
 * The HTTP server: one libuv loop a thread, each with a listening socket of its own on the same
 * address, over one runner. include/cordon/server.h promises what this does.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "auth/provider.h"
#include "run/runner.h"

struct http_server;

/* Bounds of each timeout. The loop looks at its connections every 250 ms. */
#define HTTP_TIMEOUT_MS_MIN 250
#define HTTP_TIMEOUT_MS_MAX 86400000

/* Texts are borrowed during http_server_new(). Zero means the default that server.h gives. */
struct http_server_options {
    struct runner *runner;     /* borrowed; outlives the server */
    struct metrics *metrics;   /* the same */
    struct log *log;           /* the same; NULL: none */
    const char *data_folder;   /* holds keys.d; NULL: no admin key is accepted */
    const char *socket_folder; /* where operator.sock is made; NULL: in `data_folder` */
    const char *listen;
    const char *operator_listen;
    const struct auth_provider *auth_providers; /* who may say who a user is */
    size_t auth_provider_count;
    uint32_t auth_clock_skew_s; /* 0: AUTH_SKEW_S_DEFAULT */
    bool insecure_dev;          /* other addresses than loopback, also without production */
    uint32_t loops;
    const char *const *host_names;
    size_t host_name_count;
    uint64_t body_bytes_max;
    uint32_t idle_timeout_ms;
    uint32_t request_timeout_ms;
    uint32_t connections_max;
    uint32_t write_timeout_ms;
    uint32_t drain_timeout_ms; /* how long it may take to stop */
};

/*
 * Binds and listens. Errors: CORDON_E_SYSTEM, CORDON_E_INVALID, with what to do; so where a tenant
 * has one of the host names.
 */
CORDON_MUST_USE cordon_error *http_server_new(
    const struct http_server_options *options, struct http_server **out_server);

const char *http_server_url(const struct http_server *server);

/* Who may say who a user is; borrowed until http_server_change(). */
const struct auth_config *http_server_auth(const struct http_server *server);

/* The same as it is now, with a reference for the caller; may be NULL. Any thread. */
struct auth_config *http_server_ref_auth(struct http_server *server);

/* Serves until http_server_stop(); the calling thread is the first loop. */
CORDON_MUST_USE cordon_error *http_server_run(struct http_server *server);

/*
 * Takes timeouts, `connections_max`, host names and auth providers of these options over, all of
 * them or none; who is beyond a lower number of connections stays, and a request keeps the tenant
 * and the user that it had. One thread at a time. Errors: CORDON_E_INVALID, also
 * where a tenant has one of the host names; CORDON_E_SYSTEM if
 * there is room for no connections; those of auth_config_new(), as for a file of keys that a server
 * that has confined itself can't read.
 */
CORDON_MUST_USE cordon_error *http_server_change(
    struct http_server *server, const struct http_server_options *options);

/* Any thread, also from a signal handler. */
void http_server_stop(struct http_server *server);

void http_server_free(struct http_server *server);

#endif
