/*
 * Faults inside the map of a data file. A disk that fails to read, a file that is cut or damaged
 * while it is open, is a SIGBUS or SIGSEGV of whichever thread reads; there is nothing to go on
 * with, so the process says one line that was prepared and ends, with the exit code 5. Every other
 * fault goes to the handler that was there before, or does what it does to any program.
 */
#ifndef STORE_MAP_GUARD_H
#define STORE_MAP_GUARD_H

#include "base/error.h"

/*
 * Watches the whole map that has `inside` in it, until map_guard_remove(), and adds the handlers if
 * they are not there yet: once in a process, for good. `folder` is named in the line. Errors:
 * CORDON_E_SYSTEM if more than 64 maps are watched, or the kernel does not tell its maps.
 */
CORDON_MUST_USE cordon_error *map_guard_add(
    const void *inside, const char *folder, const void **out_map);

/* Before it is unmapped. NULL is fine. */
void map_guard_remove(const void *map);

#endif
