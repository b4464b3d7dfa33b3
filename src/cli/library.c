/* Loading libraries; see library.h. */
#include "cli/library.h"

#include <dlfcn.h>
#include <string.h>

void *library_open(const char *name)
{
    return dlopen(name, RTLD_NOW | RTLD_LOCAL);
}

/* By way of memcpy: ISO C has no cast from void * to a function's address. */
bool library_find(void *library, const char *name, void *out_function)
{
    void *const symbol = dlsym(library, name);
    memcpy(out_function, &symbol, sizeof symbol);
    return symbol != NULL;
}
