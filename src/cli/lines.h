/*
 * Lines out of a file, or out of one file of a zip, as a stream: what is in memory is a line and
 * what was read ahead of it, however large the file is or claims to be.
 */
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include <stdio.h>

#include "cli/libzip.h"
#include "cli/text.h"

/* A document is at most 1 MiB, which JSON writes in six times as much if every byte is escaped. */
enum { LINE_BYTES_MAX = 8 << 20 };

struct lines {
    const char *name; /* for words; borrowed */
    FILE *file;       /* or: */
    const struct libzip *lib;
    zip_file_t *member;
    struct text ahead; /* what was read, from `at` on */
    size_t at;
    bool ended;
    uint64_t number; /* of the line that was given last, from 1 */
};

/* To be closed in any case. 0, or the exit code after having said what is wrong. */
int lines_open_file(struct lines *lines, const char *path);
int lines_open_member(
    struct lines *lines,
    const struct libzip *lib,
    zip_t *zip,
    zip_uint64_t index,
    const char *name);
void lines_close(struct lines *lines);

/*
 * The next line, without its line break, borrowed until the next call; `*out_line.data` is NULL at
 * the end. Returns as above.
 */
int lines_next(struct lines *lines, cordon_text *out_line);

#endif
