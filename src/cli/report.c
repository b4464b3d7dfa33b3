/*
 * Tables of what a report says. A report may come from a server we know nothing about, so every
 * part of it is looked for, not expected, and printed with its control characters escaped.
 */
#include "cli/report.h"

#include <stdio.h>
#include <string.h>

#include "cli/terminal.h"

/* A column is as wide as what stands in it; but one long name does not push all others aside. */
enum { COLUMN_MAX = 48 };

static const cordon_json_value *member(const cordon_json_value *object, const char *name)
{
    return cordon_json_get_member(object, name);
}

static void print_text(const cordon_json_value *object, const char *name)
{
    terminal_write(stdout, cordon_json_get_text(member(object, name)));
}

/* The width of the column of that name over all rows of a table. */
static size_t measure(const cordon_json_value *rows, const char *name)
{
    size_t column = 0;
    cordon_json_walk walk = cordon_json_walk_begin(rows);
    for (const cordon_json_value *row; (row = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        const size_t width = terminal_width(cordon_json_get_text(member(row, name)));
        column = width > column ? width : column;
    }
    return column < COLUMN_MAX ? column : COLUMN_MAX;
}

/* A text, then spaces to the end of its column, and two more. */
static void print_padded(const cordon_json_value *object, const char *name, size_t column)
{
    const cordon_text text = cordon_json_get_text(member(object, name));
    const size_t width = terminal_width(text);
    terminal_write(stdout, text);
    (void)printf("%*s", width < column ? (int)(column - width) + 2 : 2, "");
}

/* "reaches convex/core convex/db-read; calls go 12 deep", of a function or what runs before. */
static void print_calls(const cordon_json_value *row)
{
    const cordon_json_value *const capabilities = member(row, "capabilities");
    if (capabilities == NULL) {
        return;
    }
    (void)fputs("reaches", stdout);
    cordon_json_walk walk = cordon_json_walk_begin(capabilities);
    size_t count = 0;
    for (const cordon_json_value *name; (name = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        (void)fputc(' ', stdout);
        terminal_write(stdout, cordon_json_get_text(name));
        count++;
    }
    (void)fputs(count == 0 ? " no import; " : "; ", stdout);
    if (cordon_json_is_true(member(row, "recursive"))) {
        (void)fputs("its calls may recurse\n", stdout);
    } else {
        (void)printf("calls go %.0f deep\n", cordon_json_get_number(member(row, "callDepth")));
    }
}

static void print_functions(const cordon_json_value *module, bool with_calls)
{
    const cordon_json_value *const functions = member(module, "functions");
    const size_t path_column = measure(functions, "path");
    const size_t kind_column = measure(functions, "kind");
    cordon_json_walk walk = cordon_json_walk_begin(functions);
    for (const cordon_json_value *row; (row = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        (void)fputs("  ", stdout);
        print_padded(row, "path", path_column);
        print_padded(row, "kind", kind_column);
        print_text(row, "visibility");
        (void)fputc('\n', stdout);
        if (with_calls) {
            (void)fputs("    ", stdout);
            print_calls(row);
        }
    }
}

/* "by_author (author.name, at)" */
static void print_index(const cordon_json_value *index)
{
    size_t count = 0;
    print_text(index, "indexDescriptor");
    (void)fputs(" (", stdout);
    cordon_json_walk walk = cordon_json_walk_begin(member(index, "fields"));
    for (const cordon_json_value *path; (path = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        (void)fputs(count++ == 0 ? "" : ", ", stdout);
        terminal_write(stdout, cordon_json_get_text(path));
    }
    (void)fputc(')', stdout);
}

static void print_indexes(const cordon_json_value *list, const char *word)
{
    cordon_json_walk walk = cordon_json_walk_begin(list);
    for (const cordon_json_value *index; (index = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        (void)printf(", %s", word);
        print_index(index);
    }
}

/* The tables of a schema: a line for each, with its indexes. */
static void print_schema(const cordon_json_value *schema, const char *indent)
{
    const cordon_json_value *const tables = member(schema, "tables");
    const size_t name_column = measure(tables, "tableName");
    cordon_json_walk walk = cordon_json_walk_begin(tables);
    for (const cordon_json_value *row; (row = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        const bool is_any = cordon_json_get_type(member(row, "documentType")) == CORDON_JSON_NULL;
        (void)printf("%stable ", indent);
        print_padded(row, "tableName", name_column);
        (void)fputs(is_any ? "any document" : "documents of a type", stdout);
        print_indexes(member(row, "indexes"), "");
        print_indexes(member(row, "stagedDbIndexes"), "staged ");
        (void)fputc('\n', stdout);
    }
}

static void print_initialization(const cordon_json_value *module)
{
    if (!cordon_json_is_true(member(module, "start"))) {
        return;
    }
    (void)fputs("  runs first: ", stdout);
    print_calls(member(module, "initialization"));
}

static void print_memory(const cordon_json_value *module)
{
    const cordon_json_value *const memory = member(module, "memory");
    const cordon_json_value *const most = member(memory, "maximumBytes");
    (void)printf(
        "  memory %.0f bytes at first, ", cordon_json_get_number(member(memory, "initialBytes")));
    if (cordon_json_get_type(most) != CORDON_JSON_NUMBER) {
        (void)fputs("no maximum of its own\n", stdout);
    } else {
        (void)printf("at most %.0f\n", cordon_json_get_number(most));
    }
}

static void print_debug(const cordon_json_value *module)
{
    static const struct {
        const char *name;
        const char *words;
    } kinds[] = {{"names", " names"}, {"dwarf", " DWARF"}, {"sourceMap", " a source map"}};
    const cordon_json_value *const debug = member(module, "debug");
    size_t count = 0;
    (void)fputs("  debug information:", stdout);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (cordon_json_is_true(member(debug, kinds[i].name))) {
            (void)fputs(count++ == 0 ? "" : ",", stdout);
            (void)fputs(kinds[i].words, stdout);
        }
    }
    (void)fputs(count == 0 ? " none\n" : "\n", stdout);
}

static void print_imports(const cordon_json_value *module)
{
    const cordon_json_value *const imports = member(module, "imports");
    const size_t module_column = measure(imports, "module");
    const size_t name_column = measure(imports, "name");
    cordon_json_walk walk = cordon_json_walk_begin(imports);
    for (const cordon_json_value *row; (row = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        (void)fputs("  imports ", stdout);
        print_padded(row, "module", module_column);
        print_padded(row, "name", name_column);
        print_text(row, "type");
        (void)fputc('\n', stdout);
    }
}

/* All of it for a check, functions alone for a deploy. */
static void print_module(const cordon_json_value *row, bool whole)
{
    const cordon_json_value *const module = member(row, "module");
    print_text(row, "name");
    (void)printf(": %.0f bytes, ", cordon_json_get_number(member(module, "bytes")));
    if (cordon_json_is_true(member(row, "fromCache"))) {
        (void)fputs("compiled before", stdout);
    } else {
        (void)printf("compiled in %.0f ms", cordon_json_get_number(member(row, "compileMs")));
    }
    (void)printf(
        " to %.0f bytes of machine code\n  sha256 ",
        cordon_json_get_number(member(row, "codeBytes")));
    print_text(row, "sha256");
    (void)fputc('\n', stdout);
    print_functions(module, whole);
    if (whole) {
        print_schema(member(module, "schema"), "  ");
        print_initialization(module);
        print_imports(module);
        print_memory(module);
        print_debug(module);
    }
}

/* What a check says of its one module stands by itself; a deploy has a list of them. */
static void print_report(const cordon_json_value *root)
{
    const cordon_json_value *const modules = member(root, "modules");
    if (modules == NULL) {
        print_module(root, true);
        return;
    }
    cordon_json_walk walk = cordon_json_walk_begin(modules);
    for (const cordon_json_value *row; (row = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        print_module(row, false);
    }
    if (cordon_json_is_true(member(root, "unchanged"))) {
        (void)fputs(
            "the same modules held already, and the list of deploys is as it was\n", stdout);
    }
    const cordon_json_value *const schema = member(root, "schema");
    print_schema(schema, "");
    const double documents = cordon_json_get_number(member(schema, "documentsChecked"));
    const double rows = cordon_json_get_number(member(schema, "indexRows"));
    if (documents > 0 || rows > 0) {
        (void)printf("checked %.0f documents, worked on %.0f rows of indexes\n", documents, rows);
    }
}

int report_print(const struct cli_options *options, cordon_text report)
{
    cordon_json *json = NULL;
    cordon_error *const error = cordon_json_parse(report.data, report.size, &json);
    if (error != NULL) {
        cordon_error_free(error);
        return terminal_fail(CLI_MACHINE, "the answer is no report; is that a Cordon server?");
    }
    if (options->format == CLI_JSON) {
        (void)fwrite(report.data, 1, report.size, stdout);
        (void)fputc('\n', stdout);
    } else {
        print_report(cordon_json_get_root(json));
    }
    cordon_json_free(json);
    return CLI_OK;
}
