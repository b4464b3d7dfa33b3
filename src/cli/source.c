/* Documents of a server or of a folder; see source.h. */
#include "cli/source.h"

#include <stdlib.h>
#include <string.h>

#include "cli/flags.h"
#include "cli/http.h"
#include "cli/local.h"
#include "cli/terminal.h"

static int no_answer(void)
{
    return terminal_fail(
        CLI_MACHINE, "the server's answer is not what was asked for; is that a Cordon server?");
}

/* -- Opening -------------------------------------------------------------------------------- */

static int check_key(const struct cli_options *options)
{
    if (http_admin_key(options) != NULL) {
        return CLI_OK;
    }
    return terminal_usage(
        options->command,
        "documents and variables of a server need an admin key: --admin-key KEY or "
        "$CORDON_ADMIN_KEY\n"
        "`cordon keygen admin --data DIR` makes one. A folder that no server uses is named by "
        "--data.");
}

static int open_folder(struct source *source, enum source_purpose purpose)
{
    const struct cli_options *const options = source->options;
    if (purpose == SOURCE_READ && !cordon_data_folder_has_store(options->data)) {
        return terminal_fail(
            CLI_USAGE, "there is no data in the folder '%s'; check its name", options->data);
    }
    cordon_error *const error = local_open(options, &source->runtime);
    if (error == NULL) {
        return CLI_OK;
    }
    const bool may_be_in_use = cordon_error_get_code(error) == CORDON_E_STORE;
    const int exit_code = terminal_error(error);
    if (may_be_in_use) {
        (void)fputs("  If a server uses the folder, name the server by --url instead.\n", stderr);
    }
    return exit_code;
}

int source_open(
    struct source *source, const struct cli_options *options, enum source_purpose purpose)
{
    *source = (struct source){.options = options};
    if (options->data == NULL && options->tenant != NULL) {
        return terminal_usage(
            options->command,
            "--tenant is for a data folder (--data DIR); of a server the tenant is chosen by the\n"
            "host name in --url, and has a key of its own");
    }
    if (options->data == NULL) {
        return check_key(options);
    }
    if (options->url != NULL) {
        return terminal_usage(
            options->command, "--url names a server and --data a folder without one; choose one");
    }
    return open_folder(source, purpose);
}

/* -- A server ------------------------------------------------------------------------------- */

/* Appends `?name=value` or `&name=value`; nothing for an empty value. */
static void add_parameter(struct text *path, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0') {
        return;
    }
    text_printf(path, "%c%s=", strchr(path->data, '?') == NULL ? '?' : '&', name);
    http_append_segment(path, value, strlen(value));
}

static void add_number(struct text *path, const char *name, uint64_t number)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    add_parameter(path, name, number == 0 ? NULL : digits);
}

/* `body` NULL: by GET. */
static int ask(
    struct source *source, const struct text *path, const struct text *body, cordon_json **out_json)
{
    const struct http_request request = {
        .options = source->options,
        .path = path->data,
        .content_type = "application/x-ndjson",
        .body = body,
        .working = "waiting",
    };
    TEXT_CLEANUP answer = {0};
    const int failed = body == NULL ? http_get(&request, &answer) : http_post(&request, &answer);
    source->is_lost = failed == CLI_MACHINE;
    if (failed != CLI_OK) {
        return failed;
    }
    cordon_error *const error =
        cordon_json_parse(answer.size == 0 ? "" : answer.data, answer.size, out_json);
    cordon_error_free(error);
    return error == NULL ? CLI_OK : no_answer();
}

/* -- A folder ------------------------------------------------------------------------------- */

/* What the library answered, which is freed. */
static int take(cordon_error *error, char *answer, cordon_json **out_json)
{
    if (error == NULL) {
        error = cordon_json_parse(answer, strlen(answer), out_json);
        cordon_free(answer);
    }
    return error == NULL ? CLI_OK : terminal_error(error);
}

static uint64_t snapshot_of(const struct source *source)
{
    return strtoull(source->snapshot, NULL, 10);
}

/* -- Moments -------------------------------------------------------------------------------- */

static int hold_of_server(struct source *source)
{
    static const struct text nothing = {0};
    JSON_CLEANUP json = NULL;
    TEXT_CLEANUP path = {0};
    text_printf(&path, "/api/cordon/snapshot");
    const int failed = ask(source, &path, &nothing, &json);
    if (failed != CLI_OK) {
        return failed;
    }
    const cordon_text text =
        cordon_json_get_text(cordon_json_get_member(cordon_json_get_root(json), "snapshot"));
    if (text.size == 0 || text.size >= sizeof source->snapshot) {
        return no_answer();
    }
    memcpy(source->snapshot, text.data, text.size);
    source->snapshot[text.size] = '\0';
    return CLI_OK;
}

int source_hold(struct source *source)
{
    if (source->runtime == NULL) {
        return hold_of_server(source);
    }
    uint64_t snapshot = 0;
    cordon_error *const error =
        cordon_data_hold(source->runtime, source->options->tenant, &snapshot);
    if (error != NULL) {
        return terminal_error(error);
    }
    (void)snprintf(source->snapshot, sizeof source->snapshot, "%llu", (unsigned long long)snapshot);
    return CLI_OK;
}

/* If that fails, nothing is lost: nobody reads on, and it ends by itself. */
static void release(struct source *source)
{
    static const struct text nothing = {0};
    JSON_CLEANUP json = NULL;
    TEXT_CLEANUP path = {0};
    if (source->runtime != NULL) {
        cordon_data_release(source->runtime, source->options->tenant, snapshot_of(source));
        return;
    }
    text_printf(&path, "/api/cordon/snapshot/release");
    add_parameter(&path, "snapshot", source->snapshot);
    (void)ask(source, &path, &nothing, &json);
}

void source_close(struct source *source)
{
    if (source->snapshot[0] != '\0' && !source->is_lost) {
        release(source);
    }
    cordon_runtime_free(source->runtime);
}

/* -- Tables --------------------------------------------------------------------------------- */

static int list_tables(struct source *source, uint32_t after, cordon_json **out_json)
{
    if (source->runtime != NULL) {
        char *answer = NULL;
        cordon_error *const error = cordon_data_tables(
            source->runtime, source->options->tenant, snapshot_of(source), after, &answer);
        return take(error, answer, out_json);
    }
    TEXT_CLEANUP path = {0};
    text_printf(&path, "/api/cordon/tables");
    add_parameter(&path, "snapshot", source->snapshot);
    add_number(&path, "after", after);
    return ask(source, &path, NULL, out_json);
}

/* One list; `*after` becomes the last number of it, and 0 if there are no others. */
static int use_list(
    struct source *source,
    uint32_t *after,
    int (*use)(void *arg, const cordon_json_value *table),
    void *arg)
{
    JSON_CLEANUP json = NULL;
    int failed = list_tables(source, *after, &json);
    if (failed != CLI_OK) {
        return failed;
    }
    const cordon_json_value *const root = cordon_json_get_root(json);
    cordon_json_walk walk = cordon_json_walk_begin(cordon_json_get_member(root, "tables"));
    uint64_t last = *after;
    const cordon_json_value *table = NULL;
    while (failed == CLI_OK && (table = cordon_json_walk_next(&walk, NULL)) != NULL) {
        if (!cordon_json_get_u64(cordon_json_get_member(table, "id"), &last) || last <= *after ||
            last > UINT32_MAX) {
            return no_answer();
        }
        failed = use(arg, table);
    }
    const bool more = cordon_json_is_true(cordon_json_get_member(root, "hasMore"));
    if (more && last == *after) {
        return no_answer();
    }
    *after = more ? (uint32_t)last : 0;
    return failed;
}

int source_each_table(
    struct source *source, int (*use)(void *arg, const cordon_json_value *table), void *arg)
{
    uint32_t after = 0;
    int failed = CLI_OK;
    do {
        failed = use_list(source, &after, use, arg);
    } while (failed == CLI_OK && after != 0);
    return failed;
}

/* -- Documents ------------------------------------------------------------------------------ */

int source_read(struct source *source, const struct source_page *page, cordon_json **out_json)
{
    if (source->runtime != NULL) {
        const cordon_data_page inside = {
            .size = sizeof inside,
            .table = page->table,
            .snapshot = snapshot_of(source),
            .cursor = page->cursor,
            .descending = page->descending,
            .limit = page->limit,
            .tenant = source->options->tenant,
        };
        char *answer = NULL;
        cordon_error *const error = cordon_data_documents(source->runtime, &inside, &answer);
        return take(error, answer, out_json);
    }
    TEXT_CLEANUP path = {0};
    text_printf(&path, "/api/cordon/documents");
    add_parameter(&path, "table", page->table);
    add_parameter(&path, "snapshot", source->snapshot);
    add_parameter(&path, "cursor", page->cursor);
    add_parameter(&path, "order", page->descending ? "desc" : NULL);
    add_number(&path, "limit", page->limit);
    return ask(source, &path, NULL, out_json);
}

static int send_lines(
    struct source *source, const struct source_batch *batch, cordon_json **out_json)
{
    static const char *const modes[] = {
        [SOURCE_ADD] = "add", [SOURCE_CHECK] = "check", [SOURCE_CHECK_REPLACE] = "check-replace"};
    TEXT_CLEANUP path = {0};
    text_printf(&path, "/api/cordon/import");
    add_parameter(&path, "table", batch->table);
    add_number(&path, "number", batch->number);
    add_parameter(&path, "mode", modes[batch->mode]);
    add_number(&path, "line", batch->first_line);
    return ask(source, &path, batch->lines, out_json);
}

int source_write(
    struct source *source, const struct source_batch *batch, struct source_counts *out_counts)
{
    JSON_CLEANUP json = NULL;
    int failed = CLI_OK;
    if (source->runtime != NULL) {
        const cordon_data_batch inside = {
            .size = sizeof inside,
            .table = batch->table,
            .number = batch->number,
            .check_only = batch->mode != SOURCE_ADD,
            .replaces = batch->mode == SOURCE_CHECK_REPLACE,
            .lines = batch->lines->data,
            .lines_size = batch->lines->size,
            .first_line = batch->first_line,
            .tenant = source->options->tenant,
        };
        char *answer = NULL;
        cordon_error *const error = cordon_data_import(source->runtime, &inside, &answer);
        failed = take(error, answer, &json);
    } else {
        failed = send_lines(source, batch, &json);
    }
    if (failed != CLI_OK) {
        return failed;
    }
    const cordon_json_value *const root = cordon_json_get_root(json);
    struct source_counts counts = {0};
    if (!cordon_json_get_u64(cordon_json_get_member(root, "inserted"), &counts.inserted) ||
        !cordon_json_get_u64(cordon_json_get_member(root, "unchanged"), &counts.unchanged)) {
        return no_answer();
    }
    *out_counts = counts;
    return CLI_OK;
}

int source_clear(
    struct source *source,
    const char *table,
    struct text *cursor,
    uint64_t *out_removed,
    bool *out_more)
{
    static const struct text nothing = {0};
    JSON_CLEANUP json = NULL;
    int failed = CLI_OK;
    if (source->runtime != NULL) {
        char *answer = NULL;
        cordon_error *const error = cordon_data_clear(
            source->runtime, source->options->tenant, table, cursor->data, &answer);
        failed = take(error, answer, &json);
    } else {
        TEXT_CLEANUP path = {0};
        text_printf(&path, "/api/cordon/clear");
        add_parameter(&path, "table", table);
        add_parameter(&path, "cursor", cursor->data);
        failed = ask(source, &path, &nothing, &json);
    }
    if (failed != CLI_OK) {
        return failed;
    }
    const cordon_json_value *const root = cordon_json_get_root(json);
    const cordon_text next = cordon_json_get_text(cordon_json_get_member(root, "cursor"));
    if (!cordon_json_get_u64(cordon_json_get_member(root, "removed"), out_removed)) {
        return no_answer();
    }
    text_done(cursor);
    text_append(cursor, next.data, next.size);
    *out_more = cordon_json_is_true(cordon_json_get_member(root, "hasMore"));
    return CLI_OK;
}

/* -- Environment variables ------------------------------------------------------------------ */

int source_list_env(struct source *source, cordon_json **out_json)
{
    if (source->runtime != NULL) {
        char *answer = NULL;
        cordon_error *const error =
            cordon_env_list(source->runtime, source->options->tenant, &answer);
        return take(error, answer, out_json);
    }
    TEXT_CLEANUP path = {0};
    text_printf(&path, "/api/cordon/environment_variables");
    return ask(source, &path, NULL, out_json);
}

int source_change_env(struct source *source, const struct text *changes)
{
    if (source->runtime != NULL) {
        cordon_error *const error = cordon_env_change(
            source->runtime, source->options->tenant, changes->data, changes->size);
        return error == NULL ? CLI_OK : terminal_error(error);
    }
    JSON_CLEANUP json = NULL;
    TEXT_CLEANUP path = {0};
    text_printf(&path, "/api/update_environment_variables");
    return ask(source, &path, changes, &json);
}
