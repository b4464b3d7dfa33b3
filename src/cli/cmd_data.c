/*
 * `cordon data`: what tables there are, or the documents of one. As a table for people, in which
 * long values are cut; as JSON with all that there is.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/flags.h"
#include "cli/source.h"
#include "cli/terminal.h"

/* What is shown of one value, in characters. */
enum { LIMIT_DEFAULT = 100, PAGE_MAX = 1000, CELL_MAX = 40 };

/* -- A table for people --------------------------------------------------------------------- */

/* Rows of cells, column by column as wide as the widest; the first row is the head. */
struct grid {
    struct text *cells;
    size_t columns;
    size_t count; /* of cells */
    size_t capacity;
};

static void grid_done(struct grid *grid)
{
    for (size_t i = 0; i < grid->count; i++) {
        text_done(&grid->cells[i]);
    }
    free(grid->cells);
}

/* The next cell, left to right; an empty text. */
static struct text *add_cell(struct grid *grid)
{
    if (grid->count == grid->capacity) {
        grid->capacity = grid->capacity == 0 ? 64 : grid->capacity * 2;
        struct text *const cells = realloc(grid->cells, grid->capacity * sizeof *cells);
        if (cells == NULL) {
            exit(terminal_fail(CLI_MACHINE, "out of memory; ask for fewer documents"));
        }
        grid->cells = cells;
    }
    struct text *const cell = &grid->cells[grid->count++];
    *cell = (struct text){0};
    return cell;
}

static cordon_text cell_text(const struct grid *grid, size_t row, size_t column)
{
    const struct text *const cell = &grid->cells[row * grid->columns + column];
    return (cordon_text){cell->size == 0 ? "" : cell->data, cell->size};
}

static size_t row_count(const struct grid *grid)
{
    return grid->columns == 0 ? 0 : grid->count / grid->columns;
}

static size_t column_width(const struct grid *grid, size_t column)
{
    size_t width = 0;
    for (size_t row = 0; row < row_count(grid); row++) {
        const size_t own = terminal_width(cell_text(grid, row, column));
        width = own > width ? own : width;
    }
    return width;
}

static void print_grid(const struct grid *grid, bool numbers)
{
    size_t widths[64 + 1] = {0};
    for (size_t column = 0; column < grid->columns; column++) {
        widths[column] = column_width(grid, column);
    }
    for (size_t row = 0; row < row_count(grid); row++) {
        for (size_t column = 0; column < grid->columns; column++) {
            const cordon_text text = cell_text(grid, row, column);
            const int blanks = (int)(widths[column] - terminal_width(text));
            const bool right = numbers && column > 0;
            const bool last = column + 1 == grid->columns;
            (void)printf("%s%*s", column == 0 ? "" : "  ", right ? blanks : 0, "");
            terminal_write(stdout, text);
            (void)printf("%*s", right || last ? 0 : blanks, "");
        }
        (void)fputc('\n', stdout);
    }
}

/* -- Tables --------------------------------------------------------------------------------- */

struct listing {
    bool as_json;
    size_t tables;
    struct grid grid;
};

static void append_size(struct text *cell, uint64_t bytes, bool more)
{
    static const char *const units[] = {"B", "KiB", "MiB"};
    double size = (double)bytes;
    size_t unit = 0;
    while (size >= 1024 && unit < 2) {
        size /= 1024;
        unit++;
    }
    text_printf(cell, unit == 0 ? "%.0f" : "%.1f", size);
    text_printf(cell, " %s%s", units[unit], more ? "+" : "");
}

static int show_table(void *arg, const cordon_json_value *table)
{
    struct listing *const listing = arg;
    if (listing->as_json) {
        char *text = NULL;
        cordon_error *const error = cordon_json_write(table, &text);
        if (error != NULL) {
            return terminal_error(error);
        }
        (void)printf("%s%s", listing->tables++ == 0 ? "" : ",", text);
        cordon_free(text);
        return CLI_OK;
    }
    uint64_t documents = 0;
    uint64_t bytes = 0;
    const cordon_text name = cordon_json_get_text(cordon_json_get_member(table, "name"));
    const bool more = cordon_json_is_true(cordon_json_get_member(table, "more"));
    (void)cordon_json_get_u64(cordon_json_get_member(table, "documents"), &documents);
    (void)cordon_json_get_u64(cordon_json_get_member(table, "bytes"), &bytes);
    text_append(add_cell(&listing->grid), name.data, name.size);
    text_printf(add_cell(&listing->grid), "%llu%s", (unsigned long long)documents, more ? "+" : "");
    append_size(add_cell(&listing->grid), bytes, more);
    listing->tables++;
    return CLI_OK;
}

static void free_listing(struct listing *listing)
{
    grid_done(&listing->grid);
}

static int show_tables(struct source *source)
{
    CLI_CLEANUP(free_listing)
    struct listing listing = {
        .as_json = source->options->format == CLI_JSON, .grid = {.columns = 3}};
    static const char *const head[] = {"TABLE", "DOCUMENTS", "SIZE"};
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++) {
        text_printf(add_cell(&listing.grid), "%s", head[i]);
    }
    if (listing.as_json) {
        (void)fputs("{\"tables\":[", stdout);
    }
    const int failed = source_each_table(source, show_table, &listing);
    if (failed != CLI_OK) {
        return failed;
    }
    if (listing.as_json) {
        (void)puts("]}");
    } else if (listing.tables == 0) {
        (void)fputs("There are no tables yet; a mutation that inserts makes one.\n", stderr);
    } else {
        print_grid(&listing.grid, true);
    }
    return CLI_OK;
}

/* -- Documents ------------------------------------------------------------------------------ */

/* Names of fields as they come up, which are the columns. More are not shown. */
struct fields {
    char *names[64];
    size_t count;
    bool others;
};

static void fields_done(struct fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        free(fields->names[i]);
    }
}

static void note_field(struct fields *fields, cordon_text name)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (strlen(fields->names[i]) == name.size &&
            memcmp(fields->names[i], name.data, name.size) == 0) {
            return;
        }
    }
    if (fields->count == sizeof fields->names / sizeof fields->names[0]) {
        fields->others = true;
        return;
    }
    char *const copy = strndup(name.data, name.size);
    if (copy == NULL) {
        exit(terminal_fail(CLI_MACHINE, "out of memory; ask for fewer documents"));
    }
    fields->names[fields->count++] = copy;
}

static void note_fields(struct fields *fields, const cordon_json_value *page)
{
    cordon_json_walk walk = cordon_json_walk_begin(page);
    for (const cordon_json_value *document;
         (document = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        cordon_json_walk inner = cordon_json_walk_begin(document);
        cordon_text name = {0};
        while (cordon_json_walk_next(&inner, &name) != NULL) {
            note_field(fields, name);
        }
    }
}

/* The first characters of a text, with a mark if there are more. */
static void append_cut(struct text *cell, const char *text)
{
    size_t size = 0;
    for (size_t characters = 0; text[size] != '\0' && characters < CELL_MAX; characters++) {
        do {
            size++;
        } while (((unsigned char)text[size] & 0xc0) == 0x80);
    }
    text_append(cell, text, size);
    text_printf(cell, "%s", text[size] == '\0' ? "" : "…");
}

static int add_document(
    struct grid *grid, const struct fields *fields, const cordon_json_value *document)
{
    for (size_t i = 0; i < fields->count; i++) {
        const cordon_json_value *const value = cordon_json_get_member(document, fields->names[i]);
        struct text *const cell = add_cell(grid);
        char *text = NULL;
        cordon_error *const error = value == NULL ? NULL : cordon_json_write(value, &text);
        if (error != NULL) {
            return terminal_error(error);
        }
        append_cut(cell, text == NULL ? "" : text);
        cordon_free(text);
    }
    return CLI_OK;
}

static int print_page(const cordon_json_value *page)
{
    CLI_CLEANUP(fields_done) struct fields fields = {.count = 0};
    note_fields(&fields, page);
    CLI_CLEANUP(grid_done) struct grid grid = {.columns = fields.count};
    for (size_t i = 0; i < fields.count; i++) {
        text_printf(add_cell(&grid), "%s", fields.names[i]);
    }
    cordon_json_walk walk = cordon_json_walk_begin(page);
    for (const cordon_json_value *document;
         (document = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        const int failed = add_document(&grid, &fields, document);
        if (failed != CLI_OK) {
            return failed;
        }
    }
    print_grid(&grid, false);
    if (fields.others) {
        (void)fputs("Fields beyond the first 64 are not shown; --format json has all.\n", stderr);
    }
    return CLI_OK;
}

static int print_page_json(const cordon_json_value *page, uint64_t before)
{
    cordon_json_walk walk = cordon_json_walk_begin(page);
    for (const cordon_json_value *document; (document = cordon_json_walk_next(&walk, NULL)) != NULL;
         before++) {
        char *text = NULL;
        cordon_error *const error = cordon_json_write(document, &text);
        if (error != NULL) {
            return terminal_error(error);
        }
        (void)printf("%s%s", before == 0 ? "" : ",", text);
        cordon_free(text);
    }
    return CLI_OK;
}

struct reading {
    struct text cursor;
    uint64_t shown;
    bool has_more;
};

static void reading_done(struct reading *reading)
{
    text_done(&reading->cursor);
}

static int show_page(struct source *source, struct reading *reading, uint64_t limit)
{
    const struct cli_options *const options = source->options;
    const uint64_t left = limit - reading->shown;
    const struct source_page page = {
        .table = options->operands[0],
        .cursor = reading->cursor.data,
        .descending = !options->ascending,
        .limit = left < PAGE_MAX ? (uint32_t)left : PAGE_MAX,
    };
    JSON_CLEANUP json = NULL;
    const int failed = source_read(source, &page, &json);
    if (failed != CLI_OK) {
        return failed;
    }
    const cordon_json_value *const root = cordon_json_get_root(json);
    const cordon_json_value *const values = cordon_json_get_member(root, "values");
    const cordon_text cursor = cordon_json_get_text(cordon_json_get_member(root, "cursor"));
    const uint64_t before = reading->shown;
    reading->has_more = cordon_json_is_true(cordon_json_get_member(root, "hasMore"));
    reading->shown += cordon_json_walk_begin(values).left;
    text_done(&reading->cursor);
    text_append(&reading->cursor, cursor.data, cursor.size);
    if (before == reading->shown) {
        return CLI_OK;
    }
    if (options->format == CLI_JSON) {
        if (before == 0) {
            (void)fputs("{\"documents\":[", stdout);
        }
        return print_page_json(values, before);
    }
    return print_page(values);
}

static int show_documents(struct source *source)
{
    const struct cli_options *const options = source->options;
    const uint64_t limit = options->has_count ? options->count : LIMIT_DEFAULT;
    CLI_CLEANUP(reading_done) struct reading reading = {.shown = 0};
    int failed = limit > PAGE_MAX ? source_hold(source) : CLI_OK;
    if (failed != CLI_OK) {
        return failed;
    }
    do {
        failed = show_page(source, &reading, limit);
    } while (failed == CLI_OK && reading.has_more && reading.shown < limit);
    if (failed != CLI_OK) {
        return failed;
    }
    if (options->format == CLI_JSON) {
        (void)printf(
            "%s],\"hasMore\":%s}\n", reading.shown == 0 ? "{\"documents\":[" : "",
            reading.has_more ? "true" : "false");
    } else if (reading.shown == 0) {
        (void)fputs("The table has no documents.\n", stderr);
    } else if (reading.has_more) {
        (void)fputs("There are more documents; --limit shows more of them.\n", stderr);
    }
    return CLI_OK;
}

static int run(const struct cli_options *options)
{
    CLI_CLEANUP(source_close) struct source source = {0};
    const int failed = source_open(&source, options, SOURCE_READ);
    if (failed != CLI_OK) {
        return failed;
    }
    return options->operand_count == 0 ? show_tables(&source) : show_documents(&source);
}

static const struct cli_flag flags[] = {
    {"limit", "N", "at most so many documents (default 100)", flags_set_count},
    {"order", "asc|desc", "oldest or newest first (the default)", flags_set_order},
    FLAGS_OF_DATA,
    FLAGS_END,
};

const struct cli_command cli_data = {
    .name = "data",
    .operands = "[TABLE]",
    .operands_min = 0,
    .operands_max = 1,
    .summary = "lists tables, or documents of one",
    .details =
        "Lists the tables of a running server, or the documents of TABLE, newest first. Of each\n"
        "table 1,000 documents or 4 MiB are counted; a + says that there are more. In a table for\n"
        "people long values are cut. Documents are in Convex's encoded JSON, as `cordon call`\n"
        "prints values; --format json prints {\"documents\": [...], \"hasMore\": BOOLEAN}.\n"
        "\n"
        "Exit code: 0 success; 2 wrong usage, no such table, or a key that is not accepted; 5 no\n"
        "server answers, or it failed.",
    .example = "  cordon data messages --limit 10",
    .flags = flags,
    .run = run,
};
