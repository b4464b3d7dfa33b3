/*
 * The settings of `cordon serve` as a JSON file, and telling people what they may have meant.
 *
 *     {
 *       "listen": "127.0.0.1:3210",          "operator_listen": "unix:/run/cordon.sock",
 *       "data": "/var/lib/cordon",           "host_names": ["app.example.org"],
 *       "loops": 2, "permits": 8, "slots": 1000, "memory_bytes": 4294967296,
 *       "turn_wait_ms": 300000,              "connections_max": 4096,
 *       "queue_target_ms": 200, "queue_interval_ms": 2000, "tenant_share_percent": 75,
 *       "request_timeout_ms": 30000, "idle_timeout_ms": 60000, "write_timeout_ms": 30000,
 *       "drain_timeout_ms": 10000,
 *       "limits": {"fuel": 20000000000},     "production": true,
 *       "replay_sample": 1000,               "record_functions": ["messages:send"],
 *       "records_bytes": 1073741824,         "records_days": 14,
 *       "log_lines_per_second": 10000,
 *       "audit_interval_ms": 60000,          "audit_checkpoint_file": "/mnt/worm/cordon.audit",
 *       "audit_checkpoint_syslog": "/dev/log", "confine": true,
 *       "auth_providers": [{"domain": "https://auth.example.org", "applicationID": "app",
 *                           "jwks": "/etc/cordon/auth.jwks"}],
 *       "jwks_refresh_ms": 600000
 *     }
 *
 * Every key may be left out. A key that does not exist is an error that names the nearest one that
 * does: a setting with a typing error would otherwise be a setting not made.
 */
#ifndef CORDON_CONFIG_H
#define CORDON_CONFIG_H

#include <cordon/runtime.h>
#include <cordon/server.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What a file says; what it leaves out is NULL, 0 or false, as the options structs mean it, but for
 * `replay_sample`, which is CORDON_REPLAY_SAMPLE_DEFAULT then, as 0 says that nothing is replayed,
 * and `confine`, which is true.
 */
typedef struct cordon_config {
    const char *listen;
    const char *operator_listen;
    const char *data;
    const char *const *host_names;
    size_t host_name_count;
    cordon_limit_set limits;
    uint32_t loops;
    uint32_t permits;
    uint32_t slots;
    uint32_t turn_wait_ms; /* most that a run waits for its turns, in all */
    uint64_t memory_bytes;
    bool production;
    uint32_t request_timeout_ms; /* these five as in cordon_server_options */
    uint32_t idle_timeout_ms;
    uint32_t write_timeout_ms;
    uint32_t connections_max;
    uint32_t drain_timeout_ms;
    uint32_t replay_sample;              /* of a million queries and mutations */
    const char *const *record_functions; /* paths, as deployed */
    size_t record_function_count;
    uint64_t records_bytes;
    uint32_t records_days;
    uint32_t log_lines_per_second;
    uint32_t audit_interval_ms; /* these three as in cordon_server_options */
    const char *audit_checkpoint_file;
    const char *audit_checkpoint_syslog;
    bool confine; /* true unless the file says false: cordon_server_confine() */
    const cordon_auth_provider *auth_providers; /* as there */
    size_t auth_provider_count;
    uint32_t auth_clock_skew_s;
    uint32_t queue_target_ms; /* these three as in cordon_runtime_options */
    uint32_t queue_interval_ms;
    uint32_t tenant_share_percent;
    uint32_t jwks_refresh_ms; /* as in cordon_server_options */
} cordon_config;

/*
 * Reads the text of a config file. The result and its texts live until cordon_config_free().
 * Errors: CORDON_E_BAD_JSON with line and column; CORDON_E_INVALID naming the key and what it may
 * be; CORDON_E_NO_MEMORY.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_config_parse(
    const char *text, size_t size, cordon_config **out_config);

/*
 * Puts what the environment says in the place of what a config says: the variable CORDON_ and the
 * name in capitals, such as CORDON_LISTEN; a text stands there as it is, all else as JSON, and
 * `limits` replaces all of them. `environment` is as environ, NULL: nothing. A variable that begins
 * so and is near to a setting's is an error, others are not looked at. Errors: CORDON_E_INVALID
 * naming the variable, CORDON_E_NO_MEMORY; some may have been taken over then.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_config_override(
    cordon_config *config, const char *const *environment);

/* NULL accepted. */
CORDON_API void cordon_config_free(cordon_config *config);

/*
 * Takes over, while it runs, what of a config can change then: request_timeout_ms, idle_timeout_ms,
 * write_timeout_ms, drain_timeout_ms, connections_max, audit_interval_ms, audit_checkpoint_file,
 * which is opened anew in any case, so that it can be moved away before; host_names,
 * auth_providers, auth_clock_skew_s, jwks_refresh_ms, and the limits of a run and of a tenant but
 * for memory_bytes, table_elements and call_depth. What is under way goes on as it began.
 * `*running` is the config that the server was made from, `*wanted` what it is to be from now on.
 * If all is good, the log and the audit log tell what has changed, and what differs but needs a
 * restart, and `*wanted` takes the place of `*running`, which is freed; else nothing has changed,
 * and the log tells why: so it is with the first provider whose keys have a URL, as nothing is
 * started any more then. One thread at a time. Errors: CORDON_E_SYSTEM, CORDON_E_INVALID,
 * CORDON_E_NO_MEMORY.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_server_reload(
    cordon_server *server, cordon_config **running, cordon_config **wanted);

/*
 * Tells in the log, as cordon_server_reload() does, why settings were not taken over: for a program
 * that could not make a config of them. `why` is words in UTF-8. Any thread.
 */
CORDON_API void cordon_server_reload_refused(const cordon_server *server, const char *why);

/*
 * The name among `names` that `name` was most likely meant to be, or NULL if none is near: at most
 * a third of its letters differ, a letter left out, added, changed or swapped with its neighbour
 * counting as one. Any thread.
 */
CORDON_API const char *cordon_name_nearest(
    const char *name, const char *const *names, size_t count);

#ifdef __cplusplus
}
#endif

#endif
