/* Files that the command writes. */
#ifndef CLI_FILE_H
#define CLI_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Writes all of it; false with errno. */
bool file_write_all(int fd, const void *bytes, size_t size);

/*
 * Puts a file of mode 0600 in place, whole or not at all: beside it, synced, then by rename. 0, or
 * CLI_MACHINE after having said what is wrong.
 */
int file_write_secret(const char *path, const void *bytes, size_t size);

#endif
