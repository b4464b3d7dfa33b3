/*
 * Finds libcurl's functions by name; see libcurl.h. The interface of libcurl.so.4 has only grown
 * since 2006, so whatever version a machine has will do.
 */
#include "cli/libcurl.h"

#include <stdbool.h>

#include "cli/library.h"

static bool find_all(void *library, struct libcurl *out)
{
    return library_find(library, "curl_global_init", &out->global_init) &&
           library_find(library, "curl_easy_init", &out->easy_init) &&
           library_find(library, "curl_easy_setopt", &out->easy_setopt) &&
           library_find(library, "curl_easy_perform", &out->easy_perform) &&
           library_find(library, "curl_easy_getinfo", &out->easy_getinfo) &&
           library_find(library, "curl_easy_strerror", &out->easy_strerror) &&
           library_find(library, "curl_easy_cleanup", &out->easy_cleanup) &&
           library_find(library, "curl_slist_append", &out->slist_append) &&
           library_find(library, "curl_slist_free_all", &out->slist_free_all);
}

const struct libcurl *libcurl_load(void)
{
    static struct libcurl found;
    static bool ready;
    if (!ready) {
        void *const library = library_open("libcurl.so.4");
        ready = library != NULL && find_all(library, &found) &&
                found.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    }
    return ready ? &found : NULL;
}
