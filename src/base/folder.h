/*
 * Folders that belong to this user alone: what is kept in them is read by nobody else, and nobody
 * else puts anything there.
 */
#ifndef BASE_FOLDER_H
#define BASE_FOLDER_H

#include "base/error.h"

#include <stdbool.h>

/*
 * Makes the folder, with mode 0700, or opens it if it is there. `what` names it in errors, such as
 * "the folder for compiled modules". The descriptor is the caller's. Errors: CORDON_E_SYSTEM if it
 * cannot be made or opened, is a link, or is open to others.
 */
CORDON_MUST_USE cordon_error *folder_open(const char *path, const char *what, int *out_fd);

/* Ours, and closed to everybody else. */
struct stat;
bool folder_is_private(const struct stat *status);

/*
 * Tells of each entry of an open folder by its name, which lives for that call; `visit` may remove
 * the entry. Best effort: of a folder that cannot be read nothing is told.
 */
void folder_each(int folder, void (*visit)(int folder, const char *name, void *arg), void *arg);

#endif
