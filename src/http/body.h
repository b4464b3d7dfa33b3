/*
 * The plain body of a request. Pure: packed bytes go in, plain ones or a refusal come out.
 */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include "http/parse.h"

/*
 * What a packed body may become: so many times its size, and a base. JSON and modules are packed to
 * a tenth, sometimes to a fiftieth; what is far beyond has been made to cost others more than it
 * costs its sender. A client with a good reason sends it plain.
 */
#define HTTP_UNPACKED_RATIO_MAX 64
#define HTTP_UNPACKED_BYTES_BASE ((size_t)65536)

/*
 * Gives the body of a request, unpacked into `unpacked` (whose account pays for that) if it was
 * packed. It is borrowed from there or from the request. False: refused, with static words.
 */
CORDON_MUST_USE bool http_body_read(
    const struct http_request *request,
    size_t size_max,
    struct buffer *unpacked,
    struct slice *out_body,
    struct http_refusal *out_refusal);

#endif
