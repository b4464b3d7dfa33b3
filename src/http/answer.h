/*
 * The bytes of answers. Pure: what to say goes in, a buffer with a whole HTTP response comes out.
 */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include "http/call.h"
#include "run/outcome.h"

/* How an answer is framed. */
struct http_frame {
    int status;
    const char *content_type; /* NULL: application/json */
    bool keep_alive;
    bool cross_origin;
    bool head_only;     /* the request was a HEAD: as for a GET, but the body stays here */
    const char *allow;  /* for 405 */
    const char *date;   /* IMF-fixdate, or NULL */
    bool may_have_run;  /* of a 503: a retry could do it a second time, so none is asked for */
    const char *record; /* the id under which the run was recorded, or NULL */
    const char *record_error; /* why it was not, though that was asked for; or NULL */
};

/* Appends head and body. Errors: those of buffer_append(). */
CORDON_MUST_USE cordon_error *http_answer(
    struct buffer *out, const struct http_frame *frame, struct slice body);

/* `{"code","message"}`, as Convex answers what no function said. */
CORDON_MUST_USE cordon_error *http_answer_refusal(
    struct buffer *out, struct http_frame *frame, const struct http_refusal *refusal);

/* The answer to a preflight: what the browser asked for is granted for a day. */
CORDON_MUST_USE cordon_error *http_answer_preflight(
    struct buffer *out, const struct http_frame *frame, const struct http_request *request);

struct http_outcome {
    const struct outcome *outcome;
    enum http_format format;
    struct slice request_id;
    bool production; /* hide what only the developer may see */
};

/* The answer of a run. `scratch` is cleared and used for the body. */
CORDON_MUST_USE cordon_error *http_answer_outcome(
    struct buffer *out,
    struct http_frame *frame,
    const struct http_outcome *what,
    struct buffer *scratch);

#endif
