/*
 * `cordon serve`: the server in the foreground. What flags say goes over what the environment says,
 * that over what the config file says, and that over the defaults. SIGHUP has the file read again.
 * The first SIGINT or SIGTERM stops the server cleanly, a second one at once.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/flags.h"
#include "cli/give_back.h"
#include "cli/local.h"
#include "cli/notify.h"
#include "cli/terminal.h"

enum { CONFIG_BYTES_MAX = 1 << 20 };

#define DEFAULT_LISTEN "127.0.0.1:3210"

/* What the signal handler stops; set while a server runs, by the one call of serve(). */
static cordon_server *volatile server_to_stop;

/* The service manager's socket, or -1. */
static volatile int manager = -1;

static void stop(int signal_number)
{
    (void)signal_number;
    cordon_server *const server = server_to_stop;
    if (server != NULL) {
        const int before = errno;
        notify_tell_at_once(manager, "STOPPING=1");
        cordon_server_stop(server);
        errno = before;
    }
}

/* SA_RESETHAND: the second signal does what it does to any program. */
static void handle_signals(void)
{
    struct sigaction action = {.sa_handler = stop, .sa_flags = (int)SA_RESETHAND};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);

    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigemptyset(&ignore.sa_mask);
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

static void free_config(cordon_config **config)
{
    cordon_config_free(*config);
}

static void free_server(cordon_server **server)
{
    server_to_stop = NULL;
    cordon_server_free(*server);
}

/* What is wrong with settings, and the exit code of a start with them. */
static int refuse(struct text *out_why, const char *where, cordon_error *error)
{
    const int exit_code = terminal_exit_code(cordon_error_get_code(error));
    text_printf(out_why, "%s%s", where, cordon_error_get_message(error));
    cordon_error_free(error);
    return exit_code;
}

/* What the file says, if there is one, and what the environment says instead; else why not. */
static int read_config(const char *path, struct text *out_why, cordon_config **out_config)
{
    TEXT_CLEANUP text = {0};
    TEXT_CLEANUP where = {0};
    if (path == NULL) {
        text_append(&text, "{}", 2);
    } else if (!text_try_file(&text, path, CONFIG_BYTES_MAX, out_why)) {
        return CLI_USAGE;
    } else {
        text_printf(&where, "in '%s': ", path);
    }
    if (text.size > CONFIG_BYTES_MAX) {
        text_printf(
            out_why, "'%s' is larger than %d bytes, and so no config file", path, CONFIG_BYTES_MAX);
        return CLI_USAGE;
    }
    CLI_CLEANUP(free_config) cordon_config *config = NULL;
    cordon_error *error = cordon_config_parse(text.data, text.size, &config);
    if (error != NULL) {
        return refuse(out_why, where.data == NULL ? "" : where.data, error);
    }
    error = cordon_config_override(config, (const char *const *)environ);
    if (error != NULL) {
        return refuse(out_why, "", error);
    }
    *out_config = config;
    config = NULL;
    return CLI_OK;
}

/*
 * Connections are files. The usual limit of 1024 is there for programs that use select(), which
 * this one does not; so it takes what the hard limit allows.
 */
static void allow_open_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

static void say_ready(const cordon_server *server, const char *data)
{
    (void)printf("Cordon serves %s, data in ", cordon_server_get_url(server));
    terminal_write(stdout, terminal_text(data));
    (void)puts("; Ctrl-C stops it.");
    (void)fflush(stdout);
}

/* The folder of the config file stays readable: it is read again by its name. */
static cordon_error *confine(const cordon_server *server, const char *config_path)
{
    TEXT_CLEANUP folder = {0};
    const char *const last = config_path == NULL ? NULL : strrchr(config_path, '/');
    if (last == NULL) {
        text_append(&folder, ".", 1);
    } else {
        text_append(&folder, config_path, last == config_path ? 1 : (size_t)(last - config_path));
    }
    const char *const read_paths[] = {folder.data};
    const cordon_confine_options options = {
        .size = sizeof options,
        .read_paths = read_paths,
        .read_path_count = config_path == NULL ? 0 : 1,
    };
    return cordon_server_confine(server, &options);
}

/* -- Settings that change -------------------------------------------------------------------- */

/* Whoever waits for SIGHUP, on a thread of its own: a signal handler could read no file. */
struct reloader {
    cordon_server *server;
    const char *path;        /* of the config file */
    cordon_config **running; /* touched by this thread alone as long as it is there */
    pthread_t thread;
    bool has_thread;
    atomic_bool ends;
};

/* Only where there is a file to be read again: else a terminal that closes ends the server. */
static void hold_reload_signal(const struct cli_options *options)
{
    sigset_t only;
    (void)sigemptyset(&only);
    (void)sigaddset(&only, SIGHUP);
    if (options->config != NULL) {
        (void)pthread_sigmask(SIG_BLOCK, &only, NULL); /* in the threads to come, too */
    }
}

/* Whoever opens a pipe waits for its other end, and could not be stopped then. */
static bool can_be_read_again(const char *path, struct text *out_why)
{
    struct stat status;
    const bool can = stat(path, &status) != 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode);
    if (!can) {
        text_printf(
            out_why, "'%s' is a pipe or a device, and so can't be read again; put a file there",
            path);
    }
    return can;
}

/* A file that is not good changes nothing; why is told in the log. */
static void reload(const struct reloader *reloader)
{
    notify_tell_reloading(manager);
    CLI_CLEANUP(free_config) cordon_config *wanted = NULL;
    TEXT_CLEANUP why = {0};
    if (can_be_read_again(reloader->path, &why) &&
        read_config(reloader->path, &why, &wanted) == CLI_OK) {
        cordon_error_free(cordon_server_reload(reloader->server, reloader->running, &wanted));
    } else {
        text_printf(&why, "; `cordon help serve` lists the settings");
        cordon_server_reload_refused(reloader->server, why.data);
    }
    notify_tell(manager, "READY=1");
}

static void *reload_when_told(void *arg)
{
    struct reloader *const reloader = arg;
    sigset_t only;
    int number = 0;
    (void)sigemptyset(&only);
    (void)sigaddset(&only, SIGHUP);
    while (sigwait(&only, &number) == 0 && !atomic_load(&reloader->ends)) {
        reload(reloader);
    }
    return NULL;
}

static cordon_error *start_reloader(struct reloader *reloader)
{
    if (reloader->path == NULL) {
        return NULL;
    }
    const int failed = pthread_create(&reloader->thread, NULL, reload_when_told, reloader);
    reloader->has_thread = failed == 0;
    return failed == 0 ? NULL
                       : cordon_error_new(
                             CORDON_E_SYSTEM,
                             "the thread that has settings read again could not be started: %s; "
                             "allow more threads and processes (ulimit -u)",
                             strerrordesc_np(failed));
}

static void end_reloader(struct reloader *reloader)
{
    if (reloader->has_thread) {
        atomic_store(&reloader->ends, true);
        (void)pthread_kill(reloader->thread, SIGHUP);
        (void)pthread_join(reloader->thread, NULL);
    }
}

/* -- Serving --------------------------------------------------------------------------------- */

static cordon_error *serve(
    cordon_runtime *runtime,
    cordon_config **running,
    const struct cli_options *options,
    const char *listen,
    const char *data)
{
    const cordon_config *const config = *running;
    cordon_config effective = *config; /* with what flags say */
    effective.listen = listen;
    effective.data = data;
    effective.production = config->production || options->production;
    TEXT_CLEANUP fetcher = {0};
    const cordon_server_options wanted = {
        .size = sizeof wanted,
        .runtime = runtime,
        .listen = listen,
        .operator_listen = config->operator_listen,
        .loops = config->loops,
        .host_names = config->host_names,
        .host_name_count = config->host_name_count,
        .idle_timeout_ms = config->idle_timeout_ms,
        .request_timeout_ms = config->request_timeout_ms,
        .write_timeout_ms = config->write_timeout_ms,
        .drain_timeout_ms = config->drain_timeout_ms,
        .connections_max = config->connections_max,
        .insecure_dev = options->insecure_dev,
        .audit_interval_ms = config->audit_interval_ms,
        .audit_checkpoint_file = config->audit_checkpoint_file,
        .audit_checkpoint_syslog = config->audit_checkpoint_syslog,
        .auth_providers = config->auth_providers,
        .auth_provider_count = config->auth_provider_count,
        .auth_clock_skew_s = config->auth_clock_skew_s,
        .settings = &effective,
        .key_fetcher = local_fetcher(&fetcher),
        .jwks_refresh_ms = config->jwks_refresh_ms,
    };
    allow_open_files();
    CLI_CLEANUP(free_server) cordon_server *server = NULL;
    cordon_error *error = cordon_server_new(&wanted, &server);
    if (error != NULL) {
        return error;
    }
    manager = notify_open();
    error = config->confine ? confine(server, options->config) : NULL;
    if (error != NULL) {
        return error;
    }
    server_to_stop = server;
    handle_signals();
    CLI_CLEANUP(end_reloader)
    struct reloader reloader = {.server = server, .path = options->config, .running = running};
    CLI_CLEANUP(give_back_end) struct give_back give_back = {.runtime = runtime};
    give_back_start(&give_back);
    TEXT_CLEANUP shown = {0}; /* the reloader may free the texts of `*running` */
    text_append(&shown, data, strlen(data));
    error = start_reloader(&reloader);
    if (error != NULL) {
        return error;
    }
    say_ready(server, shown.data);
    notify_tell(manager, "READY=1");
    return cordon_server_run(server);
}

static int run(const struct cli_options *options)
{
    give_back_configure();
    hold_reload_signal(options);
    CLI_CLEANUP(free_config) cordon_config *config = NULL;
    TEXT_CLEANUP why = {0};
    const int failed = read_config(options->config, &why, &config);
    if (failed != CLI_OK) {
        (void)terminal_usage(&cli_serve, "%s", why.data);
        return failed;
    }
    const char *const data = options->data != NULL  ? options->data
                             : config->data != NULL ? config->data
                                                    : CLI_DEFAULT_DATA;
    const char *const listen = options->listen != NULL  ? options->listen
                               : config->listen != NULL ? config->listen
                                                        : DEFAULT_LISTEN;
    const bool production = options->production || config->production;
    TEXT_CLEANUP worker = {0};
    const cordon_runtime_options wanted = {
        .size = sizeof wanted,
        .data_folder = data,
        .compile_worker = local_worker(&worker),
        .limits = config->limits,
        .permits = config->permits,
        .slots = config->slots,
        .turn_wait_ms = config->turn_wait_ms,
        .queue_target_ms = config->queue_target_ms,
        .queue_interval_ms = config->queue_interval_ms,
        .tenant_share_percent = config->tenant_share_percent,
        .memory_bytes = config->memory_bytes,
        .flusher_thread = true,
        .guard_faults = true,
        .production = production,
        .log_fd = STDERR_FILENO,
        .replay_sample = config->replay_sample,
        .record_functions = config->record_functions,
        .record_function_count = config->record_function_count,
        .records_bytes = config->records_bytes,
        .records_days = config->records_days,
        .log_lines_per_second = config->log_lines_per_second,
    };
    CLI_CLEANUP(local_close) cordon_runtime *runtime = NULL;
    cordon_error *error = cordon_runtime_new(&wanted, &runtime);
    if (error == NULL) {
        error = serve(runtime, &config, options, listen, data);
    }
    return error == NULL ? CLI_OK : terminal_error(error);
}

static const struct cli_flag flags[] = {
    {"listen", "ADDR:PORT", "where to listen (default " DEFAULT_LISTEN ")", flags_set_listen},
    {"data", "DIR", "the data folder (default " CLI_DEFAULT_DATA ")", flags_set_data},
    {"config", "FILE", "settings as JSON; flags and the environment go before them",
     flags_set_config},
    {"production", NULL, "hides the details of errors from callers", flags_set_production},
    {"insecure-dev", NULL, "listens outside of loopback without --production",
     flags_set_insecure_dev},
    FLAGS_END,
};

const struct cli_command cli_serve = {
    .name = "serve",
    .operands = "",
    .operands_min = 0,
    .operands_max = 0,
    .summary = "serves the functions of a data folder by HTTP",
    .details =
        "Serves what is deployed in the data folder to Convex's clients, until Ctrl-C or SIGTERM.\n"
        "Prints one line with its URL as soon as it is ready, and to stderr one line for each "
        "run.\n"
        "Port 0 picks a free one. An address that others than this machine can reach needs\n"
        "--production, or --insecure-dev. A service manager is told when the server is ready and\n"
        "when it stops, as sd_notify does.\n"
        "\n"
        "Settings come from flags, else from the environment, else from the config file: the key "
        "listen\n"
        "is the variable CORDON_LISTEN, whose value is JSON where it is no text. SIGHUP reads the "
        "file\n"
        "again, for the keys that can change while it runs: the timeouts, connections_max, "
        "host_names,\n"
        "the auth providers with jwks_refresh_ms, limits but for those by which room is made, "
        "and\n"
        "those of the audit log, whose checkpoint file is opened anew. A file that is not good\n"
        "changes nothing.\n"
        "\n"
        "Keys of the config file: listen, data, operator_listen (unix:PATH, or a loopback "
        "ADDR:PORT,\n"
        "where the operator's key is asked for),\n"
        "host_names (a list of what clients may call this server), loops, permits, slots,\n"
        "turn_wait_ms (most that a call waits for its turns among others, in all; 300000),\n"
        "queue_target_ms (200) and queue_interval_ms (2000): once calls wait to begin for more "
        "than the\n"
        "one throughout the other, those who wait that long are told to come again;\n"
        "tenant_share_percent (most that one of several tenants may have of slots, memory and "
        "queue; 75),\n"
        "memory_bytes, limits (by name, as `cordon limits` lists them), production,\n"
        "connections_max (4096, or as many as the hard limit on open files allows),\n"
        "request_timeout_ms, write_timeout_ms (a client must send or take 64 KiB, or the rest, in\n"
        "each; 30000), idle_timeout_ms (of a connection without a request; 60000),\n"
        "drain_timeout_ms (how long a server that stops answers what runs; 10000),\n"
        "replay_sample (of a million queries and mutations, how many are replayed in the "
        "background\n"
        "to see whether they do the same again; 1000), record_functions (a list of functions "
        "whose\n"
        "every run is recorded), records_bytes (1073741824) and records_days (14) of all records,\n"
        "log_lines_per_second (of a tenant's runs, and of each other kind of line; 10000),\n"
        "audit_interval_ms (how often the audit log is signed; 60000), audit_checkpoint_file "
        "and\n"
        "audit_checkpoint_syslog (where its checkpoints go besides; nowhere), confine (the server\n"
        "gives up what it does not need, by seccomp and Landlock, and says what the kernel lacks;\n"
        "true), auth_providers (who may sign users in: a list of objects with domain or issuer,\n"
        "applicationID, jwks (the path or the https URL of their keys), algorithm, tenant; "
        "nobody),\n"
        "jwks_refresh_ms (how often keys are fetched from a URL; 600000), auth_clock_skew_s (how "
        "far\n"
        "their clocks may be off; 60).",
    .example = "  cordon serve --listen 127.0.0.1:3210 --data ./cordon-data",
    .flags = flags,
    .run = run,
};
