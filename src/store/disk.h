/*
 * What a failed call on a file of the data folder means for who runs the program. A full disk is
 * told apart from all else: it passes, so that where nothing was written yet a commit is refused
 * and the store goes on.
 */
#ifndef STORE_DISK_H
#define STORE_DISK_H

#include <stdbool.h>
#include <stdint.h>

/* Whether the file may not grow: the disk, a quota or a limit on the size of files is spent. */
bool disk_is_full(int code);

/* "; " and what to do before starting again, or nothing if the code's own words say it all.
 * Static. */
const char *disk_advice(int code);

/*
 * Makes the blocks of a file from `from` up to `to` its own, zeros where it was shorter or had
 * holes, so that writing there needs no room any more. A file system that copies on write promises
 * less. Returns 0 or the code of the failure; then some of it may have been done.
 */
int disk_allocate(int fd, uint64_t from, uint64_t to);

#endif
