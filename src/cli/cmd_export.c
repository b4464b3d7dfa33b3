/*
 * `cordon export`: all documents of one moment, as a zip of JSON lines in the shape of Convex's:
 * `_tables/documents.jsonl` names the tables and their numbers, `TABLE/documents.jsonl` has a
 * document on each line, `TABLE/generated_schema.jsonl` says how those are written (export_json.h).
 *
 * libzip asks for the bytes of each file when the archive is closed; that is when pages are read.
 * The archive is written beside its place and moved there when all of it is on the disk, so a file
 * of that name is whole. An interrupt is an error like any other: what was begun is taken away.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/export_json.h"
#include "cli/file.h"
#include "cli/flags.h"
#include "cli/libzip.h"
#include "cli/progress.h"
#include "cli/source.h"
#include "cli/terminal.h"

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

struct entry;

struct export
{
    struct source source;
    struct entry *entries; /* the first one is the list of tables */
    size_t count;
    size_t capacity;
    uint64_t tables;
    uint64_t documents;
    int failed; /* the exit code, once something was said to be wrong */
};

/* One file of the archive. */
struct entry {
    struct export *export;
    char *table;       /* NULL: the list of tables */
    const char *file;  /* its name in the table's folder */
    struct text bytes; /* that libzip has not taken yet, from `at` on */
    size_t at;
    struct text cursor;
    bool ended;
};

static void export_done(struct export *export)
{
    for (size_t i = 0; i < export->count; i++) {
        free(export->entries[i].table);
        text_done(&export->entries[i].bytes);
        text_done(&export->entries[i].cursor);
    }
    free(export->entries);
    source_close(&export->source);
}

static const char documents_file[] = "documents.jsonl";

/* -- Tables --------------------------------------------------------------------------------- */

static int no_memory(void)
{
    return terminal_fail(CLI_MACHINE, "out of memory; free some and try again");
}

/* `bytes` is all that the file has; NULL: the documents of the table, or what is added to it. */
static int add_entry(struct export *export, cordon_text table, const char *file, const char *bytes)
{
    if (export->count == export->capacity) {
        const size_t capacity = export->capacity == 0 ? 16 : export->capacity * 2;
        struct entry *const entries = realloc(export->entries, capacity * sizeof *entries);
        if (entries == NULL) {
            return no_memory();
        }
        export->entries = entries;
        export->capacity = capacity;
    }
    struct entry *const entry = &export->entries[export->count++];
    *entry =
        (struct entry){.export = export, .file = file, .ended = table.size == 0 || bytes != NULL};
    if (bytes != NULL) {
        text_append(&entry->bytes, bytes, strlen(bytes));
    }
    entry->table = table.size == 0 ? NULL : strndup(table.data, table.size);
    return table.size > 0 && entry->table == NULL ? no_memory() : CLI_OK;
}

static int take_table(void *arg, const cordon_json_value *table)
{
    struct export *const export = arg;
    const cordon_text name = cordon_json_get_text(cordon_json_get_member(table, "name"));
    uint64_t number = 0;
    (void)cordon_json_get_u64(cordon_json_get_member(table, "id"), &number);
    struct text *const tables = &export->entries[0].bytes;
    text_printf(tables, "{\"name\":");
    int failed = text_append_quoted(tables, name);
    text_printf(tables, ",\"id\":%llu}\n", (unsigned long long)number);
    if (failed != CLI_OK) {
        return failed;
    }
    export->tables++;
    failed = add_entry(export, name, documents_file, NULL);
    return failed != CLI_OK ? failed
                            : add_entry(export, name, "generated_schema.jsonl", "\"uniform\"\n");
}

/* -- Documents ------------------------------------------------------------------------------ */

static int append_documents(struct entry *entry, const cordon_json_value *values)
{
    cordon_json_walk walk = cordon_json_walk_begin(values);
    for (const cordon_json_value *document;
         (document = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        char *text = NULL;
        cordon_error *const error = cordon_json_write(document, &text);
        if (error != NULL) {
            return terminal_error(error);
        }
        export_json_from_encoded(&entry->bytes, (cordon_text){text, strlen(text)});
        text_append(&entry->bytes, "\n", 1);
        cordon_free(text);
        entry->export->documents++;
    }
    return CLI_OK;
}

static void show_progress(const struct export *export)
{
    if (isatty(STDERR_FILENO)) {
        (void)fprintf(
            stderr, "\rexporting, %llu documents ", (unsigned long long)export->documents);
    }
}

/* The next page, once all bytes of the last one are taken. */
static int read_page(struct entry *entry)
{
    struct source *const source = &entry->export->source;
    const struct source_page page = {.table = entry->table, .cursor = entry->cursor.data};
    JSON_CLEANUP json = NULL;
    const int failed = source_read(source, &page, &json);
    if (failed != CLI_OK) {
        return failed;
    }
    const cordon_json_value *const root = cordon_json_get_root(json);
    const cordon_text cursor = cordon_json_get_text(cordon_json_get_member(root, "cursor"));
    entry->ended = !cordon_json_is_true(cordon_json_get_member(root, "hasMore"));
    if (!entry->ended && cursor.size == 0) {
        return terminal_fail(
            CLI_MACHINE, "the server's answer has no cursor; is that a Cordon server?");
    }
    entry->bytes.size = 0;
    entry->at = 0;
    text_done(&entry->cursor);
    text_append(&entry->cursor, cursor.data, cursor.size);
    show_progress(entry->export);
    return append_documents(entry, cordon_json_get_member(root, "values"));
}

/* -- The archive ---------------------------------------------------------------------------- */

/* The next bytes of a file; 0 at its end, -1 after something was said to be wrong. */
static zip_int64_t give_bytes(struct entry *entry, void *out, zip_uint64_t size)
{
    struct export *const export = entry->export;
    while (export->failed == CLI_OK && entry->at == entry->bytes.size && !entry->ended) {
        export->failed =
            interrupted
                ? terminal_fail(CLI_MACHINE, "interrupted, and no file was made; export again")
                : read_page(entry);
    }
    if (export->failed != CLI_OK) {
        return -1;
    }
    const size_t left = entry->bytes.size - entry->at;
    const size_t taken = left < size ? left : (size_t)size;
    if (taken > 0) {
        memcpy(out, entry->bytes.data + entry->at, taken);
    }
    entry->at += taken;
    return (zip_int64_t)taken;
}

static zip_int64_t give_stat(void *out, zip_uint64_t size)
{
    if (size < sizeof(zip_stat_t)) {
        return -1;
    }
    *(zip_stat_t *)out = (zip_stat_t){.valid = 0}; /* nothing is known beforehand */
    return sizeof(zip_stat_t);
}

static zip_int64_t give_error(void *out, zip_uint64_t size)
{
    static const int codes[2] = {ZIP_ER_READ, 0};
    if (size < sizeof codes) {
        return -1;
    }
    memcpy(out, codes, sizeof codes);
    return sizeof codes;
}

static zip_int64_t give(void *arg, void *out, zip_uint64_t size, zip_source_cmd_t command)
{
    if (command == ZIP_SOURCE_READ) {
        return give_bytes(arg, out, size);
    }
    if (command == ZIP_SOURCE_STAT) {
        return give_stat(out, size);
    }
    if (command == ZIP_SOURCE_ERROR) {
        return give_error(out, size);
    }
    if (command == ZIP_SOURCE_SUPPORTS) {
        return ZIP_SOURCE_SUPPORTS_READABLE;
    }
    const bool is_known =
        command == ZIP_SOURCE_OPEN || command == ZIP_SOURCE_CLOSE || command == ZIP_SOURCE_FREE;
    return is_known ? 0 : -1;
}

static int say_unwritable(const char *path, const char *why)
{
    return terminal_fail(
        CLI_MACHINE,
        "%s cannot be written: %s; name a file in a folder that is there, has room and "
        "may be written to",
        path, why);
}

static int add_files(const struct libzip *lib, zip_t *zip, struct export *export)
{
    for (size_t i = 0; i < export->count; i++) {
        struct entry *const entry = &export->entries[i];
        TEXT_CLEANUP name = {0};
        text_printf(&name, "%s/%s", entry->table == NULL ? "_tables" : entry->table, entry->file);
        zip_source_t *const source = lib->source_function(zip, give, entry);
        if (source == NULL || lib->file_add(zip, name.data, source, ZIP_FL_ENC_UTF_8) < 0) {
            lib->source_free(source);
            return terminal_fail(
                CLI_MACHINE, "'%s' cannot be put into the zip: %s; try again", name.data,
                lib->strerror(zip));
        }
    }
    return CLI_OK;
}

/* Writes the archive to `path`, where an empty file is. */
static int write_archive(const struct libzip *lib, struct export *export, const char *path)
{
    int code = 0;
    zip_t *const zip = lib->open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
    if (zip == NULL) {
        return say_unwritable(path, "it cannot be opened");
    }
    int failed = add_files(lib, zip, export);
    if (failed == CLI_OK && lib->close(zip) == 0) {
        return CLI_OK;
    }
    if (failed == CLI_OK) {
        failed =
            export->failed != CLI_OK ? export->failed : say_unwritable(path, lib->strerror(zip));
    }
    lib->discard(zip);
    return failed;
}

/* -- Its place ------------------------------------------------------------------------------ */

static int say_exists(const struct cli_options *options)
{
    return terminal_usage(
        options->command, "'%s' is there already; name another file, or add --overwrite",
        options->operands[0]);
}

static bool sync_file(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return synced;
}

static bool move(const char *from, const char *to, bool overwrite)
{
    if (overwrite) {
        return rename(from, to) == 0;
    }
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
        return true;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return false;
    }
    if (access(to, F_OK) == 0) { /* a file system that cannot promise more */
        errno = EEXIST;
        return false;
    }
    return rename(from, to) == 0;
}

static int put_in_place(const struct cli_options *options, const char *path)
{
    errno = 0;
    if (sync_file(path) && move(path, options->operands[0], options->overwrite)) {
        return CLI_OK;
    }
    const int reason = errno;
    return reason == EEXIST ? say_exists(options)
                            : say_unwritable(options->operands[0], strerror(reason));
}

static int write_file(struct export *export)
{
    const struct cli_options *const options = export->source.options;
    const struct libzip *const lib = libzip_load();
    if (lib == NULL) {
        return CLI_MACHINE;
    }
    CLI_CLEANUP(file_secret_drop) struct file_secret file = {.fd = -1};
    int failed = file_secret_begin(&file, options->operands[0]);
    if (failed == CLI_OK) {
        failed = write_archive(lib, export, file.beside.data);
    }
    progress_end();
    return failed != CLI_OK ? failed : put_in_place(options, file.beside.data);
}

/* -- The command ---------------------------------------------------------------------------- */

static void report(const struct export *export)
{
    const char *const path = export->source.options->operands[0];
    const unsigned long long tables = export->tables;
    const unsigned long long documents = export->documents;
    if (export->source.options->format == CLI_JSON) {
        (void)printf(
            "{\"snapshot\":\"%s\",\"tables\":%llu,\"documents\":%llu}\n", export->source.snapshot,
            tables, documents);
        return;
    }
    (void)printf(
        "Exported %llu document%s of %llu table%s to ", documents, documents == 1 ? "" : "s",
        tables, tables == 1 ? "" : "s");
    terminal_write(stdout, terminal_text(path));
    (void)fputc('\n', stdout);
}

static int run(const struct cli_options *options)
{
    if (!options->overwrite && access(options->operands[0], F_OK) == 0) {
        return say_exists(options);
    }
    (void)umask(077); /* it holds all that there is */
    (void)signal(SIGINT, on_interrupt);
    (void)signal(SIGTERM, on_interrupt);
    CLI_CLEANUP(export_done) struct export export = {.failed = CLI_OK};
    int failed = source_open(&export.source, options, SOURCE_READ);
    if (failed == CLI_OK) {
        failed = source_hold(&export.source);
    }
    if (failed == CLI_OK) {
        failed = add_entry(&export, (cordon_text){0}, documents_file, NULL);
    }
    if (failed == CLI_OK) {
        failed = source_each_table(&export.source, take_table, &export);
    }
    if (failed == CLI_OK) {
        failed = write_file(&export);
    }
    if (failed == CLI_OK) {
        report(&export);
    }
    return failed;
}

static const struct cli_flag flags[] = {
    {"overwrite", NULL, "replace FILE if it is there", flags_set_overwrite},
    FLAGS_OF_DATA,
    FLAGS_END,
};

const struct cli_command cli_export = {
    .name = "export",
    .operands = "FILE",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "writes all documents to a zip",
    .details =
        "Writes all documents of a running server, or of a data folder, to the zip FILE, as they\n"
        "are at one moment, while the server goes on: TABLE/documents.jsonl has a document on\n"
        "each line, in JSON that loses nothing, TABLE/generated_schema.jsonl says that it does,\n"
        "and _tables/documents.jsonl names the tables. `cordon import` and Convex read it back.\n"
        "FILE appears when it is whole.\n"
        "\n"
        "Exit code: 0 success; 2 wrong usage, FILE is there already, or a key that is not\n"
        "accepted; 5 no server answers, or it failed, or the disk is full.",
    .example = "  cordon export before-the-change.zip",
    .flags = flags,
    .run = run,
};
