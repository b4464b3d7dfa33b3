/*
 * Files in memory that can be sealed: what one process has written and nobody can change any more.
 * Modules go to the compile worker in one, machine code is checked and loaded from one.
 */
#ifndef ENGINE_SEALED_H
#define ENGINE_SEALED_H

#include "base/error.h"
#include "base/slice.h"

/* No file; what an owning descriptor is before it has one. */
enum { NO_FD = -1 };

/* For CORDON_CLEANUP: closes a descriptor unless it is NO_FD. */
void fd_closep(int *fd);

/* Hands a descriptor over, leaving NO_FD behind. */
int fd_take(int *fd);

/* A new empty file that can be sealed, closed on exec. Errors: CORDON_E_SYSTEM. */
CORDON_MUST_USE cordon_error *sealed_new(int *out_fd);

/* Writes all bytes at the file's place, whatever file it is. Errors: CORDON_E_SYSTEM. */
CORDON_MUST_USE cordon_error *fd_write(int fd, struct slice bytes);

/*
 * Seals content and size for ever. Fails if somebody has it mapped for writing. What is to be
 * checked is checked after this. Errors: CORDON_E_SYSTEM.
 */
CORDON_MUST_USE cordon_error *sealed_finish(int fd);

/* A view of a whole sealed file; it outlives the descriptor. */
struct sealed_view {
    struct slice bytes;
};

/* Errors: CORDON_E_INVALID for a file that is empty or not sealed, CORDON_E_NO_MEMORY. */
CORDON_MUST_USE cordon_error *sealed_view_open(int fd, struct sealed_view *out_view);
void sealed_view_close(struct sealed_view *view);

#endif
