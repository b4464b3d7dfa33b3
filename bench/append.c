/* Bare appends; see append.h. */
#include "append.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES = 256 << 20, PIECE_BYTES = 1 << 20, PAGE_BYTES = 4096 };

static void must_have(bool done, const char *what)
{
    if (!done) {
        (void)fprintf(
            stderr, "%s: %s failed: %s\n", program_invocation_short_name, what, strerror(errno));
        exit(1);
    }
}

void append_open(struct append *append, const char *path)
{
    struct stat status = {0};
    *append = (struct append){.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    must_have(append->fd >= 0 && fstat(append->fd, &status) == 0, "opening the file");
    if (status.st_size == FILE_BYTES) {
        return;
    }
    uint8_t *zeros = mem_new(PIECE_BYTES);
    must_have(zeros != NULL, "allocation");
    for (off_t at = 0; at < FILE_BYTES; at += PIECE_BYTES) {
        must_have(pwrite(append->fd, zeros, PIECE_BYTES, at) == PIECE_BYTES, "filling the file");
    }
    mem_free(zeros);
    must_have(fsync(append->fd) == 0, "fsync");
}

void append_once(struct append *append, size_t bytes)
{
    static uint8_t pages[16 * PAGE_BYTES];
    const size_t size = (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    must_have(size <= sizeof pages, "appending as much");
    if (append->at + (off_t)size > FILE_BYTES) {
        append->at = 0;
    }
    must_have(pwrite(append->fd, pages, size, append->at) == (ssize_t)size, "pwrite");
    must_have(fdatasync(append->fd) == 0, "fdatasync");
    append->at += (off_t)size;
}

void append_close(struct append *append)
{
    (void)close(append->fd);
}
