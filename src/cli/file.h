/* Files that the command writes. */
#ifndef CLI_FILE_H
#define CLI_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/text.h"

/* Writes all of it; false with errno. */
bool file_write_all(int fd, const void *bytes, size_t size);

/* Whether an error says that there is no room. */
bool file_is_full(int error);

/*
 * A file of mode 0600 that is put in place whole or not at all: made beside it, written and synced,
 * then moved there. Each of these returns 0, or CLI_MACHINE after having said what is wrong.
 */
struct file_secret {
    const char *path;   /* borrowed */
    struct text beside; /* where it lies until it is put in place; empty: nowhere */
    int fd;
};

/* Makes sure that it can be written, before there is anything to write. */
int file_secret_begin(struct file_secret *file, const char *path);
int file_secret_finish(struct file_secret *file, const void *bytes, size_t size);

/* Takes away what was not put in place. Also for a struct of zeros. */
void file_secret_drop(struct file_secret *file);

#endif
