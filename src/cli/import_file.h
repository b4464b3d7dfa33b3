/*
 * A file that is imported: a zip as `cordon export` and Convex's make them, or one file of JSON
 * lines. Opening it lists the tables that it has; their documents are read as streams.
 *
 * The archive is hostile. Nothing of it is put on the disk, each line has a bound, and names are
 * those of tables, or nothing is done.
 */
#ifndef CLI_IMPORT_FILE_H
#define CLI_IMPORT_FILE_H

#include "cli/generated_schema.h"
#include "cli/lines.h"
#include "cli/source.h"

/* Bytes of a table's name. */
enum { IMPORT_NAME_MAX = 64 };

/* A table that the file has, and what became of it. */
struct import_table {
    char name[IMPORT_NAME_MAX + 1];
    uint32_t number;    /* 0: the file does not say */
    bool has_documents; /* there is a file of them; */
    zip_uint64_t index; /* in the zip, and its name there: */
    char documents[IMPORT_NAME_MAX + sizeof "/documents.jsonl"];
    bool has_schema; /* there is a file that says how they are written: */
    enum generated_schema schema;
    struct source_counts counts;
    uint64_t removed;
};

struct import_file {
    const struct cli_options *options;
    const char *path;
    const struct libzip *lib; /* NULL: JSON lines */
    zip_t *zip;
    struct import_table *tables; /* of a zip by number, the lowest first */
    size_t count;
    size_t capacity;
};

/*
 * Opens it, whichever kind it is by how it begins, and lists its tables: all, or the one that the
 * options name. An exit code; what is wrong was said. To be closed in any case.
 */
int import_file_open(
    struct import_file *out_file, const struct cli_options *options, const char *path);
void import_file_close(struct import_file *file);

/* The table of that name; NULL: there is none. */
struct import_table *import_file_find(
    const struct import_file *file, const char *name, size_t size);

/*
 * The same, made if it is not there; NULL if memory is out, which was said. Those that were found
 * before may move.
 */
struct import_table *import_file_add(struct import_file *file, const char *name, size_t size);

/*
 * Opens a stream of the documents of a table that has some, from the first one; it borrows the name
 * of the file that it reads, which it tells mistakes by, from the table. An exit code; to be closed
 * in any case.
 */
int import_file_read(
    const struct import_file *file, const struct import_table *table, struct lines *out_lines);

#endif
