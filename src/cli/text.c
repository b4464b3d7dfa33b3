/* Growing texts, and reading files into them. */
#include "cli/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/terminal.h"

enum { FIRST_CAPACITY = 256, READ_BYTES = 65536 };

static void reserve(struct text *text, size_t more)
{
    if (more < text->capacity - text->size) {
        return; /* the NUL has its place too */
    }
    size_t capacity = text->capacity == 0 ? FIRST_CAPACITY : text->capacity;
    while (capacity - text->size <= more && capacity <= SIZE_MAX / 2) {
        capacity *= 2;
    }
    char *const data = capacity - text->size <= more ? NULL : realloc(text->data, capacity);
    if (data == NULL) {
        exit(terminal_fail(CLI_MACHINE, "out of memory; free some and try again"));
    }
    text->data = data;
    text->capacity = capacity;
}

void text_append(struct text *text, const void *bytes, size_t size)
{
    reserve(text, size);
    if (size > 0) {
        memcpy(text->data + text->size, bytes, size);
    }
    text->size += size;
    text->data[text->size] = '\0';
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size < 0) {
        exit(terminal_fail(CLI_MACHINE, "a text is too long to print; try again with less"));
    }
    reserve(text, (size_t)size);
    va_start(args, format);
    (void)vsnprintf(text->data + text->size, (size_t)size + 1, format, args);
    va_end(args);
    text->size += (size_t)size;
}

int text_append_quoted(struct text *text, cordon_text words)
{
    char *quoted = NULL;
    cordon_error *const error = cordon_json_quote(words, &quoted);
    if (error != NULL) {
        return terminal_error(error);
    }
    text_printf(text, "%s", quoted);
    cordon_free(quoted);
    return CLI_OK;
}

void text_done(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

static void close_file(const int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
}

/* What to do about a file that cannot be read. */
static const char *file_advice(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return "check its name, and the folder that this runs in";
    case EACCES:
    case EPERM:
        return "run this as somebody who may read it";
    case EISDIR:
        return "name a file in it";
    default:
        return "name another file";
    }
}

static bool unreadable(struct text *out_why, const char *verb, const char *path, int error)
{
    text_printf(out_why, "cannot %s '%s': %s; %s", verb, path, strerror(error), file_advice(error));
    return false;
}

int text_read_file(struct text *text, const char *path, size_t size_max)
{
    TEXT_CLEANUP why = {0};
    return text_try_file(text, path, size_max, &why) ? CLI_OK
                                                     : terminal_fail(CLI_USAGE, "%s", why.data);
}

bool text_try_file(struct text *text, const char *path, size_t size_max, struct text *out_why)
{
    CLI_CLEANUP(close_file) const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return unreadable(out_why, "open", path, errno);
    }
    while (text->size <= size_max) {
        reserve(text, READ_BYTES);
        const size_t left = size_max + 1 - text->size;
        const ssize_t got =
            read(fd, text->data + text->size, left < READ_BYTES ? left : READ_BYTES);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return unreadable(out_why, "read", path, errno);
        }
        text->size += (size_t)got;
        if (got == 0) {
            break;
        }
    }
    text->data[text->size] = '\0';
    return true;
}
