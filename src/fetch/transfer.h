/*
 * One URL and its fetches by libcurl: by https:// or, of this machine itself, by http://, and by
 * nothing else; certificates verified, no redirect followed, no proxy, at most 256 KiB in 20 s.
 */
#ifndef FETCH_TRANSFER_H
#define FETCH_TRANSFER_H

#include "auth/key_url.h"
#include "fetch/libcurl.h"

struct transfer {
    CURL *easy; /* NULL: none is under way */
    struct buffer body;
    bool is_too_large;
    char error[CURL_ERROR_SIZE];
};

/* Begins one; the URL outlives it. False: there is no memory. `arg` is what the handle gives. */
CORDON_MUST_USE bool transfer_begin(
    struct transfer *transfer, CURLM *multi, const char *url, void *arg);

/* NULL if what came is all that there is to it, in `body`; else words with what to do. */
cordon_error *transfer_judge(const struct transfer *transfer, CURLcode code);

/* Ends it, done or not, and frees what came. */
void transfer_end(struct transfer *transfer, CURLM *multi);

#endif
