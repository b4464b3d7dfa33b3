/*
 * libcurl, loaded when a command first talks to a server. With what it is built on it takes 4 MB
 * of memory and 25 more libraries to start; `serve` and `run` never need it.
 */
#ifndef CLI_LIBCURL_H
#define CLI_LIBCURL_H

#define CURL_DISABLE_TYPECHECK /* its checks are macros under the names of the functions */
#include <curl/curl.h>

/* The functions that we call, under their names without `curl_`. */
struct libcurl {
    CURLcode (*global_init)(long flags);
    CURL *(*easy_init)(void);
    CURLcode (*easy_setopt)(CURL *curl, CURLoption option, ...);
    CURLcode (*easy_perform)(CURL *curl);
    CURLcode (*easy_getinfo)(CURL *curl, CURLINFO info, ...);
    const char *(*easy_strerror)(CURLcode code);
    void (*easy_cleanup)(CURL *curl);
    struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
    void (*slist_free_all)(struct curl_slist *list);
};

/* Loads and starts it; it stays until the process ends. NULL if this machine has none that works.
 * For one thread. */
const struct libcurl *libcurl_load(void);

#endif
