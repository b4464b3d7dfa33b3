/*
 * `cordon import`: documents out of a zip as `cordon export` and Convex's make them, or out of one
 * file of JSON lines.
 *
 * Twice over the file: the first time every document is checked by who will store it, and nothing
 * is written but the tables, which documents name in their ids; so a file with a mistake changes
 * nothing. The second time batches are written, each whole or not at all. Documents keep their ids:
 * what was interrupted is continued by the same file with --append.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/export_json.h"
#include "cli/flags.h"
#include "cli/ids.h"
#include "cli/import_file.h"
#include "cli/progress.h"
#include "cli/terminal.h"

/* Of one batch, whichever is first. */
enum { BATCH_DOCUMENTS_MAX = 2000, BATCH_BYTES_MAX = 4 << 20 };

struct import {
    struct source source;
    struct import_file file;
    uint64_t checked; /* documents so far, of all tables */
};

static void import_done(struct import *import)
{
    import_file_close(&import->file);
    source_close(&import->source);
}

/* -- Documents ------------------------------------------------------------------------------ */

static void show_progress(const char *verb, const struct import_table *table, uint64_t documents)
{
    if (isatty(STDERR_FILENO)) {
        (void)fprintf(
            stderr, "\r%s %s, %llu documents \033[K", verb, table->name,
            (unsigned long long)documents);
    }
}

static int send(
    struct import *import,
    struct import_table *table,
    enum source_mode mode,
    const struct text *lines,
    uint64_t first_line)
{
    struct source_counts counts = {0};
    const struct source_batch batch = {
        .table = table->name,
        .number = table->number,
        .mode = mode,
        .lines = lines,
        .first_line = first_line,
    };
    const int failed = source_write(&import->source, &batch, &counts);
    if (failed != CLI_OK) {
        return failed;
    }
    if (mode == SOURCE_ADD) {
        table->counts.inserted += counts.inserted;
        table->counts.unchanged += counts.unchanged;
    } else {
        import->checked += counts.inserted + counts.unchanged;
    }
    return CLI_OK;
}

/* Refuses an `_id` that a line before has had. What is no document at all, the store says. */
static int check_id(
    const struct import_table *table, const struct lines *lines, cordon_text line, struct ids *ids)
{
    JSON_CLEANUP json = NULL;
    cordon_error *const error = cordon_json_parse(line.data, line.size, &json);
    cordon_error_free(error);
    const cordon_json_value *const root = error != NULL ? NULL : cordon_json_get_root(json);
    const cordon_text id = cordon_json_get_text(cordon_json_get_member(root, "_id"));
    if (ids_add(ids, id) != IDS_TWICE) {
        return CLI_OK;
    }
    progress_end();
    return terminal_fail(
        CLI_USAGE,
        "table \"%s\", line %llu: another document of the file has the `_id` \"%.*s\", too; leave "
        "one "
        "of them out",
        table->name, (unsigned long long)lines->number, (int)id.size, id.data);
}

/* Adds a line to a batch, in encoded JSON. */
static int append_line(
    const struct import_table *table,
    const struct lines *lines,
    cordon_text line,
    struct text *batch)
{
    const size_t before = batch->size;
    if (table->schema == SCHEMA_UNIFORM) {
        export_json_to_encoded(batch, line);
    } else {
        text_append(batch, line.data, line.size);
    }
    if (batch->size - before > LINE_BYTES_MAX) {
        progress_end();
        return terminal_fail(
            CLI_USAGE,
            "'%s', line %llu: longer than %d bytes in encoded JSON, which no document is; there is "
            "a document on each line",
            lines->name, (unsigned long long)lines->number, LINE_BYTES_MAX);
    }
    text_append(batch, "\n", 1);
    return CLI_OK;
}

/*
 * Takes lines until there are enough for a batch. Empty ones are kept: they are counted. With
 * `ids`, which has those of the lines before, each document's must be new.
 */
static int fill_batch(
    const struct import_table *table,
    struct lines *lines,
    struct ids *ids,
    struct text *batch,
    bool *out_ended)
{
    size_t documents = 0;
    *out_ended = false;
    while (documents < BATCH_DOCUMENTS_MAX && batch->size < BATCH_BYTES_MAX) {
        cordon_text line = {0};
        int failed = lines_next(lines, &line);
        if (failed == CLI_OK && line.data == NULL) {
            *out_ended = true;
            return CLI_OK;
        }
        if (failed == CLI_OK && ids != NULL && line.size > 0) {
            failed = check_id(table, lines, line, ids);
        }
        if (failed != CLI_OK) {
            return failed;
        }
        failed = append_line(table, lines, line, batch);
        if (failed != CLI_OK) {
            return failed;
        }
        documents++;
    }
    return CLI_OK;
}

static int send_lines(
    struct import *import, struct import_table *table, enum source_mode mode, struct lines *lines)
{
    const char *const verb = mode == SOURCE_ADD ? "importing" : "checking";
    CLI_CLEANUP(ids_done) struct ids ids = {.capacity = 0};
    bool ended = false;
    while (!ended) {
        TEXT_CLEANUP batch = {0};
        const uint64_t first_line = lines->number + 1;
        int failed = fill_batch(table, lines, mode == SOURCE_ADD ? NULL : &ids, &batch, &ended);
        if (failed == CLI_OK && batch.size > 0) {
            failed = send(import, table, mode, &batch, first_line);
        }
        if (failed != CLI_OK) {
            return failed;
        }
        show_progress(verb, table, mode == SOURCE_ADD ? table->counts.inserted : import->checked);
    }
    return CLI_OK;
}

/* The documents of one table, from the first to the last. */
static int send_table(struct import *import, struct import_table *table, enum source_mode mode)
{
    if (!table->has_documents) {
        return CLI_OK;
    }
    CLI_CLEANUP(lines_close) struct lines lines = {0};
    int failed = import_file_read(&import->file, table, &lines);
    if (failed == CLI_OK) {
        failed = send_lines(import, table, mode, &lines);
    }
    return failed;
}

static int send_all(struct import *import, enum source_mode mode)
{
    int failed = CLI_OK;
    for (size_t i = 0; i < import->file.count && failed == CLI_OK; i++) {
        failed = send_table(import, &import->file.tables[i], mode);
    }
    return failed;
}

/* -- Tables --------------------------------------------------------------------------------- */

/* Lowest number first, so that in a new folder they come out as they were. */
static int make_tables(struct import *import)
{
    static const struct text nothing = {0};
    int failed = CLI_OK;
    for (size_t i = 0; i < import->file.count && failed == CLI_OK; i++) {
        if (import->file.tables[i].number != 0) {
            failed = send(import, &import->file.tables[i], SOURCE_ADD, &nothing, 1);
        }
    }
    return failed;
}

/* Without a flag, tables that are imported must be empty. */
static int refuse_full_table(void *arg, const cordon_json_value *table)
{
    const struct import *const import = arg;
    const cordon_text name = cordon_json_get_text(cordon_json_get_member(table, "name"));
    uint64_t documents = 0;
    (void)cordon_json_get_u64(cordon_json_get_member(table, "documents"), &documents);
    if (documents == 0 || import_file_find(&import->file, name.data, name.size) == NULL) {
        return CLI_OK;
    }
    return terminal_usage(
        import->source.options->command,
        "the table '%.*s' has documents already; add to them with --append, or have them removed "
        "first with --replace",
        (int)name.size, name.data);
}

static int clear_table(struct import *import, struct import_table *table)
{
    TEXT_CLEANUP cursor = {0};
    bool more = true;
    while (more) {
        uint64_t removed = 0;
        const int failed = source_clear(&import->source, table->name, &cursor, &removed, &more);
        if (failed != CLI_OK) {
            return failed;
        }
        table->removed += removed;
        show_progress("removing from", table, table->removed);
    }
    return CLI_OK;
}

/* With --replace-all, tables that the file does not have lose their documents too. */
static int add_other_table(void *arg, const cordon_json_value *table)
{
    struct import *const import = arg;
    const cordon_text name = cordon_json_get_text(cordon_json_get_member(table, "name"));
    uint64_t documents = 0;
    (void)cordon_json_get_u64(cordon_json_get_member(table, "documents"), &documents);
    if (documents == 0 || name.size > IMPORT_NAME_MAX) {
        return CLI_OK;
    }
    return import_file_add(&import->file, name.data, name.size) == NULL ? CLI_MACHINE : CLI_OK;
}

static int clear_tables(struct import *import)
{
    int failed = CLI_OK;
    if (import->source.options->replace_all) {
        failed = source_each_table(&import->source, add_other_table, import);
    }
    for (size_t i = 0; i < import->file.count && failed == CLI_OK; i++) {
        failed = clear_table(import, &import->file.tables[i]);
    }
    return failed;
}

/* -- The command ---------------------------------------------------------------------------- */

static int import_all(struct import *import)
{
    const struct cli_options *const options = import->source.options;
    const bool replaces = options->replace || options->replace_all;
    int failed = CLI_OK;
    if (!replaces && !options->append) {
        failed = source_each_table(&import->source, refuse_full_table, import);
    }
    if (failed == CLI_OK) {
        failed = make_tables(import);
    }
    if (failed == CLI_OK) {
        failed = send_all(import, replaces ? SOURCE_CHECK_REPLACE : SOURCE_CHECK);
    }
    if (failed == CLI_OK && replaces) {
        failed = clear_tables(import);
    }
    if (failed == CLI_OK) {
        failed = send_all(import, SOURCE_ADD);
    }
    progress_end();
    return failed;
}

static void report_json(const struct import *import)
{
    (void)fputs("{\"tables\":[", stdout);
    for (size_t i = 0; i < import->file.count; i++) {
        const struct import_table *const table = &import->file.tables[i];
        (void)printf(
            "%s{\"name\":\"%s\",\"inserted\":%llu,\"unchanged\":%llu,\"removed\":%llu}",
            i == 0 ? "" : ",", table->name, (unsigned long long)table->counts.inserted,
            (unsigned long long)table->counts.unchanged, (unsigned long long)table->removed);
    }
    (void)puts("]}");
}

static void report(const struct import *import)
{
    if (import->source.options->format == CLI_JSON) {
        report_json(import);
        return;
    }
    for (size_t i = 0; i < import->file.count; i++) {
        const struct import_table *const table = &import->file.tables[i];
        (void)printf("%s: %llu added", table->name, (unsigned long long)table->counts.inserted);
        if (table->counts.unchanged > 0) {
            (void)printf(", %llu there already", (unsigned long long)table->counts.unchanged);
        }
        if (table->removed > 0) {
            (void)printf(", %llu removed before", (unsigned long long)table->removed);
        }
        (void)fputc('\n', stdout);
    }
}

static int check_flags(const struct cli_options *options)
{
    if (options->append + options->replace + options->replace_all > 1) {
        return terminal_usage(
            options->command,
            "--append, --replace and --replace-all exclude each other; choose one");
    }
    if (options->replace_all && options->table != NULL) {
        return terminal_usage(
            options->command, "--replace-all is for all tables, and --table names one; choose one");
    }
    return CLI_OK;
}

static int run(const struct cli_options *options)
{
    CLI_CLEANUP(import_done) struct import import = {.checked = 0};
    import.source.options = options;
    int failed = check_flags(options);
    if (failed == CLI_OK) {
        failed = import_file_open(&import.file, options, options->operands[0]);
    }
    if (failed == CLI_OK) {
        failed = source_open(&import.source, options, SOURCE_WRITE);
    }
    if (failed == CLI_OK) {
        failed = import_all(&import);
    }
    if (failed == CLI_OK) {
        report(&import);
    }
    return failed;
}

static const struct cli_flag flags[] = {
    {"table", "TABLE", "only this table; the one that JSON lines are for", flags_set_table},
    {"append", NULL, "add to tables that have documents", flags_set_append},
    {"replace", NULL, "first remove what the tables in FILE have", flags_set_replace},
    {"replace-all", NULL, "first remove what all tables have", flags_set_replace_all},
    {"strings", NULL, "take strings of an old Convex export as they are", flags_set_strings},
    FLAGS_OF_DATA,
    FLAGS_END,
};

const struct cli_command cli_import = {
    .name = "import",
    .operands = "FILE",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "reads documents from a zip or JSON lines",
    .details =
        "Adds the documents of FILE, a zip of `cordon export` or, with --table, JSON with a\n"
        "document on each line, to a running server or a data folder. _id and _creationTime are\n"
        "kept where there are any. All documents are checked first, and a mistake changes\n"
        "nothing. If it is interrupted, the same with --append goes on (or with --replace, where\n"
        "documents have no _id). docs/data.md says more.\n"
        "\n"
        "Exit code: 0 success; 2 wrong usage, a mistake in FILE, or a key that is not accepted; 5\n"
        "no server answers, or it failed, or the disk is full.",
    .example = "  cordon import before-the-change.zip\n"
               "  cordon import --table messages --append more-messages.jsonl",
    .flags = flags,
    .run = run,
};
