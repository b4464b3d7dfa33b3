/*
 * Requests out of any bytes, in two pieces: the first byte says where they are cut. However they
 * come, the parser keeps its bounds and ends at the same place with the same request; whatever is
 * complete has a route, and its call is read or refused with words.
 */
#include "base/memory.h"
#include "http/body.h"
#include "http/call.h"
#include "http/request_headers.h"
#include "http/target.h"

#define BODY_MAX ((size_t)4096)
#define UNPACKED_MAX ((size_t)16384)
#define TRACEPARENT_BYTES 55 /* of version 00: W3C Trace Context, section 3.2 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_call(const struct http_request *request, const struct http_route *route)
{
    struct http_call call;
    struct http_refusal refusal = {0};
    if (http_call_read(request, route, NULL, &call, &refusal)) {
        CORDON_ASSERT(call.args.size > 0 || route->in_query);
    } else {
        CORDON_ASSERT(refusal.status >= 400 && refusal.message[0] != '\0');
    }
    http_call_done(&call);
}

/* A packed body becomes no more than it may, or is refused with words. */
static void check_body(const struct http_request *request)
{
    CORDON_CLEANUP_BUFFER struct buffer unpacked;
    buffer_init(&unpacked, UNPACKED_MAX);
    struct slice body = {0};
    struct http_refusal refusal = {0};
    if (http_body_read(request, UNPACKED_MAX, &unpacked, &body, &refusal)) {
        CORDON_ASSERT(body.size <= UNPACKED_MAX);
    } else {
        CORDON_ASSERT(refusal.status >= 400 && refusal.message[0] != '\0');
    }
}

/* What is read out of single headers, and of a target, lies in them. */
static void check_headers(const struct http_request *request)
{
    const struct slice host = request->headers[HTTP_HOST];
    const struct slice authorization = request->headers[HTTP_AUTHORIZATION];
    const struct slice trace = http_traceparent(request->headers[HTTP_TRACEPARENT]);
    struct slice rest = {0};
    bool found = false;
    CORDON_CLEANUP_BUFFER struct buffer value;
    buffer_init(&value, BODY_MAX);
    CORDON_ASSERT(http_host_name(host).size <= host.size);
    CORDON_ASSERT(trace.size == 0 || trace.size == TRACEPARENT_BYTES);
    if (http_authorization_is(authorization, "convex", &rest)) {
        CORDON_ASSERT(rest.size < authorization.size);
    }
    if (!http_target_parameter(request->target, "table", &value, &found)) {
        CORDON_ASSERT(found);
    }
}

static void check_request(const struct http_request *request)
{
    CORDON_ASSERT(request->has_host && request->body.size <= BODY_MAX);
    check_body(request);
    static const char *const names[] = {"app.example.org"};
    (void)http_host_accepted(request->headers[HTTP_HOST], names, 1);
    (void)http_request_id_accepted(request->headers[HTTP_CONVEX_REQUEST_ID]);
    check_headers(request);
    for (int is_operator = 0; is_operator < 2; is_operator++) {
        struct http_route route;
        http_route(request, is_operator != 0, &route);
        if (route.id == ROUTE_CALL) {
            check_call(request, &route);
        }
        CORDON_ASSERT(route.id != ROUTE_REFUSED || route.refusal.status >= 400);
    }
}

/* Reads one request on from `bytes`; `*out_used` of them were its own. */
static enum http_parsed read_on(struct http_parser *parser, struct slice bytes, size_t *out_used)
{
    enum http_parsed parsed = HTTP_MORE;
    size_t at = 0;
    while (at < bytes.size && parsed != HTTP_COMPLETE && parsed != HTTP_REFUSED) {
        size_t used = 0;
        parsed = http_parser_feed(parser, slice_from(bytes, at), &used);
        CORDON_ASSERT(used > 0 && used <= bytes.size - at);
        at += used;
    }
    *out_used = at;
    CORDON_ASSERT(parser->head.size <= HTTP_HEAD_BYTES_MAX);
    CORDON_ASSERT(parsed != HTTP_COMPLETE || !http_parser_midway(parser));
    return parsed;
}

/* Every request of the bytes, cut at `cut`; gives how many were complete. */
static size_t count_requests(struct slice bytes, size_t cut)
{
    struct http_parser parser;
    http_parser_init(&parser, BODY_MAX, NULL, NULL, NULL);
    enum http_parsed parsed = HTTP_MORE;
    size_t count = 0;
    size_t at = 0;
    while (at < bytes.size && parsed != HTTP_REFUSED) {
        const size_t end = at < cut ? cut : bytes.size;
        size_t used = 0;
        parsed = read_on(&parser, slice_of(bytes.data + at, end - at), &used);
        at += used;
        if (parsed == HTTP_COMPLETE) {
            count++;
            check_request(&parser.request);
            if (!parser.request.keep_alive) {
                break;
            }
            http_parser_next(&parser);
        }
    }
    http_parser_done(&parser);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    const struct slice bytes = slice_of(data + 1, size - 1);
    const size_t cut = (size_t)data[0] * bytes.size / 256;
    CORDON_ASSERT(count_requests(bytes, cut) == count_requests(bytes, 0));
    return 0;
}
