/* The sources of an audit log; see audit_source.h. */
#include "cli/audit_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/http.h"
#include "cli/local.h"
#include "cli/operator.h"
#include "cli/tenant_place.h"
#include "cli/terminal.h"

enum { TENANT_DEFAULT_NUMBER = 1 };

enum { PAGE_BYTES = 1 << 20, PIECE_BYTES = 1 << 16, LINE_BYTES_MAX = 8 << 20 };

/* -- A file ---------------------------------------------------------------------------------- */

/*
 * Gives whole lines, of as much of the file as is read at once; of a line that is longer than any
 * record, pieces.
 */
static int read_lines(FILE *file, audit_visit *visit, void *arg)
{
    TEXT_CLEANUP held = {0};
    char bytes[PIECE_BYTES];
    size_t size = 0;
    do { /* until there is less than what was asked for */
        size = fread(bytes, 1, sizeof bytes, file);
        const char *const newline = memrchr(bytes, '\n', size);
        const size_t behind = newline == NULL ? 0 : (size_t)(bytes + size - newline) - 1;
        text_append(&held, bytes, size);
        if (newline == NULL && held.size <= LINE_BYTES_MAX) {
            continue;
        }
        const int ended = visit(arg, held.data, held.size - behind);
        if (ended != CLI_OK) {
            return ended;
        }
        memmove(held.data, held.data + held.size - behind, behind);
        held.size = behind;
    } while (size == sizeof bytes);
    return held.size > 0 ? visit(arg, held.data, held.size) : CLI_OK;
}

static int read_stream(const char *path, FILE *file, audit_visit *visit, void *arg)
{
    const int ended = read_lines(file, visit, arg);
    return ended == CLI_OK && ferror(file) != 0
               ? terminal_fail(CLI_MACHINE, "cannot read '%s' to its end; try again", path)
               : ended;
}

static int read_file(const char *path, audit_visit *visit, void *arg)
{
    if (strcmp(path, "-") == 0) {
        return read_stream(path, stdin, visit, arg);
    }
    FILE *const file = fopen(path, "re");
    if (file == NULL) {
        return terminal_fail(
            CLI_USAGE, "cannot read '%s': %s; name a file that `cordon audit export` wrote", path,
            strerror(errno));
    }
    const int ended = read_stream(path, file, visit, arg);
    (void)fclose(file);
    return ended;
}

/* -- A server -------------------------------------------------------------------------------- */

/* The sequence behind the last line of a page. */
static bool read_next(const struct text *page, uint64_t *out_next)
{
    static const char head[] = "{\"sequence\":";
    size_t at = page->size - 1; /* the last newline */
    while (at > 0 && page->data[at - 1] != '\n') {
        at--;
    }
    if (strncmp(page->data + at, head, sizeof head - 1) != 0) {
        return false;
    }
    *out_next = strtoull(page->data + at + sizeof head - 1, NULL, 10) + 1;
    return true;
}

static void append_tenant(struct text *path, const struct cli_options *options)
{
    if (options->tenant != NULL) {
        text_printf(path, "&tenant=");
        http_append_segment(path, options->tenant, strlen(options->tenant));
    }
}

static int read_server(
    const struct cli_options *options, const char *socket_path, audit_visit *visit, void *arg)
{
    uint64_t from = 1;
    for (;;) {
        TEXT_CLEANUP path = {0};
        TEXT_CLEANUP page = {0};
        text_printf(&path, "/audit?from=%llu", (unsigned long long)from);
        append_tenant(&path, options);
        const struct http_request request = {
            .options = options, .path = path.data, .socket = socket_path};
        const int failed = http_get(&request, &page);
        if (failed != CLI_OK || page.size == 0) {
            return failed;
        }
        uint64_t next = 0;
        if (page.data[page.size - 1] != '\n' || !read_next(&page, &next) || next <= from) {
            return terminal_fail(
                CLI_MACHINE, "what answers is no audit log; name the operator's listener of a "
                             "Cordon server with --url");
        }
        const int ended = visit(arg, page.data, page.size);
        if (ended != CLI_OK) {
            return ended;
        }
        from = next;
    }
}

/* -- A store --------------------------------------------------------------------------------- */

static cordon_error *read_store(
    cordon_runtime *runtime, const char *tenant, audit_visit *visit, void *arg, int *out_ended)
{
    uint64_t from = 1;
    *out_ended = CLI_OK;
    while (*out_ended == CLI_OK) {
        char *lines = NULL;
        cordon_error *const error =
            cordon_audit_read_of(runtime, tenant, from, PAGE_BYTES, &lines, &from);
        if (error != NULL) {
            return error;
        }
        const size_t size = strlen(lines);
        if (size > 0) {
            *out_ended = visit(arg, lines, size);
        }
        cordon_free(lines);
        if (size == 0) {
            break;
        }
    }
    return NULL;
}

static int read_folder(const struct cli_options *options, audit_visit *visit, void *arg)
{
    if (!cordon_data_folder_has_store(options->data)) {
        return terminal_fail(
            CLI_USAGE, "there is no store in '%s'; name the data folder of a server with --data",
            options->data);
    }
    if (operator_is_elsewhere(options->data)) {
        return CLI_MACHINE;
    }
    CLI_CLEANUP(local_close) cordon_runtime *runtime = NULL;
    cordon_error *error = local_open(options, &runtime);
    int ended = CLI_OK;
    if (error == NULL) {
        error = read_store(runtime, options->tenant, visit, arg, &ended);
    }
    return error == NULL ? ended : local_fail(options, error);
}

int audit_source_read(const struct cli_options *options, audit_visit *visit, void *arg)
{
    if (options->file != NULL) {
        return read_file(options->file, visit, arg);
    }
    struct cli_options asked;
    TEXT_CLEANUP path = {0};
    const char *socket_path = NULL;
    return operator_find(options, &path, &asked, &socket_path)
               ? read_server(&asked, socket_path, visit, arg)
               : read_folder(&asked, visit, arg);
}

/* -- Tenants --------------------------------------------------------------------------------- */

static int ask_for_number(const struct cli_options *options, uint32_t *out_number)
{
    CLI_CLEANUP(tenant_place_close) struct tenant_place place = {0};
    JSON_CLEANUP json = NULL;
    uint64_t number = 0;
    int failed = tenant_place_open(&place, options);
    failed = failed != CLI_OK ? failed : tenant_place_list(&place, &json);
    if (failed != CLI_OK) {
        return failed;
    }
    const cordon_json_value *const tenant =
        tenant_place_find(cordon_json_get_root(json), options->tenant);
    (void)cordon_json_get_u64(cordon_json_get_member(tenant, "number"), &number);
    *out_number = number > UINT32_MAX ? 0 : (uint32_t)number;
    return *out_number != 0
               ? CLI_OK
               : terminal_fail(
                     CLI_USAGE,
                     "there is no tenant '%s'; give a name that `cordon tenant list` has, or the "
                     "number of one that was removed",
                     options->tenant);
}

int audit_source_tenant(const struct cli_options *options, uint32_t *out_number)
{
    const char *const tenant = options->tenant;
    if (tenant == NULL || strcmp(tenant, "default") == 0) {
        *out_number = TENANT_DEFAULT_NUMBER;
        return CLI_OK;
    }
    if (tenant[strspn(tenant, "0123456789")] != '\0') {
        return options->file == NULL
                   ? ask_for_number(options, out_number)
                   : terminal_fail(
                         CLI_USAGE,
                         "a file does not know the names of tenants; give the number of '%s', as "
                         "`cordon tenant list --format json` has it",
                         tenant);
    }
    errno = 0;
    const unsigned long long number = strtoull(tenant, NULL, 10);
    *out_number = (uint32_t)number;
    return errno == 0 && number > 0 && number <= UINT32_MAX
               ? CLI_OK
               : terminal_fail(
                     CLI_USAGE, "'%s' is the number of no tenant; they begin with 1", tenant);
}

int audit_source_prune(
    const struct cli_options *options, const char *parameter, struct text *out_answer)
{
    struct cli_options asked;
    TEXT_CLEANUP socket_path = {0};
    TEXT_CLEANUP path = {0};
    TEXT_CLEANUP body = {0};
    const char *socket = NULL;
    if (!operator_find(options, &socket_path, &asked, &socket)) {
        if (operator_is_elsewhere(asked.data)) {
            return CLI_MACHINE;
        }
        return terminal_fail(
            CLI_USAGE,
            "no server runs on '%s': start it, as pruning is signed by its keys, or name its\n"
            "operator's listener with --url",
            asked.data);
    }
    text_printf(&path, "/audit/prune?%s", parameter);
    append_tenant(&path, options);
    text_printf(&body, "%s", "");
    const struct http_request request = {
        .options = &asked,
        .path = path.data,
        .content_type = "application/json",
        .body = &body,
        .working = "checking the log",
        .socket = socket,
    };
    return http_post(&request, out_answer);
}
