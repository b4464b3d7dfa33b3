/* Lines of files; see lines.h. */
#include "cli/lines.h"

#include <errno.h>
#include <string.h>

#include "cli/terminal.h"

enum { READ_BYTES = 65536 };

int lines_open_file(struct lines *lines, const char *path)
{
    *lines = (struct lines){.name = path, .file = fopen(path, "re")};
    return lines->file != NULL
               ? CLI_OK
               : terminal_fail(
                     CLI_USAGE, "cannot open '%s': %s; check its name", path, strerror(errno));
}

int lines_open_member(
    struct lines *lines, const struct libzip *lib, zip_t *zip, zip_uint64_t index, const char *name)
{
    *lines = (struct lines){.name = name, .lib = lib, .member = lib->fopen_index(zip, index, 0)};
    return lines->member != NULL
               ? CLI_OK
               : terminal_fail(
                     CLI_USAGE, "'%s' in the zip cannot be read: %s; make the zip again", name,
                     lib->strerror(zip));
}

void lines_close(struct lines *lines)
{
    if (lines->file != NULL) {
        (void)fclose(lines->file);
    }
    if (lines->member != NULL) {
        (void)lines->lib->fclose(lines->member);
    }
    text_done(&lines->ahead);
}

/* More bytes behind what is there. At the end of a member its checksum has been looked at. */
static int read_more(struct lines *lines)
{
    char bytes[READ_BYTES];
    long long got = 0;
    if (lines->file != NULL) {
        got = (long long)fread(bytes, 1, sizeof bytes, lines->file);
        if (got == 0 && ferror(lines->file) != 0) {
            return terminal_fail(
                CLI_USAGE, "cannot read '%s': %s; name another file", lines->name, strerror(errno));
        }
    } else {
        got = lines->lib->fread(lines->member, bytes, sizeof bytes);
        if (got < 0) {
            return terminal_fail(
                CLI_USAGE, "'%s' in the zip is damaged: %s; make the zip again", lines->name,
                lines->lib->file_strerror(lines->member));
        }
    }
    lines->ended = got == 0;
    text_append(&lines->ahead, bytes, (size_t)got);
    return CLI_OK;
}

/* Forgets the lines that were given. */
static void drop_given(struct lines *lines)
{
    if (lines->at > 0 && lines->ahead.data != NULL) {
        memmove(lines->ahead.data, lines->ahead.data + lines->at, lines->ahead.size - lines->at);
        lines->ahead.size -= lines->at;
        lines->at = 0;
    }
}

/* Where the line that begins at `at` ends, or NULL; reads on until one of both is known. */
static int find_end(struct lines *lines, const char **out_end)
{
    size_t looked = 0;
    *out_end = NULL;
    for (;;) {
        const size_t size = lines->ahead.size - lines->at;
        const char *const data = lines->ahead.data;
        *out_end = size == looked || data == NULL
                       ? NULL
                       : memchr(data + lines->at + looked, '\n', size - looked);
        looked = size;
        if (*out_end != NULL || lines->ended) {
            return CLI_OK;
        }
        if (looked > LINE_BYTES_MAX) {
            return terminal_fail(
                CLI_USAGE,
                "'%s', line %llu: longer than %d bytes, which no document is; there is a document "
                "on each line",
                lines->name, (unsigned long long)lines->number + 1, LINE_BYTES_MAX);
        }
        drop_given(lines);
        const int failed = read_more(lines);
        if (failed != CLI_OK) {
            return failed;
        }
    }
}

int lines_next(struct lines *lines, cordon_text *out_line)
{
    const char *end = NULL;
    const int failed = find_end(lines, &end);
    if (failed != CLI_OK) {
        return failed;
    }
    const size_t left = lines->ahead.size - lines->at;
    const char *const line = left == 0 ? NULL : lines->ahead.data + lines->at;
    const size_t size = end == NULL ? left : (size_t)(end - line);
    *out_line = (cordon_text){line, size};
    lines->at += size + (end != NULL);
    lines->number++;
    return CLI_OK;
}
