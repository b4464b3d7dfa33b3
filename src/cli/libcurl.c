/*
 * Finds libcurl's functions by name; see libcurl.h. The interface of libcurl.so.4 has only grown
 * since 2006, so whatever version a machine has will do.
 */
#include "cli/libcurl.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

/* A function's address by way of memcpy: ISO C has no cast from void * to it. */
static bool find(void *library, const char *name, void *out_function)
{
    void *const symbol = dlsym(library, name);
    memcpy(out_function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static bool find_all(void *library, struct libcurl *out)
{
    return find(library, "curl_global_init", &out->global_init) &&
           find(library, "curl_easy_init", &out->easy_init) &&
           find(library, "curl_easy_setopt", &out->easy_setopt) &&
           find(library, "curl_easy_perform", &out->easy_perform) &&
           find(library, "curl_easy_getinfo", &out->easy_getinfo) &&
           find(library, "curl_easy_strerror", &out->easy_strerror) &&
           find(library, "curl_easy_cleanup", &out->easy_cleanup) &&
           find(library, "curl_slist_append", &out->slist_append) &&
           find(library, "curl_slist_free_all", &out->slist_free_all);
}

const struct libcurl *libcurl_load(void)
{
    static struct libcurl found;
    static bool ready;
    if (!ready) {
        void *const library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
        ready = library != NULL && find_all(library, &found) &&
                found.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    }
    return ready ? &found : NULL;
}
