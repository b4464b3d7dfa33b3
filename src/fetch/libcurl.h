/* libcurl, of which only this program is made; see fetch/worker.c. */
#ifndef FETCH_LIBCURL_H
#define FETCH_LIBCURL_H

#define CURL_DISABLE_TYPECHECK /* its checks are macros under the names of the functions */
#include <curl/curl.h>

#endif
