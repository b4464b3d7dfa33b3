/* What a server's process keeps when it confines itself: the paths of its own; see server.h. */
#include "api/api.h"

#include "base/arena.h"
#include "confine/confine.h"
#include "http/server.h"

#include <string.h>
#include <sys/stat.h>

/*
 * What the C library and the engine look at by themselves; and with ThreadSanitizer, which names
 * functions in its reports and leaves out those that it is told to, programs and libraries.
 */
static const char *const system_paths[] = {
    "/proc/self",     "/sys/devices/system/cpu",
#ifdef __SANITIZE_THREAD__
    "/usr/lib",       "/lib",
    "/proc/self/exe",
#endif
};

#define SYSTEM_PATHS (sizeof system_paths / sizeof system_paths[0])
/* The data folder, that of the operator's socket, that of checkpoints; one a provider is added. */
#define OWN_PATHS ((size_t)3)

/* Paths, and what is made for them. */
struct paths {
    struct arena arena;
    struct confine_path *items;
    size_t count;
};

static void paths_done(struct paths *paths)
{
    arena_done(&paths->arena);
}

static void add(struct paths *paths, const char *path, enum confine_access access)
{
    paths->items[paths->count++] = (struct confine_path){path, access};
}

/* Adds the folder that a path is in. */
static cordon_error *add_folder_of(
    struct paths *paths, const char *path, enum confine_access access)
{
    const char *const last = strrchr(path, '/');
    const size_t size = last == path ? 1 : last == NULL ? 0 : (size_t)(last - path);
    const struct slice folder =
        arena_copy(&paths->arena, last == NULL ? SLICE(".") : slice_of(path, size));
    if (folder.data == NULL) {
        return error_no_memory();
    }
    add(paths, (const char *)folder.data, access);
    return NULL;
}

/* A file may be made anew there, by whoever rotates it; what is none, as a terminal, may not. */
static bool is_file_or_none(const char *path)
{
    struct stat status;
    return stat(path, &status) != 0 || S_ISREG(status.st_mode);
}

/* Of providers; a new one may take the place of the old one by a rename. */
static cordon_error *add_key_files(struct paths *paths, const struct auth_config *auth)
{
    for (size_t i = 0; i < auth_config_count(auth); i++) {
        const char *const path = auth_config_key_file(auth, i);
        if (path != NULL) {
            TRY(add_folder_of(paths, path, CONFINE_READ));
        }
    }
    return NULL;
}

static cordon_error *add_own(struct paths *paths, const cordon_server *server)
{
    const char *const checkpoints = server->checkpoint_path;
    if (server->data_folder != NULL) {
        add(paths, server->data_folder, CONFINE_CHANGE);
    }
    if (server->operator_path != NULL) {
        TRY(add_folder_of(paths, server->operator_path, CONFINE_UNLINK));
    }
    if (checkpoints != NULL && is_file_or_none(checkpoints)) {
        TRY(add_folder_of(paths, checkpoints, CONFINE_APPEND));
    } else if (checkpoints != NULL) {
        add(paths, checkpoints, CONFINE_APPEND);
    }
    return add_key_files(paths, http_server_auth(server->http));
}

static void log_confinement(struct log *log, const struct confine_report *report)
{
    const bool is_whole = report->missing[0] == '\0';
    const struct log_field fields[] = {
        LOG_FIELD_STRING("noNewPrivileges", slice_str(report->no_new_privileges ? "yes" : "no")),
        LOG_FIELD_NUMBER("landlockVersion", report->landlock),
        LOG_FIELD_STRING("seccomp", slice_str(report->seccomp ? "yes" : "no")),
        LOG_FIELD_STRING("missing", slice_str(report->missing)),
    };
    const size_t all = sizeof fields / sizeof fields[0];
    log_write(log, is_whole ? LOG_INFO : LOG_WARN, "confined", fields, is_whole ? all - 1 : all);
    log_flush(log);
}

cordon_error *cordon_server_confine(
    const cordon_server *server, const cordon_confine_options *options)
{
    TRY(api_need(server, "server"));
    cordon_confine_options whole = {.size = sizeof whole};
    if (options != NULL) {
        TRY(api_take_struct(options, "options", "cordon_confine_options", sizeof whole, &whole));
    }
    CORDON_CLEANUP(paths_done) struct paths paths = {0};
    arena_init(&paths.arena, SIZE_MAX);
    paths.items = arena_alloc(
        &paths.arena, (OWN_PATHS + auth_config_count(http_server_auth(server->http)) +
                       SYSTEM_PATHS + whole.read_path_count) *
                          sizeof *paths.items);
    if (paths.items == NULL) {
        return error_no_memory();
    }
    TRY(add_own(&paths, server));
    for (size_t i = 0; i < SYSTEM_PATHS; i++) {
        add(&paths, system_paths[i], CONFINE_READ);
    }
    for (size_t i = 0; i < whole.read_path_count; i++) {
        add(&paths, whole.read_paths[i], CONFINE_READ);
    }
    const struct confine_options confine = {
        .paths = paths.items,
        .path_count = paths.count,
        .hide = runner_is_production(server->runner),
    };
    struct confine_report report;
    TRY(confine_process(&confine, &report));
    log_confinement(server->log, &report);
    return NULL;
}
