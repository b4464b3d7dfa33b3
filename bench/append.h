/*
 * The least that a disk can do for a commit: whole pages written into a file whose blocks are there
 * already, and fdatasync(). Whatever goes wrong ends the program.
 */
#ifndef BENCH_APPEND_H
#define BENCH_APPEND_H

#include <stddef.h>
#include <sys/types.h>

struct append {
    int fd;
    off_t at;
};

/* Opens or makes the file, all of whose blocks are on the disk then. */
void append_open(struct append *append, const char *path);

/* Writes so many bytes, rounded up to pages, behind the last ones, and waits for the disk. */
void append_once(struct append *append, size_t bytes);

void append_close(struct append *append);

#endif
