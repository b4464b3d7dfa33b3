/* A file to import, and what it says of its tables; see import_file.h. */
#include "cli/import_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/terminal.h"

static bool is_table_name(const char *name, size_t size)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const char rest[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    if (size == 0 || size > IMPORT_NAME_MAX ||
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

struct import_table *import_file_find(const struct import_file *file, const char *name, size_t size)
{
    for (size_t i = 0; i < file->count; i++) {
        if (strlen(file->tables[i].name) == size && memcmp(file->tables[i].name, name, size) == 0) {
            return &file->tables[i];
        }
    }
    return NULL;
}

struct import_table *import_file_add(struct import_file *file, const char *name, size_t size)
{
    struct import_table *const known = import_file_find(file, name, size);
    if (known != NULL) {
        return known;
    }
    if (file->count == file->capacity) {
        const size_t capacity = file->capacity == 0 ? 16 : file->capacity * 2;
        struct import_table *const tables = realloc(file->tables, capacity * sizeof *tables);
        if (tables == NULL) {
            (void)terminal_fail(0, "out of memory; free some and try again");
            return NULL;
        }
        file->tables = tables;
        file->capacity = capacity;
    }
    struct import_table *const table = &file->tables[file->count++];
    *table = (struct import_table){.number = 0};
    memcpy(table->name, name, size);
    return table;
}

static bool is_wanted(const struct import_file *file, const char *name, size_t size)
{
    const char *const only = file->options->table;
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
static int take_table(struct import_file *file, const struct lines *lines, cordon_text line)
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
    if (name.data[0] == '_' || !is_wanted(file, name.data, name.size)) {
        return CLI_OK;
    }
    if (!is_table_name(name.data, name.size)) {
        return bad_tables(lines);
    }
    struct import_table *const table = import_file_add(file, name.data, name.size);
    if (table == NULL) {
        return CLI_MACHINE;
    }
    if (table->number != 0) {
        return terminal_fail(
            CLI_USAGE, "'%s' in the zip names the table '%s' twice; make the zip again",
            lines->name, table->name);
    }
    table->number = (uint32_t)number;
    return CLI_OK;
}

static int read_tables(struct import_file *file, zip_uint64_t index, const char *name)
{
    CLI_CLEANUP(lines_close) struct lines lines = {.name = name};
    int failed = lines_open_member(&lines, file->lib, file->zip, index, name);
    cordon_text line = {0};
    while (failed == CLI_OK) {
        failed = lines_next(&lines, &line);
        if (failed != CLI_OK || line.data == NULL) {
            break;
        }
        failed = line.size == 0 ? CLI_OK : take_table(file, &lines, line);
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
static int take_member(struct import_file *file, zip_uint64_t index, const char *name)
{
    static const char documents[] = "/documents.jsonl";
    const char *const slash = strchr(name, '/');
    const size_t size = slash == NULL ? strlen(name) : (size_t)(slash - name);
    if (strcmp(name, "README.md") == 0 || (slash != NULL && slash[1] == '\0')) {
        return CLI_OK;
    }
    if (strcmp(name, "_tables/documents.jsonl") == 0) {
        return read_tables(file, index, name);
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
            name, IMPORT_NAME_MAX);
    }
    if (!is_wanted(file, name, size)) {
        return CLI_OK;
    }
    struct import_table *const table = import_file_add(file, name, size);
    if (table == NULL) {
        return CLI_MACHINE;
    }
    if (table->has_documents) {
        return terminal_fail(CLI_USAGE, "'%s' is twice in the zip; make the zip again", name);
    }
    table->has_documents = true;
    table->index = index;
    (void)snprintf(table->documents, sizeof table->documents, "%s", name);
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
static int take_schema(struct import_file *file, zip_uint64_t index, const char *name)
{
    struct import_table *const table = import_file_find(file, name, strcspn(name, "/"));
    if (table == NULL || !table->has_documents) {
        return CLI_OK;
    }
    if (table->has_schema) {
        return terminal_fail(CLI_USAGE, "'%s' is twice in the zip; make the zip again", name);
    }
    CLI_CLEANUP(lines_close) struct lines lines = {.name = name};
    uint64_t line = 0;
    int failed = lines_open_member(&lines, file->lib, file->zip, index, name);
    if (failed == CLI_OK) {
        failed = generated_schema_read(&lines, &table->schema, &line);
    }
    table->has_schema = true;
    return failed == CLI_OK && table->schema == SCHEMA_STRINGS && !file->options->strings
               ? refuse_strings(name, line)
               : failed;
}

/* A number that two tables have would come up as ids of the wrong table, later and less clearly. */
static int check_numbers(const struct import_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        for (size_t k = i + 1; k < file->count && file->tables[i].number != 0; k++) {
            if (file->tables[i].number == file->tables[k].number) {
                return terminal_fail(
                    CLI_USAGE,
                    "the tables '%s' and '%s' have the same number in the zip; make the "
                    "zip again",
                    file->tables[i].name, file->tables[k].name);
            }
        }
    }
    return CLI_OK;
}

static int compare_tables(const void *a, const void *b)
{
    const struct import_table *const first = a;
    const struct import_table *const second = b;
    return (first->number > second->number) - (first->number < second->number);
}

static int each_member(
    struct import_file *file,
    int (*take)(struct import_file *, zip_uint64_t index, const char *name))
{
    const zip_int64_t count = file->lib->get_num_entries(file->zip, 0);
    int failed = CLI_OK;
    for (zip_int64_t i = 0; i < count && failed == CLI_OK; i++) {
        const char *const name = file->lib->get_name(file->zip, (zip_uint64_t)i, 0);
        if (name != NULL) {
            failed = take(file, (zip_uint64_t)i, name);
        }
    }
    return failed;
}

static int take_schema_member(struct import_file *file, zip_uint64_t index, const char *name)
{
    return is_schema_name(name) ? take_schema(file, index, name) : CLI_OK;
}

static int list_zip(struct import_file *file)
{
    int failed = each_member(file, take_member);
    if (failed == CLI_OK) {
        failed = each_member(file, take_schema_member);
    }
    if (failed == CLI_OK) {
        failed = check_numbers(file);
    }
    if (failed == CLI_OK && file->count == 0) {
        const char *const only = file->options->table;
        failed = only == NULL ? terminal_fail(
                                    CLI_USAGE, "'%s' has no tables; name a zip of `cordon export`",
                                    file->path)
                              : terminal_fail(
                                    CLI_USAGE, "'%s' has no table '%s'; name another with --table",
                                    file->path, only);
    }
    if (failed == CLI_OK && file->tables != NULL) {
        qsort(file->tables, file->count, sizeof *file->tables, compare_tables);
    }
    return failed;
}

static int open_zip(struct import_file *file)
{
    file->lib = libzip_load();
    if (file->lib == NULL) {
        return CLI_MACHINE;
    }
    int code = 0;
    file->zip = file->lib->open(file->path, ZIP_RDONLY | ZIP_CHECKCONS, &code);
    if (file->zip != NULL) {
        return list_zip(file);
    }
    zip_error_t error;
    file->lib->error_init_with_code(&error, code);
    const int failed = terminal_fail(
        CLI_USAGE, "'%s' is a damaged zip: %s; make it again", file->path,
        file->lib->error_strerror(&error));
    file->lib->error_fini(&error);
    return failed;
}

/* -- JSON lines ----------------------------------------------------------------------------- */

static int list_lines(struct import_file *file)
{
    const struct cli_options *const options = file->options;
    const char *const name = options->table;
    if (name == NULL) {
        return terminal_usage(
            options->command,
            "'%s' is no zip; if it has a JSON document on each line, name the "
            "table with --table",
            file->path);
    }
    if (!is_table_name(name, strlen(name))) {
        return terminal_usage(
            options->command,
            "'%s' is no name of a table: up to %d letters, digits and `_`, the first one a letter",
            name, IMPORT_NAME_MAX);
    }
    struct import_table *const table = import_file_add(file, name, strlen(name));
    if (table != NULL) {
        table->has_documents = true;
    }
    return table == NULL ? CLI_MACHINE : CLI_OK;
}

int import_file_open(
    struct import_file *out_file, const struct cli_options *options, const char *path)
{
    *out_file = (struct import_file){.options = options, .path = path};
    char start[2] = {0};
    FILE *const stream = fopen(path, "re");
    if (stream == NULL) {
        return terminal_fail(
            CLI_USAGE, "cannot open '%s'; check its name, and the folder that this runs in", path);
    }
    const bool is_zip =
        fread(start, 1, sizeof start, stream) == sizeof start && memcmp(start, "PK", 2) == 0;
    (void)fclose(stream);
    return is_zip ? open_zip(out_file) : list_lines(out_file);
}

void import_file_close(struct import_file *file)
{
    if (file->zip != NULL) {
        file->lib->discard(file->zip);
    }
    free(file->tables);
}

int import_file_read(
    const struct import_file *file, const struct import_table *table, struct lines *out_lines)
{
    *out_lines = (struct lines){.name = file->path};
    if (file->zip == NULL) {
        return lines_open_file(out_lines, file->path);
    }
    return lines_open_member(out_lines, file->lib, file->zip, table->index, table->documents);
}
