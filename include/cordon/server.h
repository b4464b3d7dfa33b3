/*
 * The HTTP server over a runtime, and the admin keys it accepts.
 */
#ifndef CORDON_SERVER_H
#define CORDON_SERVER_H

#include <cordon/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A server over one runtime. */
typedef struct cordon_server cordon_server;

/*
 * Who may say who a user is, in the shape of Convex's auth.config. A token is accepted by the first
 * of them whose issuer and application it names, if one of their keys has signed it.
 */
typedef struct cordon_auth_provider {
    const char *issuer;         /* `iss` of tokens, such as "https://auth.example.org" */
    const char *application_id; /* in `aud` of tokens; NULL: whatever stands there */
    const char *algorithm;      /* "RS256", "ES256" or "EdDSA"; NULL: all three */
    /*
     * Its key set (JWKS): the path of a file, read again when it changes; `data:…;base64,` with
     * one; or its URL, https:// or of this machine itself http://, fetched by a process of its own.
     */
    const char *jwks;
    const char *tenant; /* whose users it speaks for; NULL: "default" */
} cordon_auth_provider;

/* Options, with `size` = sizeof the struct as the caller was compiled; 0 is each default. */
typedef struct cordon_server_options {
    size_t size;                   /* sizeof the struct */
    cordon_runtime *runtime;       /* borrowed; must outlive the server */
    const char *listen;            /* "ADDR:PORT", port 0 picks one; NULL: "127.0.0.1:3210" */
    const char *operator_listen;   /* loopback "ADDR:PORT" or "unix:PATH"; NULL: in the data
                                        folder `operator.sock`, none without a data folder */
    uint32_t loops;                /* event loops, a thread each; 0: one per processor */
    const char *const *host_names; /* accepted besides loopback addresses and localhost */
    size_t host_name_count;
    uint64_t body_bytes_max; /* 0: 16 MiB + 2000, as Convex */
    /*
     * Timeouts are from 250 ms to a day. A connection may be idle for so long, 0: 60,000; the head
     * of a request must come within, and its body bring 64 KiB or its end in each, 0: 30,000, else
     * the answer is 408.
     */
    uint32_t idle_timeout_ms;
    uint32_t request_timeout_ms;
    /*
     * Connections at one time, in equal shares for the loops; 0: 4,096. There are never more than
     * the limit on open files (RLIMIT_NOFILE) leaves when the server is made, less 64 for others;
     * if that is fewer, it is logged. Where there is no room the one that has been idle the longest
     * is closed for the next. The operator has 8 beside them.
     */
    uint32_t connections_max;
    /* A client must take 64 KiB of an answer or its rest in each; 0: 30,000, else it is closed. */
    uint32_t write_timeout_ms;
    /*
     * A server whose runtime is not in production shows callers the details of errors, and so
     * listens on loopback addresses alone, unless this says that others may see them too.
     */
    bool insecure_dev;
    /*
     * The audit log is signed in such intervals, 0: 60,000, 100 to 86,400,000; each checkpoint is
     * also appended to that file as a line, and handed to the system's log at that socket, such as
     * `/dev/log`; NULL: to none. Without a data folder nothing is signed. The first server of a
     * runtime that is made says it for all that follow.
     */
    uint32_t audit_interval_ms;
    const char *audit_checkpoint_file;
    const char *audit_checkpoint_syslog;
    /* How long cordon_server_stop() may take, also from 250 ms to a day; 0: 10,000. */
    uint32_t drain_timeout_ms;
    /* Users sign in by them; none: nobody does. Borrowed during the call. */
    const cordon_auth_provider *auth_providers;
    size_t auth_provider_count;
    /* How far clocks of providers may be off, in seconds from 1 to 600; 0: 60. */
    uint32_t auth_clock_skew_s;
    /*
     * All settings that the program goes by, with what it was told otherwise than by its file: the
     * audit log has a record of them where they are not those of the last start on the data folder,
     * or the version is another. NULL: it has none. Borrowed during the call. `data` may be NULL.
     */
    const struct cordon_config *settings;
    /*
     * Path of the executable cordon-fetch, which is started if a provider's keys have a URL; NULL:
     * none has. What it fetches is kept in the data folder, which there must be, and good until
     * there is newer. It lives as long as the server.
     */
    const char *key_fetcher;
    /* How often it fetches each, in milliseconds from 1,000 to a day; 0: 600,000. */
    uint32_t jwks_refresh_ms;
} cordon_server_options;

/*
 * Binds and listens, and starts the one thread that watches the compile worker's processes for as
 * long as the runtime lives: what becomes of them is logged when it happens. Errors:
 * CORDON_E_SYSTEM (port in use, address not ours) with what to do; CORDON_E_INVALID.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_server_new(
    const cordon_server_options *options, cordon_server **out_server);

/* The address that clients use, such as "http://127.0.0.1:3210". Lives as long as the server. */
CORDON_API const char *cordon_server_get_url(const cordon_server *server);

/* Serves until cordon_server_stop(); this thread is the first loop, SIGPIPE blocked meanwhile. */
CORDON_API CORDON_MUST_USE cordon_error *cordon_server_run(cordon_server *server);

/* What a confined process may still reach. */
typedef struct cordon_confine_options {
    size_t size;                   /* sizeof the struct */
    const char *const *read_paths; /* files, and folders with all below, to be read besides */
    size_t read_path_count;
} cordon_confine_options;

/*
 * Confines this process, all of its threads, for good, to what servers need that have been made:
 * no new privileges; by Landlock files below the data folder, and where they are asked for those of
 * `audit_checkpoint_file` and the folders of the operator's socket and, to be read, of key sets; by
 * seccomp a list of calls, so that no program is run, no other process made or looked into, no
 * socket opened. In production the process leaves no core dump, and others of its user do not look
 * into it.
 *
 * Nothing does this unasked. What the kernel can't do is no error: one line of the log says what
 * was applied, and what was not. A signal (SIGRTMAX - 1) is taken for the time of this call; no
 * thread may block it. One thread at a time. `options` may be NULL. Errors: CORDON_E_SYSTEM.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_server_confine(
    const cordon_server *server, const cordon_confine_options *options);

/*
 * Answers what runs, for up to `drain_timeout_ms`, and what comes meanwhile by status 503 that says
 * that a retry is safe; then returns from run. Deploys of the runtime
 * that are under way end with CORDON_E_OVERLOADED, as do those to come until there is a server
 * again. Any thread, also from a signal handler.
 */
CORDON_API void cordon_server_stop(cordon_server *server);

/* After cordon_server_run() has returned. NULL accepted. */
CORDON_API void cordon_server_free(cordon_server *server);

/*
 * Makes an admin key: a 0600 file in the folder's `keys.d/`, put there by rename, that holds only a
 * hash. A running server accepts it at once. `*out_key` is the caller's; free with cordon_free().
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_keygen_admin(
    const char *data_folder, char **out_key);

/* The same for an admin of that tenant. Errors: also CORDON_E_INVALID for no name of a tenant. */
CORDON_API CORDON_MUST_USE cordon_error *cordon_keygen_tenant(
    const char *data_folder, const char *tenant, char **out_key);

/* A key of the operator, which the operator's listener takes where it is an address. */
CORDON_API CORDON_MUST_USE cordon_error *cordon_keygen_operator(
    const char *data_folder, char **out_key);

/*
 * The keys of a data folder: [{"id", "of", "tenant", "madeMs", "accepted"}], where `of` is "admin"
 * or "operator", the tenant is null for the latter, and a key that is not accepted has a file that
 * is open to others. What opens doors is not among it. The text is the caller's; free it with
 * cordon_free(). Errors: CORDON_E_SYSTEM.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_keys(const char *data_folder, char **out_json);

/*
 * Revokes the keys with that id, or, where it is NULL, all of that tenant's admins, whether a
 * server uses the folder or not. `*out_count` says how many there were. Errors: CORDON_E_SYSTEM.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_keys_revoke(
    const char *data_folder, const char *id, const char *tenant, size_t *out_count);

/*
 * True if a store was made in that folder, whether it is open or not. A key for a folder without
 * one is good once there is; but more often the folder's name is a slip.
 */
CORDON_API bool cordon_data_folder_has_store(const char *data_folder);

#ifdef __cplusplus
}
#endif

#endif
