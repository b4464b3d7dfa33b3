/*
 * Requests out of bytes: llhttp (the parser of Node.js, in its strict mode) with our bounds around
 * it. What two servers might read differently is refused, and ends the connection: whatever comes
 * behind it might be meant as part of it. No socket, no clock: bytes go in, a whole request or a
 * refusal comes out.
 *
 * One request at a time: after HTTP_COMPLETE the rest of the bytes waits with the caller until
 * http_parser_next(), so that pipelined requests are answered in their order.
 */
#ifndef HTTP_PARSE_H
#define HTTP_PARSE_H

#include "base/buffer.h"
#include "http/head.h"

#include <llhttp.h>

/* The headers we look at; others are read over. Each may come once. */
enum http_header {
    HTTP_HOST,
    HTTP_AUTHORIZATION,
    HTTP_CONTENT_TYPE,
    HTTP_CONTENT_ENCODING,
    HTTP_CONVEX_REQUEST_ID,
    HTTP_IDEMPOTENCY_KEY,
    HTTP_TRACEPARENT,   /* of no one request more than it says: sent twice it is empty */
    HTTP_CORDON_RECORD, /* Cordon-Record: true */
    HTTP_EXPECT,
    HTTP_TRANSFER_ENCODING,
    HTTP_REQUEST_METHOD,  /* Access-Control-Request-Method */
    HTTP_REQUEST_HEADERS, /* Access-Control-Request-Headers */
    HTTP_HEADER_COUNT,
};

enum http_method {
    HTTP_METHOD_GET,
    HTTP_METHOD_HEAD,
    HTTP_METHOD_POST,
    HTTP_METHOD_OPTIONS,
    HTTP_METHOD_OTHER,
};

/* A whole request; slices are borrowed until http_parser_next(). */
struct http_request {
    enum http_method method;
    struct slice target;                     /* path and query, as sent */
    struct slice headers[HTTP_HEADER_COUNT]; /* without spaces around; data NULL: not sent */
    struct slice body;
    bool keep_alive;
    bool has_host; /* HTTP/1.1 asks for one */
};

enum http_parsed {
    HTTP_MORE,     /* needs more bytes */
    HTTP_CONTINUE, /* the client waits for `100 Continue`; needs more bytes then */
    HTTP_COMPLETE, /* a request is complete */
    HTTP_REFUSED,  /* the connection ends after an answer with `refusal` */
};

/* Why a request is refused: a status, and a code and words for the body. Static texts. */
struct http_refusal {
    int status;
    const char *code;
    const char *message;
};

/* The server has no memory for what a client has sent. */
extern const struct http_refusal http_no_memory;

#define HTTP_HEAD_BYTES_MAX ((size_t)32768)
/* What one large request needed is not kept for the small ones that follow: buffers up to this. */
#define HTTP_KEPT_BYTES_MAX ((size_t)16384)

struct http_parser {
    llhttp_t inner;
    struct head_lines lines;
    struct buffer head; /* target and header values, one after the other */
    struct buffer body;
    size_t body_bytes_max; /* of an ordinary request */
    /* The body cap of a request, once its head is known. */
    size_t (*body_cap)(void *arg, const struct http_request *head);
    void *arg;
    struct http_request request;
    struct http_refusal refusal;
    size_t starts[HTTP_HEADER_COUNT];
    size_t sizes[HTTP_HEADER_COUNT];
    size_t target_size;
    size_t head_bytes; /* of the whole head and the trailers, ours or not */
    char field[32];    /* name of the header being read, in lower case; longer ones are not ours */
    size_t field_size;
    int header; /* which of ours it is, or -1 */
    bool begun; /* its first byte has come */
    bool head_done;
    bool is_traced_twice; /* which of the two is meant, nobody knows */
    bool continued;
    bool complete;
};

/* `account` pays for bodies, as they come; NULL: nobody. It outlives the parser. */
void http_parser_init(
    struct http_parser *parser,
    size_t body_bytes_max,
    size_t (*body_cap)(void *arg, const struct http_request *head),
    void *arg,
    struct account *account);

/* Before the first byte: `account` pays for heads. It outlives the parser. */
void http_parser_charge_head(struct http_parser *parser, struct account *account);

void http_parser_done(struct http_parser *parser);

/* Reads on; `*out_used` bytes were taken, the rest is to be given again. */
enum http_parsed http_parser_feed(struct http_parser *parser, struct slice bytes, size_t *out_used);

/* Whether a header's value is a token, which is given in lower case; its own case tells nothing. */
bool http_token_is(struct slice value, const char *token);

/* What follows a scheme, given in lower case, and its space in an Authorization header; or none. */
bool http_authorization_is(struct slice value, const char *scheme, struct slice *out_rest);

/* In `body_cap`: whether the body may have more bytes, as it says so, or comes in chunks. */
bool http_parser_may_exceed(const struct http_parser *parser, uint64_t bytes);

/* True once a part of a request has come that is not complete. */
bool http_parser_midway(const struct http_parser *parser);

/* After HTTP_COMPLETE or HTTP_REFUSED: lets go of the body, if it is large. */
void http_parser_drop_body(struct http_parser *parser);

/* After HTTP_COMPLETE: makes ready for the next one. */
void http_parser_next(struct http_parser *parser);

#endif
