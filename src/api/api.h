/* What stands behind the public handles. */
#ifndef API_API_H
#define API_API_H

#include <cordon/cordon.h>

#include "audit/actor.h"
#include "base/buffer.h"
#include "http/server.h"
#include "run/run.h"

struct cordon_runtime {
    pid_t process; /* that made it: a fork has neither its threads nor its locks */
    struct metrics *metrics;
    struct log *log; /* NULL: none */
    struct store *store;
    struct host_functions *functions; /* of the program; NULL: none */
    struct runner *runner;
    char *data_folder;  /* its whole path; NULL: a store in memory */
    char *given_folder; /* the same as the program named it */
};

struct cordon_server {
    struct http_server *http;
    struct runner *runner;   /* the runtime's, as all up to the blank line; borrowed */
    struct log *log;         /* NULL: none */
    const char *data_folder; /* NULL: none */

    char *operator_path; /* of its socket, where it was named; NULL: none was */
    char *checkpoint_path;
    char *keys_folder;       /* of keys that come from URLs; NULL: there is no data folder */
    struct fetcher *fetcher; /* NULL: no provider's keys come from a URL */
    struct counter *fetches; /* of key sets that came to something, and to nothing */
    struct counter *failed_fetches;
};

/*
 * A struct as a caller compiled against this header or an older one passes it: its first member is
 * its size, and what it lacks becomes zeros. `name` is the parameter's and `type` the struct's, for
 * words.
 */
CORDON_MUST_USE cordon_error *api_take_struct(
    const void *given, const char *name, const char *type, size_t size, void *out);

/* What a caller has to pass, by its name. Errors: CORDON_E_INVALID where it is NULL. */
CORDON_MUST_USE cordon_error *api_need(const void *given, const char *name);

/* The same of an array or bytes, which may be NULL where there are none. */
CORDON_MUST_USE cordon_error *api_need_items(const void *given, size_t count, const char *name);

/* The same of a list of texts, and of each of them. */
CORDON_MUST_USE cordon_error *api_need_texts(
    const char *const *texts, size_t count, const char *name);

/* The same of modules and of their bytes. */
CORDON_MUST_USE cordon_error *api_need_modules(const cordon_module *modules, size_t count);

/* The same of a runtime, which must be of this very process. */
CORDON_MUST_USE cordon_error *api_need_runtime(const cordon_runtime *runtime);

/* Who runs the server, for the audit log: the user of this process. */
struct audit_actor api_server_actor(void);

/*
 * As a JSON object, in the order of their table, the settings that are not what holds where nothing
 * is said. There are no secrets among settings.
 */
CORDON_MUST_USE cordon_error *config_write_effective(
    const cordon_config *config, struct buffer *out);

/*
 * What differs between two configs: as a JSON object, the settings that a server takes over while
 * it runs, with their new values; and the names of the others, with commas between them.
 */
CORDON_MUST_USE cordon_error *config_write_changes(
    const cordon_config *before, const cordon_config *after, struct buffer *out);
CORDON_MUST_USE cordon_error *config_write_fixed(
    const cordon_config *before, const cordon_config *after, struct buffer *out);

/* The same set in its inner form. */
void api_copy_limits(const cordon_limit_set *set, struct limit_changes *out_changes);

/*
 * Providers in their inner form, into AUTH_PROVIDERS_MAX places; texts are borrowed. `url_folder`
 * is where keys of URLs are kept, NULL: nowhere. Errors: CORDON_E_INVALID if there are more.
 */
CORDON_MUST_USE cordon_error *api_read_providers(
    const cordon_auth_provider *given,
    size_t count,
    const char *url_folder,
    struct auth_provider *out_providers);

/*
 * Starts what fetches key sets if a provider has a URL, and counts what becomes of that; once, when
 * the server has its providers. Errors: CORDON_E_INVALID, CORDON_E_SYSTEM with what to do.
 */
CORDON_MUST_USE cordon_error *server_fetch_start(
    cordon_server *server, const cordon_server_options *options, struct metrics *metrics);

/* Errors: CORDON_E_INVALID if these providers have a URL and nothing is there to fetch it. */
CORDON_MUST_USE cordon_error *server_fetch_check(
    const cordon_server *server, const cordon_config *config);

/* Has what is fetched be that of the providers as they are now. */
void server_fetch_change(const cordon_server *server, uint32_t refresh_ms);

/* Ends it. */
void server_fetch_end(cordon_server *server);

/* Hands a buffer's bytes over as a NUL-terminated text of the caller's, freed by cordon_free(). */
CORDON_MUST_USE cordon_error *api_give_text(struct buffer *buffer, char **out_text);

/*
 * The number of a tenant by its name; NULL is the default one, and leaves `*out_number` as it is.
 * Errors: CORDON_E_NOT_FOUND.
 */
CORDON_MUST_USE cordon_error *api_find_tenant(
    const cordon_runtime *runtime, const char *name, uint32_t *out_number);

/* As cordon_call_new(), for a request of ours. */
CORDON_MUST_USE cordon_error *api_call_new(
    cordon_runtime *runtime,
    const struct run_request *request,
    void (*wake)(void *arg),
    void *arg,
    cordon_call **out_call);

/* The run behind a call. Borrowed. */
const struct run *api_run_of(const cordon_call *call);

#endif
