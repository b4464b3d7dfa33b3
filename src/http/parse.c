/* llhttp's callbacks, filling an http_request within bounds; see parse.h. */
#include "http/parse.h"

#include <string.h>

static const char *const header_names[HTTP_HEADER_COUNT] = {
    [HTTP_HOST] = "host",
    [HTTP_AUTHORIZATION] = "authorization",
    [HTTP_CONTENT_TYPE] = "content-type",
    [HTTP_CONTENT_ENCODING] = "content-encoding",
    [HTTP_CONVEX_REQUEST_ID] = "convex-request-id",
    [HTTP_IDEMPOTENCY_KEY] = "idempotency-key",
    [HTTP_TRACEPARENT] = "traceparent",
    [HTTP_CORDON_RECORD] = "cordon-record",
    [HTTP_EXPECT] = "expect",
    [HTTP_TRANSFER_ENCODING] = "transfer-encoding",
    [HTTP_REQUEST_METHOD] = "access-control-request-method",
    [HTTP_REQUEST_HEADERS] = "access-control-request-headers",
};

const struct http_refusal http_no_memory = {
    503, "Overloaded",
    "The server has no memory for this request now. Nothing was run; try again later."};

enum { CALLBACK_OK = 0, CALLBACK_STOP = -1 };

static int refuse(struct http_parser *parser, int status, const char *code, const char *message)
{
    parser->refusal = (struct http_refusal){status, code, message};
    return CALLBACK_STOP;
}

/* Counts what is read over too: a head without an end would keep its connection busy. */
static int count_head(struct http_parser *parser, size_t size)
{
    if (size > HTTP_HEAD_BYTES_MAX - parser->head_bytes) {
        return refuse(
            parser, 431, "RequestHeaderFieldsTooLarge",
            "The head of a request has at most 32,768 bytes.");
    }
    parser->head_bytes += size;
    return CALLBACK_OK;
}

/* Keeps what was counted before; the count is the bound. */
static int append_head(struct http_parser *parser, const char *at, size_t size)
{
    cordon_error *error = buffer_append(&parser->head, slice_of(at, size));
    if (error == NULL) {
        return CALLBACK_OK;
    }
    cordon_error_free(error);
    parser->refusal = http_no_memory;
    return CALLBACK_STOP;
}

static int on_message_begin(llhttp_t *inner)
{
    struct http_parser *parser = inner->data;
    parser->begun = true;
    return CALLBACK_OK;
}

static int on_url(llhttp_t *inner, const char *at, size_t size)
{
    struct http_parser *parser = inner->data;
    parser->target_size += size;
    const int counted = count_head(parser, size);
    return counted != CALLBACK_OK ? counted : append_head(parser, at, size);
}

static int on_header_field(llhttp_t *inner, const char *at, size_t size)
{
    struct http_parser *parser = inner->data;
    for (size_t i = 0; i < size; i++) {
        if (parser->field_size < sizeof parser->field) {
            const char c = at[i];
            parser->field[parser->field_size] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
        }
        parser->field_size++;
    }
    return count_head(parser, size);
}

static int on_header_field_complete(llhttp_t *inner)
{
    struct http_parser *parser = inner->data;
    parser->header = -1;
    const size_t size = parser->field_size;
    parser->field_size = 0;
    const int counted = count_head(parser, strlen(":\r\n"));
    /* A trailer is no header: it says nothing, and the slices of the head must not move. */
    if (counted != CALLBACK_OK || parser->head_done || size > sizeof parser->field) {
        return counted;
    }
    for (int i = 0; i < HTTP_HEADER_COUNT; i++) {
        if (size == strlen(header_names[i]) && memcmp(parser->field, header_names[i], size) == 0) {
            if (parser->starts[i] != 0 && i == HTTP_TRACEPARENT) { /* what traces stops nothing */
                parser->is_traced_twice = true;
                return CALLBACK_OK;
            }
            if (parser->starts[i] != 0) {
                return refuse(
                    parser, 400, "BadRequest",
                    "A header that may come once came twice; send it once.");
            }
            parser->header = i;
            parser->starts[i] = parser->head.size + 1; /* 0 is "not sent" */
            return CALLBACK_OK;
        }
    }
    return CALLBACK_OK;
}

static int on_header_value(llhttp_t *inner, const char *at, size_t size)
{
    struct http_parser *parser = inner->data;
    const int counted = count_head(parser, size);
    if (counted != CALLBACK_OK || parser->header < 0) {
        return counted;
    }
    parser->sizes[parser->header] += size;
    return append_head(parser, at, size);
}

static enum http_method method_of(uint8_t method)
{
    switch (method) {
    case HTTP_GET:
        return HTTP_METHOD_GET;
    case HTTP_HEAD:
        return HTTP_METHOD_HEAD;
    case HTTP_POST:
        return HTTP_METHOD_POST;
    case HTTP_OPTIONS:
        return HTTP_METHOD_OPTIONS;
    default:
        return HTTP_METHOD_OTHER;
    }
}

/* llhttp leaves out the spaces before a value, and not those behind it. */
static struct slice without_spaces(struct slice value)
{
    while (value.size > 0 &&
           (value.data[value.size - 1] == ' ' || value.data[value.size - 1] == '\t')) {
        value.size--;
    }
    return value;
}

/* The head has come to its end: its slices no longer move. */
static void take_head(const struct http_parser *parser, struct http_request *out_request)
{
    const llhttp_t *inner = &parser->inner;
    *out_request = (struct http_request){
        .method = method_of(inner->method),
        .target = slice_of(parser->head.data, parser->target_size),
        .has_host = parser->starts[HTTP_HOST] != 0 || inner->http_minor == 0,
    };
    for (int i = 0; i < HTTP_HEADER_COUNT; i++) {
        if (parser->starts[i] != 0) {
            out_request->headers[i] = without_spaces(
                slice_of(parser->head.data + parser->starts[i] - 1, parser->sizes[i]));
        }
    }
    if (parser->is_traced_twice) {
        out_request->headers[HTTP_TRACEPARENT].size = 0;
    }
}

static int refuse_large_body(struct http_parser *parser)
{
    return refuse(parser, 413, "RequestTooLarge", "The body is larger than this server takes.");
}

/*
 * llhttp also takes `gzip, chunked`, whose body we would not understand, and chunks of HTTP/1.0,
 * which has none, so that another server may not have seen where they end.
 */
static bool is_framing_good(const llhttp_t *inner, struct slice encoding)
{
    return encoding.data == NULL || (inner->http_minor != 0 && http_token_is(encoding, "chunked"));
}

static int on_headers_complete(llhttp_t *inner)
{
    struct http_parser *parser = inner->data;
    struct http_request *request = &parser->request;
    take_head(parser, request);
    if (inner->http_major != 1) {
        return refuse(parser, 505, "BadRequest", "This server speaks HTTP/1.1.");
    }
    if (!request->has_host) {
        return refuse(parser, 400, "BadRequest", "HTTP/1.1 asks for a Host header.");
    }
    if (!is_framing_good(inner, request->headers[HTTP_TRANSFER_ENCODING])) {
        return refuse(
            parser, 400, "BadRequest",
            "A Transfer-Encoding is `chunked` and nothing else, and HTTP/1.0 has none.");
    }
    if (inner->upgrade != 0) {
        return refuse(
            parser, 400, "UpgradeNotSupported",
            "Live queries over WebSocket are not offered; use /api/query.");
    }
    parser->body.size_max =
        parser->body_cap == NULL ? parser->body_bytes_max : parser->body_cap(parser->arg, request);
    parser->head_done = true;
    if ((inner->flags & F_CONTENT_LENGTH) != 0 && inner->content_length > parser->body.size_max) {
        return refuse_large_body(parser);
    }
    if ((inner->flags & F_CONTENT_LENGTH) != 0) {
        /* It grows as bytes come, not by what was said about them, and not beyond that. */
        parser->body.size_max = (size_t)inner->content_length;
    }
    return CALLBACK_OK;
}

/* A chunk that is too large is refused by what is said of it, as a whole body is. */
static int on_chunk_header(llhttp_t *inner)
{
    struct http_parser *parser = inner->data;
    const size_t room = parser->body.size_max - parser->body.size;
    return inner->content_length > room ? refuse_large_body(parser) : CALLBACK_OK;
}

static int on_body(llhttp_t *inner, const char *at, size_t size)
{
    struct http_parser *parser = inner->data;
    cordon_error *error = buffer_append(&parser->body, slice_of(at, size));
    if (error == NULL) {
        return CALLBACK_OK;
    }
    const bool full = cordon_error_get_code(error) == CORDON_E_TOO_LARGE;
    cordon_error_free(error);
    if (full) {
        return refuse_large_body(parser);
    }
    parser->refusal = http_no_memory;
    return CALLBACK_STOP;
}

static int on_message_complete(llhttp_t *inner)
{
    struct http_parser *parser = inner->data;
    parser->complete = true;
    parser->request.body = buffer_slice(&parser->body);
    parser->request.keep_alive = llhttp_should_keep_alive(inner) != 0;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_message_begin,
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_field_complete = on_header_field_complete,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void http_parser_init(
    struct http_parser *parser,
    size_t body_bytes_max,
    size_t (*body_cap)(void *arg, const struct http_request *head),
    void *arg,
    struct account *account)
{
    *parser = (struct http_parser){
        .body_bytes_max = body_bytes_max,
        .body_cap = body_cap,
        .arg = arg,
        .header = -1,
    };
    buffer_init(&parser->head, HTTP_HEAD_BYTES_MAX);
    buffer_init_charged(&parser->body, body_bytes_max, account);
    llhttp_init(&parser->inner, HTTP_REQUEST, &settings);
    parser->inner.data = parser;
}

void http_parser_charge_head(struct http_parser *parser, struct account *account)
{
    buffer_init_charged(&parser->head, HTTP_HEAD_BYTES_MAX, account);
}

void http_parser_done(struct http_parser *parser)
{
    buffer_done(&parser->head);
    buffer_done(&parser->body);
}

static enum http_parsed refused(struct http_parser *parser)
{
    if (parser->refusal.status == 0) {
        (void)refuse(parser, 400, "BadRequest", "The request must be well-formed HTTP/1.1.");
    }
    return HTTP_REFUSED;
}

enum http_parsed http_parser_feed(struct http_parser *parser, struct slice bytes, size_t *out_used)
{
    if (parser->refusal.status != 0) {
        *out_used = bytes.size;
        return HTTP_REFUSED;
    }
    if (!head_lines_feed(&parser->lines, bytes)) {
        *out_used = bytes.size;
        (void)refuse(
            parser, 400, "BadRequest",
            "Each line of a head must end with CR and LF, and begin with the name of a header.");
        return HTTP_REFUSED;
    }
    const llhttp_errno_t code =
        llhttp_execute(&parser->inner, (const char *)bytes.data, bytes.size);
    *out_used = bytes.size;
    if (code == HPE_PAUSED && parser->complete) {
        const char *end = llhttp_get_error_pos(&parser->inner);
        *out_used = (size_t)((const uint8_t *)end - bytes.data);
        return HTTP_COMPLETE;
    }
    if (code != HPE_OK) {
        return refused(parser);
    }
    /* RFC 9110, 10.1.1: the client may wait with its body until it hears from us. */
    if (parser->head_done && !parser->continued && parser->body.size == 0 &&
        parser->request.headers[HTTP_EXPECT].data != NULL) {
        parser->continued = true;
        return HTTP_CONTINUE;
    }
    return HTTP_MORE;
}

bool http_authorization_is(struct slice value, const char *scheme, struct slice *out_rest)
{
    const size_t size = strlen(scheme);
    if (value.size <= size || value.data[size] != ' ' ||
        !http_token_is(slice_of(value.data, size), scheme)) {
        return false;
    }
    *out_rest = slice_from(value, size + 1);
    return true;
}

bool http_token_is(struct slice value, const char *token)
{
    if (value.size != strlen(token)) {
        return false;
    }
    for (size_t i = 0; i < value.size; i++) {
        const uint8_t c = value.data[i];
        if ((c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c) != (uint8_t)token[i]) {
            return false;
        }
    }
    return true;
}

bool http_parser_may_exceed(const struct http_parser *parser, uint64_t bytes)
{
    const uint64_t flags = parser->inner.flags;
    return (flags & F_CHUNKED) != 0 ||
           ((flags & F_CONTENT_LENGTH) != 0 && parser->inner.content_length > bytes);
}

bool http_parser_midway(const struct http_parser *parser)
{
    return parser->begun && !parser->complete;
}

static void trim(struct buffer *buffer)
{
    if (buffer->capacity > HTTP_KEPT_BYTES_MAX) {
        buffer_done(buffer);
    }
    buffer_clear(buffer);
}

void http_parser_drop_body(struct http_parser *parser)
{
    trim(&parser->body);
    parser->request.body = slice_of(NULL, 0);
}

void http_parser_next(struct http_parser *parser)
{
    http_parser_drop_body(parser);
    trim(&parser->head);
    memset(parser->starts, 0, sizeof parser->starts);
    memset(parser->sizes, 0, sizeof parser->sizes);
    parser->target_size = 0;
    parser->head_bytes = 0;
    parser->field_size = 0;
    parser->header = -1;
    parser->lines = (struct head_lines){0};
    parser->begun = false;
    parser->head_done = false;
    parser->is_traced_twice = false;
    parser->continued = false;
    parser->complete = false;
    llhttp_resume(&parser->inner);
}
