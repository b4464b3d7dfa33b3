/* Shared libraries that are loaded when a command first needs them. */
#ifndef CLI_LIBRARY_H
#define CLI_LIBRARY_H

#include <stdbool.h>

/* Loads a library by the name of its file; it stays until the process ends. NULL: there is none. */
void *library_open(const char *name);

/* Puts the address of a function into the pointer at `out_function`; false if there is none. */
bool library_find(void *library, const char *name, void *out_function);

#endif
