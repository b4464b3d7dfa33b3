/*
 * Finding or starting the server of a project; see dev_server.h.
 *
 * What its own server logs is for machines, a line for each run, and the functions' log lines come
 * by another way; so of it only what a person should see gets through: its words before it serves,
 * and warnings and errors that are not about a run.
 */
#include "cli/dev_server.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/file.h"
#include "cli/flags.h"
#include "cli/http.h"
#include "cli/terminal.h"

enum {
    PROBE_TIMEOUT_MS = 5000,
    KEY_BYTES_MAX = 4096,
    LINE_BYTES_MAX = 1 << 20, /* what is longer is no line of a server */
    READ_BYTES = 16384,
};

#define OWN_FOLDER ".cordon"
#define DEFAULT_LISTEN "127.0.0.1:3210"
#define ANY_PORT "127.0.0.1:0"

void dev_server_init(
    struct dev_server *server, const struct cli_options *options, const char *project)
{
    *server = (struct dev_server){.options = options, .project = project, .child = CHILD_NONE};
}

void dev_server_done(struct dev_server *server)
{
    child_done(&server->child);
    text_done(&server->url);
    text_done(&server->key);
    text_done(&server->data);
    text_done(&server->output_line);
    text_done(&server->error_line);
}

/* -- Keys ----------------------------------------------------------------------------------- */

/* Whether something at the URL takes the key; CLI_USAGE: it is there and does not. */
static int probe(const struct dev_server *server, const char *url, const char *key, bool quiet)
{
    struct cli_options options = *server->options;
    options.url = url;
    options.admin_key = key;
    TEXT_CLEANUP answer = {0};
    const struct http_request request = {
        .options = &options,
        .path = "/api/cordon/records",
        .timeout_ms = PROBE_TIMEOUT_MS,
        .quiet = quiet,
    };
    return http_get(&request, &answer);
}

static void own_path(const struct dev_server *server, const char *name, struct text *path)
{
    const bool is_here = strcmp(server->project, ".") == 0;
    text_printf(
        path, "%s%s" OWN_FOLDER "/%s", is_here ? "" : server->project, is_here ? "" : "/", name);
}

/* The key that was made for the project before; empty if there is none. */
static void read_own_key(const struct dev_server *server, struct text *key)
{
    TEXT_CLEANUP path = {0};
    own_path(server, "key", &path);
    if (access(path.data, R_OK) == 0 && text_read_file(key, path.data, KEY_BYTES_MAX) == CLI_OK) {
        key->size = strcspn(key->data, "\r\n");
        key->data[key->size] = '\0';
    }
}

static void take_key(struct dev_server *server, const char *key)
{
    text_done(&server->key);
    text_printf(&server->key, "%s", key);
}

static int make_key(struct dev_server *server)
{
    char *key = NULL;
    cordon_error *const error = cordon_keygen_admin(server->data.data, &key);
    if (error != NULL) {
        return terminal_error(error);
    }
    take_key(server, key);
    cordon_free(key);
    TEXT_CLEANUP path = {0};
    own_path(server, "key", &path);
    CLI_CLEANUP(file_secret_drop) struct file_secret file = {0};
    const int failed = file_secret_begin(&file, path.data);
    return failed != CLI_OK ? failed
                            : file_secret_finish(&file, server->key.data, server->key.size);
}

int dev_server_take_key(struct dev_server *server)
{
    if (server->key.size > 0) {
        return CLI_OK;
    }
    TEXT_CLEANUP own = {0};
    read_own_key(server, &own);
    if (own.size > 0 && probe(server, server->url.data, own.data, true) == CLI_OK) {
        take_key(server, own.data);
        return CLI_OK;
    }
    return make_key(server);
}

/* -- One that runs -------------------------------------------------------------------------- */

static int use(struct dev_server *server, const char *url, const char *key, bool quiet)
{
    const int failed = probe(server, url, key, quiet);
    if (failed == CLI_OK) {
        take_key(server, key);
        text_printf(&server->url, "%s", url);
    }
    return failed;
}

static int use_named(struct dev_server *server, const char *url)
{
    TEXT_CLEANUP own = {0};
    read_own_key(server, &own);
    const char *const given = http_admin_key(server->options);
    const char *const key = given != NULL ? given : own.size > 0 ? own.data : NULL;
    if (key == NULL) {
        return terminal_usage(
            server->options->command,
            "the server at %s wants an admin key: --admin-key KEY or $CORDON_ADMIN_KEY", url);
    }
    return use(server, url, key, false);
}

/* CLI_USAGE: somebody is there, and takes neither the key that was given nor the project's. */
static int use_default(struct dev_server *server)
{
    TEXT_CLEANUP own = {0};
    read_own_key(server, &own);
    const char *const given = http_admin_key(server->options);
    int failed = CLI_USAGE;
    if (given != NULL) {
        failed = use(server, CLI_DEFAULT_URL, given, true);
    }
    if (failed == CLI_USAGE && own.size > 0) {
        failed = use(server, CLI_DEFAULT_URL, own.data, true);
    }
    const bool is_asked = given != NULL || own.size > 0;
    return is_asked ? failed : probe(server, CLI_DEFAULT_URL, NULL, true);
}

/* -- Its own -------------------------------------------------------------------------------- */

static int fail_to_make(const char *path)
{
    return terminal_fail(
        CLI_MACHINE, "cannot make '%s': %s; run this as somebody who may write there", path,
        strerror(errno));
}

/* The folder keeps itself out of version control, whatever the project's own file says. */
static int make_own_folder(const struct dev_server *server)
{
    TEXT_CLEANUP folder = {0};
    text_printf(&folder, "%s/" OWN_FOLDER, server->project);
    if (mkdir(folder.data, 0700) != 0 && errno != EEXIST) {
        return fail_to_make(folder.data);
    }
    TEXT_CLEANUP ignore = {0};
    own_path(server, ".gitignore", &ignore);
    const int fd = open(ignore.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        return errno == EEXIST ? CLI_OK : fail_to_make(ignore.data);
    }
    const bool good = file_write_all(fd, "*\n", 2);
    const int failed = good ? CLI_OK : fail_to_make(ignore.data);
    (void)close(fd);
    return failed;
}

static int start(struct dev_server *server, const char *listen)
{
    const int failed = make_own_folder(server);
    if (failed != CLI_OK) {
        return failed;
    }
    if (server->options->data != NULL) {
        text_printf(&server->data, "%s", server->options->data);
    } else {
        own_path(server, "data", &server->data);
    }
    const char *const words[] = {
        "cordon", "serve", "--listen", listen, "--data", server->data.data, NULL,
    };
    const struct child_program program = {
        .words = words,
        .catches_output = true,
        .catches_errors = true,
    };
    return child_start(&program, &server->child);
}

int dev_server_open(struct dev_server *server)
{
    const struct cli_options *const options = server->options;
    if (options->url != NULL) {
        TEXT_CLEANUP url = {0};
        return use_named(server, http_url(options, &url));
    }
    if (options->listen != NULL || options->data != NULL) {
        return start(server, options->listen == NULL ? ANY_PORT : options->listen);
    }
    const int unused = use_default(server);
    if (unused == CLI_OK) {
        return CLI_OK;
    }
    return start(server, unused == CLI_USAGE ? ANY_PORT : DEFAULT_LISTEN);
}

bool dev_server_is_ready(const struct dev_server *server)
{
    return server->url.size > 0;
}

/* -- What it says --------------------------------------------------------------------------- */

static bool is_text(const cordon_json_value *value, const char *text)
{
    const cordon_text found = cordon_json_get_text(value);
    return found.size == strlen(text) && memcmp(found.data, text, found.size) == 0;
}

/* Whether a line of its log is for people: no line of a run, and none that all is well. */
static bool is_for_people(const char *line, size_t size)
{
    cordon_json *json = NULL;
    cordon_error *const error = cordon_json_parse(line, size, &json);
    if (error != NULL) {
        cordon_error_free(error);
        return size > 0;
    }
    const cordon_json_value *const root = cordon_json_get_root(json);
    const bool is_routine = is_text(cordon_json_get_member(root, "event"), "function_execution") ||
                            is_text(cordon_json_get_member(root, "level"), "info");
    cordon_json_free(json);
    return !is_routine;
}

static void take_error_line(struct dev_server *server, const char *line, size_t size)
{
    (void)server;
    if (is_for_people(line, size)) {
        terminal_write(stderr, (cordon_text){line, size});
        (void)fputc('\n', stderr);
    }
}

/* "Cordon serves URL, data in …": the URL is remembered; where it is told, more is to be told. */
static void take_output_line(struct dev_server *server, const char *line, size_t size)
{
    static const char before[] = "Cordon serves ";
    const size_t skip = sizeof before - 1;
    const char *const comma = size == 0 ? NULL : memchr(line, ',', size);
    if (comma != NULL && size > skip && memcmp(line, before, skip) == 0) {
        text_append(&server->url, line + skip, (size_t)(comma - line) - skip);
        return;
    }
    terminal_write(stdout, (cordon_text){line, size});
    (void)fputc('\n', stdout);
    (void)fflush(stdout);
}

typedef void take_line(struct dev_server *server, const char *line, size_t size);

static void add_bytes(
    struct dev_server *server, const char *bytes, size_t size, struct text *line, take_line *take)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n') {
            take(server, line->data == NULL ? "" : line->data, line->size);
            line->size = 0;
        } else if (line->size < LINE_BYTES_MAX) {
            text_append(line, &bytes[i], 1);
        }
    }
}

static void read_lines(struct dev_server *server, int fd, struct text *line, take_line *take)
{
    char bytes[READ_BYTES];
    ssize_t got = 0;
    while ((got = read(fd, bytes, sizeof bytes)) > 0) {
        add_bytes(server, bytes, (size_t)got, line, take);
    }
}

void dev_server_read_output(struct dev_server *server)
{
    read_lines(server, server->child.output, &server->output_line, take_output_line);
}

void dev_server_read_errors(struct dev_server *server)
{
    read_lines(server, server->child.errors, &server->error_line, take_error_line);
}
