/*
 * `cordon import`: documents out of a zip as `cordon export` and Convex's make them, or out of one
 * file of JSON lines.
 *
 * Twice over the file: the first time every document is checked by who will store it, and nothing
 * is written but the tables, which documents name in their ids; so a file with a mistake changes
 * nothing. The second time batches are written, each whole or not at all. Documents keep their ids:
 * what was interrupted is continued by the same file with --append.
 *
 * The archive is hostile. Nothing of it is put on the disk; its files are read as streams, with a
 * bound on each line; names are those of tables, or nothing is done.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/export_json.h"
#include "cli/flags.h"
#include "cli/generated_schema.h"
#include "cli/ids.h"
#include "cli/lines.h"
#include "cli/progress.h"
#include "cli/source.h"
#include "cli/terminal.h"

/* Of one batch, whichever is first. */
enum { BATCH_DOCUMENTS_MAX = 2000, BATCH_BYTES_MAX = 4 << 20 };

enum { TABLE_NAME_MAX = 64 };

/* A table that the file has. */
struct item {
    char name[TABLE_NAME_MAX + 1];
    uint32_t number;    /* 0: the file does not say */
    bool has_documents; /* there is a file of them; */
    zip_uint64_t index; /* in the zip */
    bool has_schema;    /* there is a file that says how they are written: */
    enum generated_schema schema;
    struct source_counts counts;
    uint64_t removed;
};

struct import {
    struct source source;
    const char *path;
    const struct libzip *lib; /* NULL: JSON lines */
    zip_t *zip;
    struct item *items;
    size_t count;
    size_t capacity;
    uint64_t checked; /* documents so far, of all tables */
};

static void import_done(struct import *import)
{
    if (import->zip != NULL) {
        import->lib->discard(import->zip);
    }
    free(import->items);
    source_close(&import->source);
}

/* -- What the file has ---------------------------------------------------------------------- */

static bool is_table_name(const char *name, size_t size)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const char rest[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    if (size == 0 || size > TABLE_NAME_MAX ||
        memchr(letters, name[0], sizeof letters - 1) == NULL) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (memchr(rest, name[i], sizeof rest - 1) == NULL) {
            return false;
        }
    }
    return true;
}

/* The item of that name; NULL: there is none. */
static struct item *known_item(const struct import *import, const char *name, size_t size)
{
    for (size_t i = 0; i < import->count; i++) {
        if (strlen(import->items[i].name) == size &&
            memcmp(import->items[i].name, name, size) == 0) {
            return &import->items[i];
        }
    }
    return NULL;
}

/* The same, made if it is not there; NULL if memory is out, which was said. */
static struct item *find_item(struct import *import, const char *name, size_t size)
{
    struct item *const known = known_item(import, name, size);
    if (known != NULL) {
        return known;
    }
    if (import->count == import->capacity) {
        const size_t capacity = import->capacity == 0 ? 16 : import->capacity * 2;
        struct item *const items = realloc(import->items, capacity * sizeof *items);
        if (items == NULL) {
            (void)terminal_fail(0, "out of memory; free some and try again");
            return NULL;
        }
        import->items = items;
        import->capacity = capacity;
    }
    struct item *const item = &import->items[import->count++];
    *item = (struct item){.number = 0};
    memcpy(item->name, name, size);
    return item;
}

static bool is_wanted(const struct import *import, const char *name, size_t size)
{
    const char *const only = import->source.options->table;
    return only == NULL || (strlen(only) == size && memcmp(only, name, size) == 0);
}

static int bad_tables(const struct lines *lines)
{
    return terminal_fail(
        CLI_USAGE,
        "'%s' in the zip, line %llu: it is not as {\"name\": \"messages\", \"id\": 10001}; make "
        "the "
        "zip again",
        lines->name, (unsigned long long)lines->number);
}

/* A line of `_tables/documents.jsonl`. System tables are none of ours. */
static int take_table(struct import *import, const struct lines *lines, cordon_text line)
{
    JSON_CLEANUP json = NULL;
    cordon_error *const error = cordon_json_parse(line.data, line.size, &json);
    cordon_error_free(error);
    const cordon_json_value *const root = error != NULL ? NULL : cordon_json_get_root(json);
    const cordon_text name = cordon_json_get_text(cordon_json_get_member(root, "name"));
    uint64_t number = 0;
    if (!cordon_json_get_u64(cordon_json_get_member(root, "id"), &number) || number == 0 ||
        number > UINT32_MAX || name.size == 0) {
        return bad_tables(lines);
    }
    if (name.data[0] == '_' || !is_wanted(import, name.data, name.size)) {
        return CLI_OK;
    }
    if (!is_table_name(name.data, name.size)) {
        return bad_tables(lines);
    }
    struct item *const item = find_item(import, name.data, name.size);
    if (item == NULL) {
        return CLI_MACHINE;
    }
    if (item->number != 0) {
        return terminal_fail(
            CLI_USAGE, "'%s' in the zip names the table '%s' twice; make the zip again",
            lines->name, item->name);
    }
    item->number = (uint32_t)number;
    return CLI_OK;
}

static int read_tables(struct import *import, zip_uint64_t index, const char *name)
{
    CLI_CLEANUP(lines_close) struct lines lines = {.name = name};
    int failed = lines_open_member(&lines, import->lib, import->zip, index, name);
    cordon_text line = {0};
    while (failed == CLI_OK) {
        failed = lines_next(&lines, &line);
        if (failed != CLI_OK || line.data == NULL) {
            break;
        }
        failed = line.size == 0 ? CLI_OK : take_table(import, &lines, line);
    }
    return failed;
}

/* `TABLE/generated_schema.jsonl`; Convex's own tables have none. */
static bool is_schema_name(const char *name)
{
    const char *const slash = strchr(name, '/');
    return slash != NULL && strcmp(slash, "/generated_schema.jsonl") == 0 && name[0] != '_';
}

/* One file of the zip, by its name. What is not known is told, and left alone. */
static int take_member(struct import *import, zip_uint64_t index, const char *name)
{
    static const char documents[] = "/documents.jsonl";
    const char *const slash = strchr(name, '/');
    const size_t size = slash == NULL ? strlen(name) : (size_t)(slash - name);
    if (strcmp(name, "README.md") == 0 || (slash != NULL && slash[1] == '\0')) {
        return CLI_OK;
    }
    if (strcmp(name, "_tables/documents.jsonl") == 0) {
        return read_tables(import, index, name);
    }
    if (is_schema_name(name)) {
        return CLI_OK; /* it is read when it is known which tables there are */
    }
    if (slash == NULL || strcmp(slash, documents) != 0 || name[0] == '_') {
        return terminal_fail(CLI_OK, "'%s' in the zip is none of documents; it is left out", name);
    }
    if (!is_table_name(name, size)) {
        return terminal_fail(
            CLI_USAGE,
            "'%s' in the zip is of no table: names of tables have up to %d letters, "
            "digits and `_`, and begin with a letter",
            name, TABLE_NAME_MAX);
    }
    if (!is_wanted(import, name, size)) {
        return CLI_OK;
    }
    struct item *const item = find_item(import, name, size);
    if (item == NULL) {
        return CLI_MACHINE;
    }
    if (item->has_documents) {
        return terminal_fail(CLI_USAGE, "'%s' is twice in the zip; make the zip again", name);
    }
    item->has_documents = true;
    item->index = index;
    return CLI_OK;
}

static int refuse_strings(const char *name, uint64_t line)
{
    return terminal_fail(
        CLI_USAGE,
        "'%s' in the zip, line %llu: this export is of a time when Convex wrote Int64, bytes and "
        "special floats as strings, so some strings of the table may be meant as those; export "
        "again, or import them as the strings that they are with --strings",
        name, (unsigned long long)line);
}

/* How the documents of a table are written; of tables without documents it does not matter. */
static int take_schema(struct import *import, zip_uint64_t index, const char *name)
{
    struct item *const item = known_item(import, name, strcspn(name, "/"));
    if (item == NULL || !item->has_documents) {
        return CLI_OK;
    }
    if (item->has_schema) {
        return terminal_fail(CLI_USAGE, "'%s' is twice in the zip; make the zip again", name);
    }
    CLI_CLEANUP(lines_close) struct lines lines = {.name = name};
    uint64_t line = 0;
    int failed = lines_open_member(&lines, import->lib, import->zip, index, name);
    if (failed == CLI_OK) {
        failed = generated_schema_read(&lines, &item->schema, &line);
    }
    item->has_schema = true;
    return failed == CLI_OK && item->schema == SCHEMA_STRINGS && !import->source.options->strings
               ? refuse_strings(name, line)
               : failed;
}

/* A number that two tables have would come up as ids of the wrong table, later and less clearly. */
static int check_numbers(const struct import *import)
{
    for (size_t i = 0; i < import->count; i++) {
        for (size_t k = i + 1; k < import->count && import->items[i].number != 0; k++) {
            if (import->items[i].number == import->items[k].number) {
                return terminal_fail(
                    CLI_USAGE,
                    "the tables '%s' and '%s' have the same number in the zip; make the "
                    "zip again",
                    import->items[i].name, import->items[k].name);
            }
        }
    }
    return CLI_OK;
}

static int compare_items(const void *a, const void *b)
{
    const struct item *const first = a;
    const struct item *const second = b;
    return (first->number > second->number) - (first->number < second->number);
}

static int each_member(
    struct import *import, int (*take)(struct import *, zip_uint64_t index, const char *name))
{
    const zip_int64_t count = import->lib->get_num_entries(import->zip, 0);
    int failed = CLI_OK;
    for (zip_int64_t i = 0; i < count && failed == CLI_OK; i++) {
        const char *const name = import->lib->get_name(import->zip, (zip_uint64_t)i, 0);
        if (name != NULL) {
            failed = take(import, (zip_uint64_t)i, name);
        }
    }
    return failed;
}

static int take_schema_member(struct import *import, zip_uint64_t index, const char *name)
{
    return is_schema_name(name) ? take_schema(import, index, name) : CLI_OK;
}

static int list_zip(struct import *import)
{
    int failed = each_member(import, take_member);
    if (failed == CLI_OK) {
        failed = each_member(import, take_schema_member);
    }
    if (failed == CLI_OK) {
        failed = check_numbers(import);
    }
    if (failed == CLI_OK && import->count == 0) {
        const char *const only = import->source.options->table;
        failed = only == NULL ? terminal_fail(
                                    CLI_USAGE, "'%s' has no tables; name a zip of `cordon export`",
                                    import->path)
                              : terminal_fail(
                                    CLI_USAGE, "'%s' has no table '%s'; name another with --table",
                                    import->path, only);
    }
    if (failed == CLI_OK && import->items != NULL) {
        qsort(import->items, import->count, sizeof *import->items, compare_items);
    }
    return failed;
}

static int open_zip(struct import *import)
{
    import->lib = libzip_load();
    if (import->lib == NULL) {
        return CLI_MACHINE;
    }
    int code = 0;
    import->zip = import->lib->open(import->path, ZIP_RDONLY | ZIP_CHECKCONS, &code);
    if (import->zip != NULL) {
        return list_zip(import);
    }
    zip_error_t error;
    import->lib->error_init_with_code(&error, code);
    const int failed = terminal_fail(
        CLI_USAGE, "'%s' is a damaged zip: %s; make it again", import->path,
        import->lib->error_strerror(&error));
    import->lib->error_fini(&error);
    return failed;
}

/* -- JSON lines ----------------------------------------------------------------------------- */

static int list_lines(struct import *import)
{
    const struct cli_options *const options = import->source.options;
    const char *const table = options->table;
    if (table == NULL) {
        return terminal_usage(
            options->command,
            "'%s' is no zip; if it has a JSON document on each line, name the "
            "table with --table",
            import->path);
    }
    if (!is_table_name(table, strlen(table))) {
        return terminal_usage(
            options->command,
            "'%s' is no name of a table: up to %d letters, digits and `_`, the first one a letter",
            table, TABLE_NAME_MAX);
    }
    struct item *const item = find_item(import, table, strlen(table));
    if (item != NULL) {
        item->has_documents = true;
    }
    return item == NULL ? CLI_MACHINE : CLI_OK;
}

/* Both kinds of file, by how they begin. */
static int open_file(struct import *import)
{
    char start[2] = {0};
    FILE *const file = fopen(import->path, "re");
    if (file == NULL) {
        return terminal_fail(
            CLI_USAGE, "cannot open '%s'; check its name, and the folder that this runs in",
            import->path);
    }
    const bool is_zip =
        fread(start, 1, sizeof start, file) == sizeof start && memcmp(start, "PK", 2) == 0;
    (void)fclose(file);
    return is_zip ? open_zip(import) : list_lines(import);
}

/* -- Documents ------------------------------------------------------------------------------ */

static void show_progress(const char *verb, const struct item *item, uint64_t documents)
{
    if (isatty(STDERR_FILENO)) {
        (void)fprintf(
            stderr, "\r%s %s, %llu documents \033[K", verb, item->name,
            (unsigned long long)documents);
    }
}

static int send(
    struct import *import,
    struct item *item,
    enum source_mode mode,
    const struct text *lines,
    uint64_t first_line)
{
    struct source_counts counts = {0};
    const struct source_batch batch = {
        .table = item->name,
        .number = item->number,
        .mode = mode,
        .lines = lines,
        .first_line = first_line,
    };
    const int failed = source_write(&import->source, &batch, &counts);
    if (failed != CLI_OK) {
        return failed;
    }
    if (mode == SOURCE_ADD) {
        item->counts.inserted += counts.inserted;
        item->counts.unchanged += counts.unchanged;
    } else {
        import->checked += counts.inserted + counts.unchanged;
    }
    return CLI_OK;
}

/* Refuses an `_id` that a line before has had. What is no document at all, the store says. */
static int check_id(
    const struct item *item, const struct lines *lines, cordon_text line, struct ids *ids)
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
        item->name, (unsigned long long)lines->number, (int)id.size, id.data);
}

/* Adds a line to a batch, in encoded JSON. */
static int append_line(
    const struct item *item, const struct lines *lines, cordon_text line, struct text *batch)
{
    const size_t before = batch->size;
    if (item->schema == SCHEMA_UNIFORM) {
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
    const struct item *item,
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
            failed = check_id(item, lines, line, ids);
        }
        if (failed != CLI_OK) {
            return failed;
        }
        failed = append_line(item, lines, line, batch);
        if (failed != CLI_OK) {
            return failed;
        }
        documents++;
    }
    return CLI_OK;
}

static int send_lines(
    struct import *import, struct item *item, enum source_mode mode, struct lines *lines)
{
    const char *const verb = mode == SOURCE_ADD ? "importing" : "checking";
    CLI_CLEANUP(ids_done) struct ids ids = {.capacity = 0};
    bool ended = false;
    while (!ended) {
        TEXT_CLEANUP batch = {0};
        const uint64_t first_line = lines->number + 1;
        int failed = fill_batch(item, lines, mode == SOURCE_ADD ? NULL : &ids, &batch, &ended);
        if (failed == CLI_OK && batch.size > 0) {
            failed = send(import, item, mode, &batch, first_line);
        }
        if (failed != CLI_OK) {
            return failed;
        }
        show_progress(verb, item, mode == SOURCE_ADD ? item->counts.inserted : import->checked);
    }
    return CLI_OK;
}

/* The documents of one table, from the first to the last. */
static int send_table(struct import *import, struct item *item, enum source_mode mode)
{
    if (!item->has_documents) {
        return CLI_OK;
    }
    CLI_CLEANUP(lines_close) struct lines lines = {.name = import->path};
    TEXT_CLEANUP name = {0};
    text_printf(&name, "%s/documents.jsonl", item->name);
    int failed = import->zip == NULL
                     ? lines_open_file(&lines, import->path)
                     : lines_open_member(&lines, import->lib, import->zip, item->index, name.data);
    if (failed == CLI_OK) {
        failed = send_lines(import, item, mode, &lines);
    }
    return failed;
}

static int send_all(struct import *import, enum source_mode mode)
{
    int failed = CLI_OK;
    for (size_t i = 0; i < import->count && failed == CLI_OK; i++) {
        failed = send_table(import, &import->items[i], mode);
    }
    return failed;
}

/* -- Tables --------------------------------------------------------------------------------- */

/* Lowest number first, so that in a new folder they come out as they were. */
static int make_tables(struct import *import)
{
    static const struct text nothing = {0};
    int failed = CLI_OK;
    for (size_t i = 0; i < import->count && failed == CLI_OK; i++) {
        if (import->items[i].number != 0) {
            failed = send(import, &import->items[i], SOURCE_ADD, &nothing, 1);
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
    if (documents == 0 || known_item(import, name.data, name.size) == NULL) {
        return CLI_OK;
    }
    return terminal_usage(
        import->source.options->command,
        "the table '%.*s' has documents already; add to them with --append, or have them removed "
        "first with --replace",
        (int)name.size, name.data);
}

static int clear_table(struct import *import, struct item *item)
{
    TEXT_CLEANUP cursor = {0};
    bool more = true;
    while (more) {
        uint64_t removed = 0;
        const int failed = source_clear(&import->source, item->name, &cursor, &removed, &more);
        if (failed != CLI_OK) {
            return failed;
        }
        item->removed += removed;
        show_progress("removing from", item, item->removed);
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
    if (documents == 0 || name.size > TABLE_NAME_MAX) {
        return CLI_OK;
    }
    return find_item(import, name.data, name.size) == NULL ? CLI_MACHINE : CLI_OK;
}

static int clear_tables(struct import *import)
{
    int failed = CLI_OK;
    if (import->source.options->replace_all) {
        failed = source_each_table(&import->source, add_other_table, import);
    }
    for (size_t i = 0; i < import->count && failed == CLI_OK; i++) {
        failed = clear_table(import, &import->items[i]);
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
    for (size_t i = 0; i < import->count; i++) {
        const struct item *const item = &import->items[i];
        (void)printf(
            "%s{\"name\":\"%s\",\"inserted\":%llu,\"unchanged\":%llu,\"removed\":%llu}",
            i == 0 ? "" : ",", item->name, (unsigned long long)item->counts.inserted,
            (unsigned long long)item->counts.unchanged, (unsigned long long)item->removed);
    }
    (void)puts("]}");
}

static void report(const struct import *import)
{
    if (import->source.options->format == CLI_JSON) {
        report_json(import);
        return;
    }
    for (size_t i = 0; i < import->count; i++) {
        const struct item *const item = &import->items[i];
        (void)printf("%s: %llu added", item->name, (unsigned long long)item->counts.inserted);
        if (item->counts.unchanged > 0) {
            (void)printf(", %llu there already", (unsigned long long)item->counts.unchanged);
        }
        if (item->removed > 0) {
            (void)printf(", %llu removed before", (unsigned long long)item->removed);
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
    CLI_CLEANUP(import_done) struct import import = {.path = options->operands[0]};
    import.source.options = options;
    int failed = check_flags(options);
    if (failed == CLI_OK) {
        failed = open_file(&import);
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
