/*
 * One request to a Cordon server and its answer. libcurl lives in this file's .c alone.
 */
#ifndef CLI_HTTP_H
#define CLI_HTTP_H

#include "cli/cli.h"
#include "cli/text.h"

struct http_request {
    const struct cli_options *options; /* its --url and --admin-key, or what stands for them */
    const char *path;                  /* of the server, begins with a slash */
    const char *content_type;
    const struct text *body;
    const char *working; /* what the server does meanwhile, such as "compiling"; NULL: not shown */
    long timeout_ms;     /* for all of it; 0: none */
    bool quiet;          /* a failure is told by the exit code alone */
    const char *socket;  /* the Unix socket of an operator's listener; NULL: by the URL */
};

/*
 * Sends the request and waits for the whole answer, however long the server works; meanwhile a
 * terminal is shown how far it is. 0 for an answer with status 200; else the exit code, after
 * having said what failed, what the server said, and what to do about it.
 */
int http_post(const struct http_request *request, struct text *out_answer);

/* As http_post(), but a GET; `content_type` and `body` are NULL. */
int http_get(const struct http_request *request, struct text *out_answer);

/* The admin key of the flag or of $CORDON_ADMIN_KEY; NULL if there is none. */
const char *http_admin_key(const struct cli_options *options);

/* The server's URL without a slash at its end. The text owns it. */
const char *http_url(const struct cli_options *options, struct text *url);

/* Appends bytes as one segment of a path, percent-encoded. */
void http_append_segment(struct text *path, const char *segment, size_t size);

#endif
