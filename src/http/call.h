/*
 * The call of a function, as the body or the query string of a request says it. Pure.
 */
#ifndef HTTP_CALL_H
#define HTTP_CALL_H

#include "http/route.h"
#include "value/json.h"

/* How results are to be written. */
enum http_format { FORMAT_JSON, FORMAT_ENCODED };

/* A call as the body (or the query string) of a request says it. */
struct http_call {
    struct json_doc *doc; /* owned */
    struct buffer text;   /* decoded parts of a target; owned */
    struct slice path;
    struct buffer args; /* encoded JSON; owned */
    enum http_format format;
};

/*
 * Reads a call, whose memory `account` pays for; it outlives the call, and NULL is nobody. Errors
 * become a refusal: false and `*out_refusal`, whose message may point into `call->text`, which is
 * all that is left of the call then. It is freed by http_call_done() in every case.
 */
CORDON_MUST_USE bool http_call_read(
    const struct http_request *request,
    const struct http_route *route,
    struct account *account,
    struct http_call *call,
    struct http_refusal *out_refusal);

void http_call_done(struct http_call *call);

#endif
