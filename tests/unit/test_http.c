/*
 * The HTTP server without a socket: requests out of bytes however they are cut, routes, calls,
 * the Host check, the bytes of answers, the files of admin keys, and what requests may hold.
 */
#include "http/answer.h"
#include "http/body.h"
#include "http/keys.h"

#include "base/memory.h"
#include "support/expect.h"

#include <stdlib.h>
#include <unistd.h>

#define BODY_MAX ((size_t)64)
#define HOST "Host: localhost\r\n"
#define CHUNKED "POST /api/query HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"

/* Feeds up to the end of one request or a refusal; what is left stays in `*rest`. */
static enum http_parsed feed(struct http_parser *parser, struct slice *rest, size_t piece)
{
    enum http_parsed parsed = HTTP_MORE;
    while (rest->size > 0 && parsed != HTTP_COMPLETE && parsed != HTTP_REFUSED) {
        size_t used = 0;
        parsed = http_parser_feed(
            parser, slice_of(rest->data, piece < rest->size ? piece : rest->size), &used);
        *rest = slice_from(*rest, used);
    }
    return parsed;
}

/* -- Requests ------------------------------------------------------------------------------- */

static const struct {
    const char *bytes;
    const char *target; /* NULL: refused */
    const char *body;
    int status;
} requests[] = {
    {"GET /version HTTP/1.1\r\n" HOST "\r\n", "/version", "", 0},
    {"GET / HTTP/1.0\r\n\r\n", "/", "", 0},
    {"POST /api/query HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", "/api/query", "abc", 0},
    {CHUNKED "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "/api/query", "abc", 0},
    {CHUNKED "1\r\na\r\n0\r\nX-T: 1\r\n\r\n", "/api/query", "a", 0},
    /* What a trailer says is no header of the request. */
    {CHUNKED "1\r\na\r\n0\r\nAuthorization: Bearer x\r\nHost: b\r\n\r\n", "/api/query", "a", 0},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 65\r\n\r\n", NULL, NULL, 413},
    {CHUNKED "41\r\n"
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n0\r\n\r\n",
     NULL, NULL, 413},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     NULL, NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
     NULL, NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", NULL, NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", NULL, NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, x\r\n\r\n", NULL, NULL, 400},
    {CHUNKED "xyz\r\n", NULL, NULL, 400},
    {CHUNKED "1\r\nabc\r\n", NULL, NULL, 400},
    {"GET / HTTP/1.1\r\n\r\n", NULL, NULL, 400},
    {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", NULL, NULL, 400},
    {"GET / HTTP/1.1\r\n" HOST "Authorization: a\r\nauthorization: b\r\n\r\n", NULL, NULL, 400},
    {"GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n", NULL, NULL, 400},
    {"GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: upgrade\r\n\r\n", NULL, NULL,
     400},
    {"nonsense\r\n\r\n", NULL, NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked \r\n\r\n1\r\na\r\n0\r\n\r\n", "/", "a",
     0},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1 \r\n\r\na", "/", "a", 0},
    {CHUNKED "1;a=b\r\na\r\n0\r\n\r\n", "/api/query", "a", 0},
    {"\r\n\n\r\nGET /version HTTP/1.1\r\n" HOST "\r\n", "/version", "", 0},
    {"GET /version HTTP/1.1\r\n" HOST "X:\r\nY: :\r\n\r\n", "/version", "", 0},
    /* What two servers on the way might read as different requests: where a body ends, ... */
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", NULL, NULL,
     400},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n", NULL, NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", NULL, NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n", NULL, NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", NULL, NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST
     "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     NULL, NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST
     "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     NULL, NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", NULL, NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\nX: y\r\n\r\n0\r\n\r\n", NULL, NULL,
     400},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", NULL, NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\naa", NULL, NULL,
     400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\na", NULL, NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\na", NULL, NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 0x1\r\n\r\na", NULL, NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", NULL, NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551617\r\n\r\na", NULL, NULL, 400},
    {CHUNKED "1\r\na\rX0\r\n\r\n", NULL, NULL, 400},
    {CHUNKED "1\r\naXX0\r\n\r\n", NULL, NULL, 400},
    {CHUNKED "1\rXa\r\n0\r\n\r\n", NULL, NULL, 400},
    {CHUNKED "1\na\r\n0\r\n\r\n", NULL, NULL, 400},
    {CHUNKED "1;a\nb\r\na\r\n0\r\n\r\n", NULL, NULL, 400},
    {CHUNKED "0x1\r\na\r\n0\r\n\r\n", NULL, NULL, 400},
    {CHUNKED "10000000000000001\r\na\r\n0\r\n\r\n", NULL, NULL, 400},
    /* ... and where a header does. */
    {"GET / HTTP/1.1\r\n" HOST "\n", NULL, NULL, 400},
    {"GET / HTTP/1.1\n" HOST "\r\n", NULL, NULL, 400},
    {"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", NULL, NULL, 400},
    {"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", NULL, NULL, 400},
    {"GET / HTTP/1.1\r\n" HOST " X: y\r\n\r\n", NULL, NULL, 400},
    {"GET / HTTP/1.1\r\n" HOST "X: y\r\n z\r\n\r\n", NULL, NULL, 400},
    {"GET / HTTP/1.1\r\n" HOST "X: y\r\n\tz\r\n\r\n", NULL, NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n 1\r\n\r\na", NULL, NULL, 400},
    {"GET / HTTP/1.1\r\n" HOST ": y\r\n\r\n", NULL, NULL, 400},
    {"GET / HTTP/1.1\r\n" HOST "X\r\n\r\n", NULL, NULL, 400},
    {"GET / HTTP/1.1\r\n" HOST "X\t: y\r\n\r\n", NULL, NULL, 400},
    {"GET / HTTP/1.1\r\n" HOST "X: a\001b\r\n\r\n", NULL, NULL, 400},
    {"GET /\r\n" HOST "\r\n", NULL, NULL, 505},
};

static void expect_request(size_t row, size_t piece)
{
    struct http_parser parser;
    http_parser_init(&parser, BODY_MAX, NULL, NULL, NULL);
    struct slice rest = slice_str(requests[row].bytes);
    const enum http_parsed parsed = feed(&parser, &rest, piece);
    if (requests[row].target == NULL) {
        if (parsed != HTTP_REFUSED || parser.refusal.status != requests[row].status) {
            print_error("row %zu by %zu: status %d\n", row, piece, parser.refusal.status);
        }
        assert_int_equal(parsed, HTTP_REFUSED);
        assert_int_equal(parser.refusal.status, requests[row].status);
    } else {
        if (parsed != HTTP_COMPLETE) {
            print_error("row %zu by %zu: status %d\n", row, piece, parser.refusal.status);
        }
        assert_int_equal(parsed, HTTP_COMPLETE);
        assert_int_equal(rest.size, 0);
        expect_slice(parser.request.target, slice_str(requests[row].target));
        expect_slice(parser.request.body, slice_str(requests[row].body));
        assert_null(parser.request.headers[HTTP_AUTHORIZATION].data);
    }
    http_parser_done(&parser);
}

static void requests_cut_anywhere(void **state)
{
    (void)state;
    for (size_t row = 0; row < COUNT(requests); row++) {
        for (size_t piece = 1; piece <= strlen(requests[row].bytes); piece++) {
            expect_request(row, piece);
        }
    }
}

static void pipelined(void **state)
{
    (void)state;
    static const char bytes[] = "GET /a HTTP/1.1\r\n" HOST "\r\n"
                                "POST /b HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi"
                                "GET /c HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n";
    static const char *const targets[] = {"/a", "/b", "/c"};
    for (size_t piece = 1; piece < sizeof bytes; piece++) {
        struct http_parser parser;
        http_parser_init(&parser, BODY_MAX, NULL, NULL, NULL);
        struct slice rest = slice_str(bytes);
        for (size_t i = 0; i < COUNT(targets); i++) {
            assert_false(http_parser_midway(&parser));
            assert_int_equal(feed(&parser, &rest, piece), HTTP_COMPLETE);
            expect_slice(parser.request.target, slice_str(targets[i]));
            expect_slice(parser.request.body, i == 1 ? SLICE("hi") : SLICE(""));
            assert_int_equal(parser.request.keep_alive, i < 2);
            http_parser_next(&parser);
        }
        assert_int_equal(rest.size, 0);
        http_parser_done(&parser);
    }
}

static void waits_for_continue(void **state)
{
    (void)state;
    struct http_parser parser;
    http_parser_init(&parser, BODY_MAX, NULL, NULL, NULL);
    size_t used = 0;
    const struct slice head =
        SLICE("POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n");
    assert_int_equal(http_parser_feed(&parser, head, &used), HTTP_CONTINUE);
    assert_int_equal(used, head.size);
    assert_true(http_parser_midway(&parser));
    assert_int_equal(http_parser_feed(&parser, SLICE("x"), &used), HTTP_COMPLETE);
    http_parser_done(&parser);
}

/* A request is under way from its first letter on; empty lines before it are none of it. */
static void midway(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        bool midway;
    } rows[] = {
        {"", false},
        {"\r\n\r\n", false},
        {"\r\nG", true},
        {"G", true},
        {"GET /", true},
        {"GET / HTTP/1.1\r\n" HOST, true},
        {"GET / HTTP/1.1\r\n" HOST "\r\n", false},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\na", true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct http_parser parser;
        http_parser_init(&parser, BODY_MAX, NULL, NULL, NULL);
        struct slice rest = slice_str(rows[i].bytes);
        (void)feed(&parser, &rest, SIZE_MAX);
        if (http_parser_midway(&parser) != rows[i].midway) {
            print_error("\"%s\"\n", rows[i].bytes);
            fail();
        }
        http_parser_done(&parser);
    }
}

/* A head is bounded whatever it consists of: target, our headers, others, trailers. */
static void heads_are_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *start;
        const char *again;
    } heads[] = {
        {"GET /", "a"},
        {"GET / HTTP/1.1\r\n" HOST "Authorization: ", "a"},
        {"GET / HTTP/1.1\r\n" HOST "X-Other: ", "a"},
        {"GET / HTTP/1.1\r\n" HOST, "a:\r\n"},
        {CHUNKED "0\r\n", "a: b\r\n"},
    };
    for (size_t i = 0; i < COUNT(heads); i++) {
        struct http_parser parser;
        http_parser_init(&parser, BODY_MAX, NULL, NULL, NULL);
        struct slice start = slice_str(heads[i].start);
        assert_int_equal(feed(&parser, &start, SIZE_MAX), HTTP_MORE);
        enum http_parsed parsed = HTTP_MORE;
        size_t sent = 0;
        while (parsed == HTTP_MORE && sent <= 2 * HTTP_HEAD_BYTES_MAX) {
            struct slice again = slice_str(heads[i].again);
            sent += again.size;
            parsed = feed(&parser, &again, SIZE_MAX);
        }
        if (parsed != HTTP_REFUSED) {
            print_error("head %zu has no bound\n", i);
        }
        assert_int_equal(parsed, HTTP_REFUSED);
        assert_int_equal(parser.refusal.status, 431);
        http_parser_done(&parser);
    }
}

/* -- Routes --------------------------------------------------------------------------------- */

static void routes(void **state)
{
    (void)state;
    static const struct {
        enum http_method method;
        const char *target;
        bool is_operator;
        enum http_route_id id;
        int status;
    } rows[] = {
        {HTTP_METHOD_POST, "/api/query", false, ROUTE_CALL, 0},
        {HTTP_METHOD_GET, "/api/query?path=a:b", false, ROUTE_CALL, 0},
        {HTTP_METHOD_POST, "/api/mutation", false, ROUTE_CALL, 0},
        {HTTP_METHOD_POST, "/api/action", false, ROUTE_CALL, 0},
        {HTTP_METHOD_POST, "/api/function", false, ROUTE_CALL, 0},
        {HTTP_METHOD_POST, "/api/run/a/b", false, ROUTE_CALL, 0},
        {HTTP_METHOD_HEAD, "/api/query?path=a:b", false, ROUTE_CALL, 0},
        {HTTP_METHOD_GET, "/api/mutation", false, ROUTE_REFUSED, 405},
        {HTTP_METHOD_HEAD, "/api/mutation", false, ROUTE_REFUSED, 405},
        {HTTP_METHOD_GET, "/api/run/a/b", false, ROUTE_REFUSED, 405},
        {HTTP_METHOD_OTHER, "/api/query", false, ROUTE_REFUSED, 405},
        {HTTP_METHOD_OPTIONS, "/api/query", false, ROUTE_PREFLIGHT, 0},
        {HTTP_METHOD_OPTIONS, "/api/function", false, ROUTE_REFUSED, 405},
        {HTTP_METHOD_POST, "/api/cordon/deploy", false, ROUTE_DEPLOY, 0},
        {HTTP_METHOD_GET, "/api/cordon/deploy", false, ROUTE_REFUSED, 405},
        {HTTP_METHOD_OPTIONS, "/api/cordon/deploy", false, ROUTE_REFUSED, 405},
        {HTTP_METHOD_GET, "/api/stream_function_logs", false, ROUTE_LOGS, 0},
        {HTTP_METHOD_GET, "/api/stream_function_logs?cursor=0", false, ROUTE_LOGS, 0},
        {HTTP_METHOD_GET, "/api/stream_function_logs?cursor=1.5", false, ROUTE_LOGS, 0},
        {HTTP_METHOD_HEAD, "/api/stream_function_logs?cursor=0", false, ROUTE_LOGS, 0},
        {HTTP_METHOD_GET, "/api/stream_function_logs?cursor=x", false, ROUTE_REFUSED, 400},
        {HTTP_METHOD_POST, "/api/stream_function_logs", false, ROUTE_REFUSED, 405},
        {HTTP_METHOD_OPTIONS, "/api/stream_function_logs", false, ROUTE_REFUSED, 405},
        {HTTP_METHOD_GET, "/version", false, ROUTE_TEXT, 0},
        {HTTP_METHOD_HEAD, "/version", false, ROUTE_TEXT, 0},
        {HTTP_METHOD_GET, "/instance_name", false, ROUTE_TEXT, 0},
        {HTTP_METHOD_GET, "/http/a", false, ROUTE_TEXT, 0},
        {HTTP_METHOD_POST, "/http/", false, ROUTE_TEXT, 0},
        {HTTP_METHOD_GET, "/http", false, ROUTE_REFUSED, 404},
        {HTTP_METHOD_GET, "/http/a", true, ROUTE_REFUSED, 404},
        {HTTP_METHOD_POST, "/version", false, ROUTE_REFUSED, 405},
        {HTTP_METHOD_POST, "/api/unknown", false, ROUTE_REFUSED, 400},
        {HTTP_METHOD_GET, "/", false, ROUTE_REFUSED, 404},
        {HTTP_METHOD_GET, "/metrics", false, ROUTE_REFUSED, 404},
        {HTTP_METHOD_GET, "/metrics", true, ROUTE_METRICS, 0},
        {HTTP_METHOD_HEAD, "/metrics", true, ROUTE_METRICS, 0},
        {HTTP_METHOD_POST, "/metrics", true, ROUTE_REFUSED, 405},
        {HTTP_METHOD_POST, "/api/query", true, ROUTE_REFUSED, 404},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct http_request request = {
            .method = rows[i].method, .target = slice_str(rows[i].target)};
        struct http_route route;
        http_route(&request, rows[i].is_operator, &route);
        if (route.id != rows[i].id || route.refusal.status != rows[i].status) {
            print_error("%s: %d, %d\n", rows[i].target, (int)route.id, route.refusal.status);
        }
        assert_int_equal(route.id, rows[i].id);
        assert_int_equal(route.refusal.status, rows[i].status);
        assert_int_equal(route.allow != NULL, rows[i].status == 405);
    }
}

/* -- Calls ---------------------------------------------------------------------------------- */

static void calls(void **state)
{
    (void)state;
    static const struct {
        const char *target; /* with a query string: a GET */
        const char *body;
        const char *path; /* NULL: refused */
        const char *args; /* or the code of the refusal */
        enum http_format format;
    } rows[] = {
        {"/api/query", "{\"path\":\"a:b\",\"args\":{\"n\":1}}", "a:b", "{\"n\":1}", FORMAT_JSON},
        {"/api/query", "{\"path\":\"a:b\"}", "a:b", "{}", FORMAT_JSON},
        {"/api/query", "{\"path\":\"a:b\",\"args\":[{}]}", "a:b", "[{}]", FORMAT_JSON},
        {"/api/query", "{\"path\":\"a:b\",\"format\":\"json\"}", "a:b", "{}", FORMAT_JSON},
        {"/api/query", "{\"path\":\"a:b\",\"format\":\"convex_encoded_json\"}", "a:b", "{}",
         FORMAT_ENCODED},
        {"/api/query", "{\"path\":\"a:b\",\"format\":\"xml\"}", NULL, "BadFormat", FORMAT_JSON},
        {"/api/query", "{\"path\":\"a:b\",\"format\":5}", NULL, "BadFormat", FORMAT_JSON},
        {"/api/query", "", NULL, "BadJsonBody", FORMAT_JSON},
        {"/api/query", "[]", NULL, "BadJsonBody", FORMAT_JSON},
        {"/api/query", "{\"path\":", NULL, "BadJsonBody", FORMAT_JSON},
        {"/api/query", "{\"path\":1}", NULL, "BadJsonBody", FORMAT_JSON},
        {"/api/query", "{\"args\":{}}", NULL, "BadJsonBody", FORMAT_JSON},
        {"/api/query", "{\"path\":\"a:b\",\"args\":1}", NULL, "BadJsonBody", FORMAT_JSON},
        {"/api/query", "{\"path\":\"a:b\",\"args\":null}", NULL, "BadJsonBody", FORMAT_JSON},
        {"/api/query", "{\"path\":\"a:b\",\"args\":[]}", "a:b", "[]", FORMAT_JSON},
        {"/api/query", "{\"path\":\"a:b\",\"args\":[{},{}]}", NULL, "BadJsonBody", FORMAT_JSON},
        {"/api/run/a/b", "{\"args\":[{},1]}", NULL, "BadJsonBody", FORMAT_JSON},
        {"/api/query", "{\"path\":\"a:c\",\"path\":\"a:b\"}", "a:b", "{}", FORMAT_JSON},
        {"/api/run/a/b/fn", "{\"args\":{}}", "a/b:fn", "{}", FORMAT_JSON},
        {"/api/run/a%2Fb", "{}", "a:b", "{}", FORMAT_JSON},
        {"/api/run/fn", "{}", NULL, "MissingIdentifier", FORMAT_JSON},
        {"/api/run/a/", "{}", NULL, "MissingIdentifier", FORMAT_JSON},
        {"/api/run/", "{\"path\":\"a:b\"}", NULL, "MissingIdentifier", FORMAT_JSON},
        {"/api/run/a/%2", "{}", NULL, "BadRequest", FORMAT_JSON},
        {"/api/query?path=a:b", "", "a:b", "{}", FORMAT_JSON},
        {"/api/query?path=a%3Ab&args=%7B%22n%22%3A+1%7D", "", "a:b", "{\"n\": 1}", FORMAT_JSON},
        {"/api/query?args={}&format=convex_json&path=a:b", "", "a:b", "{}", FORMAT_ENCODED},
        {"/api/query?xpath=a:b", "", NULL, "BadRequest", FORMAT_JSON},
        {"/api/query?", "", NULL, "BadRequest", FORMAT_JSON},
        {"/api/query?path=%zz", "", NULL, "BadRequest", FORMAT_JSON},
        {"/api/query?path=a:b&args=%", "", NULL, "BadRequest", FORMAT_JSON},
        {"/api/query?path=a:b&format=x", "", NULL, "BadFormat", FORMAT_JSON},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const bool in_query = strchr(rows[i].target, '?') != NULL;
        const struct http_request request = {
            .method = in_query ? HTTP_METHOD_GET : HTTP_METHOD_POST,
            .target = slice_str(rows[i].target),
            .body = slice_str(rows[i].body),
        };
        struct http_route route;
        http_route(&request, false, &route);
        assert_int_equal(route.id, ROUTE_CALL);
        struct http_call call;
        struct http_refusal refusal = {0};
        const bool good = http_call_read(&request, &route, NULL, &call, &refusal);
        if (good != (rows[i].path != NULL)) {
            print_error("%s %s\n", rows[i].target, rows[i].body);
        }
        assert_int_equal(good, rows[i].path != NULL);
        if (good) {
            expect_slice(call.path, slice_str(rows[i].path));
            expect_text(&call.args, rows[i].args);
            assert_int_equal(call.format, rows[i].format);
        } else {
            assert_int_equal(refusal.status, 400);
            assert_string_equal(refusal.code, rows[i].args);
            assert_true(refusal.message[0] != '\0');
        }
        http_call_done(&call);
    }
}

static void hosts(void **state)
{
    (void)state;
    static const char *const names[] = {"app.example.org"};
    static const struct {
        const char *host;
        bool accepted;
    } rows[] = {
        {"localhost", true},
        {"LOCALHOST:3210", true},
        {"127.0.0.1:1", true},
        {"127.9.8.7", true},
        {"[::1]", true},
        {"[::1]:80", true},
        {"App.Example.org:443", true},
        {"", false},
        {":80", false},
        {"localhost.evil.org", false},
        {"127.0.0.1.evil.org", false},
        {"127.0.0.256", false},
        {"127.1", false},
        {"1270.0.0.1", false},
        {"10.0.0.1", false},
        {"::1", false},
        {"[::2]", false},
        {"example.org", false},
        {"x.app.example.org", false},
        {"localhost:80:80", false},
        {"localhost ", false},
    };
    assert_true(http_host_accepted((struct slice){0}, names, 1));
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (http_host_accepted(slice_str(rows[i].host), names, 1) != rows[i].accepted) {
            print_error("\"%s\"\n", rows[i].host);
            fail();
        }
    }
}

/* -- Answers -------------------------------------------------------------------------------- */

static void outcomes(void **state)
{
    (void)state;
    struct slice lines[] = {SLICE("[LOG] hi")};
    struct outcome_frame frames[] = {
        {.function = SLICE("inner"), .file = SLICE("src/lib.rs"), .line = 12, .is_inlined = true},
        {.function = SLICE("outer")},
    };
    const struct slice big = SLICE("{\"$integer\":\"AQAAAAAAAAA=\"}");
    /* Its words end where the slice does, and nothing promises a NUL there. */
    static const char words[4] = {'l', 'o', 's', 't'};
    const struct {
        struct outcome outcome;
        enum http_format format;
        bool production;
        int status;
        const char *body;
    } rows[] = {
        {{.value = SLICE("{\"a\":1}")},
         FORMAT_JSON,
         false,
         200,
         "{\"status\":\"success\",\"value\":{\"a\":1}}"},
        {{.value = {0}}, FORMAT_JSON, false, 200, "{\"status\":\"success\",\"value\":null}"},
        {{.value = big}, FORMAT_JSON, false, 200, "{\"status\":\"success\",\"value\":\"1\"}"},
        {{.value = big},
         FORMAT_ENCODED,
         false,
         200,
         "{\"status\":\"success\",\"value\":{\"$integer\":\"AQAAAAAAAAA=\"}}"},
        {{.value = SLICE("1"), .log_lines = lines, .log_line_count = 1},
         FORMAT_JSON,
         false,
         200,
         "{\"status\":\"success\",\"value\":1,\"logLines\":[\"[LOG] hi\"]}"},
        {{.value = SLICE("1"), .log_lines = lines, .log_line_count = 1},
         FORMAT_JSON,
         true,
         200,
         "{\"status\":\"success\",\"value\":1}"},
        {{.code = CORDON_OUTCOME_FAILED,
          .message = SLICE("no"),
          .frames = frames,
          .frame_count = 2},
         FORMAT_JSON,
         false,
         200,
         "{\"status\":\"error\",\"errorMessage\":\"[Request ID: r1] Server Error\\nUncaught "
         "Error: no\\n    at inner (src/lib.rs:12)\\n    at outer\"}"},
        {{.code = CORDON_OUTCOME_FAILED, .message = SLICE("no"), .data = SLICE("{\"c\":7}")},
         FORMAT_JSON,
         true,
         200,
         "{\"status\":\"error\",\"errorMessage\":\"[Request ID: r1] Server "
         "Error\",\"errorData\":{\"c\":7}}"},
        {{.code = CORDON_OUTCOME_FAILED, .message = SLICE("no"), .data = SLICE("7")},
         FORMAT_JSON,
         false,
         200,
         "{\"status\":\"error\",\"errorMessage\":\"[Request ID: r1] Server Error\\nUncaught "
         "ConvexError: no\",\"errorData\":7}"},
        {{.code = CORDON_OUTCOME_OVERLOADED, .message = slice_of(words, 4)},
         FORMAT_JSON,
         true,
         503,
         "{\"code\":\"Overloaded\",\"message\":\"lost\"}"},
        {{.code = CORDON_OUTCOME_OVERLOADED},
         FORMAT_JSON,
         false,
         503,
         "{\"code\":\"Overloaded\",\"message\":\"There was no memory for words.\"}"},
        {{.code = CORDON_OUTCOME_CANCELLED}, FORMAT_JSON, false, 503, NULL},
        {{.code = CORDON_OUTCOME_DISK_FULL, .message = SLICE("secret")},
         FORMAT_JSON,
         false,
         503,
         "{\"code\":\"DiskFull\",\"message\":\"The server's disk is full. Nothing was written; "
         "free "
         "some space and try again.\"}"},
        {{.code = CORDON_OUTCOME_INTERNAL, .message = SLICE("secret")},
         FORMAT_JSON,
         false,
         500,
         "{\"code\":\"InternalServerError\",\"message\":\"Your request couldn't be completed. Try "
         "again later.\"}"},
        {{.code = CORDON_OUTCOME_CONFLICT, .message = slice_of(words, 4)},
         FORMAT_JSON,
         false,
         503,
         "{\"code\":\"OptimisticConcurrencyControlFailure\",\"message\":\"lost\"}"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        CORDON_CLEANUP_BUFFER struct buffer out;
        CORDON_CLEANUP_BUFFER struct buffer scratch;
        buffer_init(&out, 65536);
        buffer_init(&scratch, 65536);
        struct http_frame frame = {.keep_alive = true, .cross_origin = true};
        const struct http_outcome what = {
            .outcome = &rows[i].outcome,
            .format = rows[i].format,
            .request_id = SLICE("r1"),
            .production = rows[i].production,
        };
        expect_ok(http_answer_outcome(&out, &frame, &what, &scratch));
        expect_ok(buffer_append_byte(&out, '\0'));
        assert_int_equal(frame.status, rows[i].status);
        const char *text = (const char *)out.data;
        const char *body = strstr(text, "\r\n\r\n");
        assert_non_null(body);
        if (rows[i].body != NULL) {
            assert_string_equal(body + 4, rows[i].body);
        }
        char length[48];
        (void)snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body + 4));
        assert_non_null(strstr(text, length));
        assert_non_null(strstr(text, "Access-Control-Allow-Origin: *"));
    }
}

/* Seconds to wait, told where the same again does no harm. */
static void retries(void **state)
{
    (void)state;
    const struct {
        cordon_outcome_code code;
        cordon_kind kind;
        uint64_t fuel;
        const char *header; /* NULL: none */
    } rows[] = {
        {CORDON_OUTCOME_OVERLOADED, CORDON_QUERY, 0, "Retry-After: 1\r\n"},
        {CORDON_OUTCOME_OVERLOADED, CORDON_QUERY, 9, "Retry-After: 1\r\n"},
        {CORDON_OUTCOME_OVERLOADED, CORDON_MUTATION, 9, "Retry-After: 1\r\n"},
        {CORDON_OUTCOME_OVERLOADED, CORDON_ACTION, 0, "Retry-After: 1\r\n"},
        {CORDON_OUTCOME_OVERLOADED, CORDON_ACTION, 9, NULL},
        {CORDON_OUTCOME_CONFLICT, CORDON_MUTATION, 9, "Retry-After: 1\r\n"},
        {CORDON_OUTCOME_DISK_FULL, CORDON_MUTATION, 9, "Retry-After: 30\r\n"},
        {CORDON_OUTCOME_CANCELLED, CORDON_QUERY, 9, "Retry-After: 1\r\n"},
        {CORDON_OUTCOME_CANCELLED, CORDON_MUTATION, 0, NULL},
        {CORDON_OUTCOME_CANCELLED, CORDON_ACTION, 0, NULL},
        {CORDON_OUTCOME_INTERNAL, CORDON_QUERY, 0, NULL},
        {CORDON_OUTCOME_FAILED, CORDON_QUERY, 9, NULL},
        {CORDON_OUTCOME_SUCCESS, CORDON_QUERY, 9, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        CORDON_CLEANUP_BUFFER struct buffer out;
        CORDON_CLEANUP_BUFFER struct buffer scratch;
        buffer_init(&out, 65536);
        buffer_init(&scratch, 65536);
        struct outcome outcome = {.code = rows[i].code, .kind = rows[i].kind};
        outcome.used[CORDON_LIMIT_FUEL] = rows[i].fuel;
        struct http_frame frame = {0};
        const struct http_outcome what = {.outcome = &outcome, .request_id = SLICE("r1")};
        expect_ok(http_answer_outcome(&out, &frame, &what, &scratch));
        expect_ok(buffer_append_byte(&out, '\0'));
        const char *const found = strstr((const char *)out.data, "Retry-After: ");
        assert_int_equal(found == NULL, rows[i].header == NULL);
        if (found != NULL) {
            assert_memory_equal(found, rows[i].header, strlen(rows[i].header));
            assert_true(found < strstr((const char *)out.data, "\r\n\r\n"));
        }
    }
}

/* -- Keys ----------------------------------------------------------------------------------- */

static char folder[64];

static void run_in_keys(const char *command)
{
    char line[256];
    (void)snprintf(line, sizeof line, "cd %s && %s", folder, command);
    assert_int_equal(system(line), 0);
}

static bool accepts(struct keys *keys, const char *key)
{
    char header[256];
    (void)snprintf(header, sizeof header, "Convex %s", key);
    return keys_judge(keys, slice_str(header)) == KEYS_ACCEPTED;
}

/* A key alone in a new folder, changed by a shell command before the server looks. */
static bool accepted_after(const char *command, bool seen_before)
{
    char pattern[] = "/tmp/cordon-keys-XXXXXX";
    assert_non_null(mkdtemp(pattern));
    memcpy(folder, pattern, sizeof pattern);
    char *key = NULL;
    struct keys *keys = NULL;
    expect_ok(keys_make(folder, &key));
    expect_ok(keys_new(folder, NULL, &keys));
    if (seen_before) {
        assert_true(accepts(keys, key));
    }
    run_in_keys(command);
    const bool accepted = accepts(keys, key);
    keys_free(keys);
    mem_free(key);
    run_in_keys("rm -r keys.d; rm -f .k");
    assert_int_equal(rmdir(folder), 0);
    return accepted;
}

static void key_files(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        bool accepted;
    } rows[] = {
        {"true", true},
        {"rm keys.d/*", false},
        {"chmod 644 keys.d/*", false},
        {"chmod 620 keys.d/*", false},
        {"chmod 777 keys.d", false},
        {"chmod 755 keys.d", true},
        {"chmod 644 keys.d/*; chmod 600 keys.d/*", true},
        {"mv keys.d/* keys.d/other", true},
        {"mv keys.d/* .k && ln -s ../.k keys.d/k", false},
        {"echo x >$(echo keys.d/*)", false},
        {"sed -i 's/[0-9a-f]$/x/' keys.d/*", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (int seen_before = 0; seen_before < 2; seen_before++) {
            if (accepted_after(rows[i].command, seen_before != 0) != rows[i].accepted) {
                print_error("%s: %d\n", rows[i].command, seen_before);
                fail();
            }
        }
    }
}

static void key_headers(void **state)
{
    (void)state;
    char pattern[] = "/tmp/cordon-keys-XXXXXX";
    assert_non_null(mkdtemp(pattern));
    memcpy(folder, pattern, sizeof pattern);
    char *key = NULL;
    struct keys *keys = NULL;
    struct keys *none = NULL;
    expect_ok(keys_make(folder, &key));
    expect_ok(keys_new(folder, NULL, &keys));
    expect_ok(keys_new(NULL, NULL, &none));
    assert_true(accepts(keys, key));
    assert_false(accepts(none, key));
    assert_int_equal(keys_judge(keys, slice_str(key)), KEYS_REFUSED);
    assert_int_equal(keys_judge(keys, (struct slice){0}), KEYS_REFUSED);
    static const char *const wrong[] = {"", "x", "default|", "default|00"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_false(accepts(keys, wrong[i]));
    }
    static const char *const names[] = {"",          "|", "other|", "Default|", "prod:default|",
                                        "a|default|"};
    for (size_t i = 0; i < COUNT(names); i++) {
        char other[128];
        (void)snprintf(other, sizeof other, "%s%s", names[i], strchr(key, '|') + 1);
        assert_false(accepts(keys, other));
    }
    char *last = key + strlen(key) - 1;
    *last = *last == '0' ? '1' : '0';
    assert_false(accepts(keys, key));
    *last = '\0';
    assert_false(accepts(keys, key));
    keys_free(keys);
    keys_free(none);
    mem_free(key);
    run_in_keys("rm -r keys.d; rm -f .k");
    assert_int_equal(rmdir(folder), 0);
}

/* -- Memory --------------------------------------------------------------------------------- */

/* The source of an account, with so many bytes left. */
static bool take_left(void *owner, uint64_t bytes)
{
    uint64_t *left = owner;
    if (bytes > *left) {
        return false;
    }
    *left -= bytes;
    return true;
}

static void give_left(void *owner, uint64_t bytes)
{
    uint64_t *left = owner;
    *left += bytes;
}

static void account_init_left(struct account *account, uint64_t *left)
{
    const struct account_source source = {take_left, give_left, left};
    account_init(account, UINT64_MAX, &source);
}

#define PACKED(text) {(const uint8_t *)(text), sizeof(text) - 1}
#define HELLO "\x13\x10\x00\xf8\x8d\x94\x6e\xde\x44\x55\x86\x96\x6c\x20\x6f\x01\x4f\x1c\x60\x1c"

static const struct {
    struct slice packed;
    const char *encoding;
    size_t size_max;
    uint64_t memory;
    size_t size; /* of the plain body, or */
    int status;  /* of the refusal */
} bodies[] = {
    {PACKED("plain"), NULL, 100, 0, 5, 0},
    {PACKED("plain"), "identity", 100, 0, 5, 0},
    {PACKED("plain"), "gzip", 100, 1 << 20, 0, 415},
    {PACKED("plain"), "br", 100, 1 << 20, 0, 400},
    {PACKED(""), "br", 100, 1 << 20, 0, 400},
    {PACKED(HELLO), "br", 17, 1 << 20, 17, 0},
    {PACKED(HELLO), "br", 16, 1 << 20, 0, 413},
    {PACKED(HELLO "x"), "br", 100, 1 << 20, 0, 400},
    {{(const uint8_t *)HELLO, 19}, "br", 100, 1 << 20, 0, 400},
    {PACKED(HELLO), "br", 100, 0, 0, 503},
    {PACKED(HELLO), "br", 100, 10000, 0, 503},
    /* 14 bytes may become 64 times as many and 65,536 more; not one more. */
    {PACKED("\x53\x7f\x03\x81\x5f\x02\x2f\x1e\x0b\x04\x72\xf6\x01\x00"), "br", SIZE_MAX, 1 << 20,
     66432, 0},
    {PACKED("\x53\x80\x03\x81\x5f\x02\x2f\x1e\x0b\x04\x74\xf6\x01\x00"), "br", SIZE_MAX, 1 << 20, 0,
     413},
    {PACKED("\x53\x7f\x03\x81\x5f\x02\x2f\x1e\x0b\x04\x72\xf6\x01\x00"), "br", SIZE_MAX, 100000, 0,
     503},
};

static void bodies_are_bounded(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct http_request request = {.body = bodies[i].packed};
        if (bodies[i].encoding != NULL) {
            request.headers[HTTP_CONTENT_ENCODING] = slice_str(bodies[i].encoding);
        }
        uint64_t left = bodies[i].memory;
        struct account account;
        account_init_left(&account, &left);
        struct buffer unpacked;
        buffer_init_charged(&unpacked, SIZE_MAX, &account);
        struct slice body = {0};
        struct http_refusal refusal = {0};
        const bool good = http_body_read(&request, bodies[i].size_max, &unpacked, &body, &refusal);
        if (good != (bodies[i].status == 0) || refusal.status != bodies[i].status) {
            print_error("body %zu: %d, %s\n", i, refusal.status, refusal.message);
        }
        assert_int_equal(good, bodies[i].status == 0);
        assert_int_equal(refusal.status, bodies[i].status);
        assert_int_equal(body.size, bodies[i].size);
        assert_int_equal(account.held, unpacked.capacity);
        buffer_done(&unpacked);
        assert_int_equal(account.held, 0);
    }
}

/* A body is paid for as it comes; what its head says of it is no reason to hold anything. */
static void bodies_are_paid_for(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 1000000\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nf4240\r\n",
    };
    static const uint8_t piece[10000] = {0};
    for (size_t i = 0; i < COUNT(heads); i++) {
        const uint64_t memory = 300000;
        uint64_t left = memory;
        struct account account;
        account_init_left(&account, &left);
        struct http_parser parser;
        http_parser_init(&parser, 1 << 20, NULL, NULL, &account);
        struct slice head = slice_str(heads[i]);
        assert_int_equal(feed(&parser, &head, SIZE_MAX), HTTP_MORE);
        assert_int_equal(left, memory);
        enum http_parsed parsed = HTTP_MORE;
        size_t fed = 0;
        for (; parsed == HTTP_MORE && fed < memory; fed += sizeof piece) {
            struct slice rest = slice_of(piece, sizeof piece);
            parsed = feed(&parser, &rest, SIZE_MAX);
            assert_true(account.held <= 2 * (fed + sizeof piece) + 64);
        }
        assert_true(fed >= memory / 2);
        assert_int_equal(parsed, HTTP_REFUSED);
        assert_int_equal(parser.refusal.status, 503);
        assert_string_equal(parser.refusal.code, "Overloaded");
        http_parser_drop_body(&parser);
        assert_int_equal(account.held, 0);
        http_parser_done(&parser);
    }
}

/* Of a body whose length is known no more is held than that. */
static void known_bodies_are_not_doubled(void **state)
{
    (void)state;
    uint64_t left = 1 << 20;
    struct account account;
    account_init_left(&account, &left);
    struct http_parser parser;
    http_parser_init(&parser, 1 << 20, NULL, NULL, &account);
    struct slice head = slice_str("POST / HTTP/1.1\r\n" HOST "Content-Length: 70000\r\n\r\n");
    assert_int_equal(feed(&parser, &head, SIZE_MAX), HTTP_MORE);
    static const uint8_t body[70000] = {0};
    struct slice rest = slice_of(body, sizeof body);
    assert_int_equal(feed(&parser, &rest, 10000), HTTP_COMPLETE);
    assert_int_equal(parser.request.body.size, sizeof body);
    assert_int_equal(account.held, sizeof body);
    http_parser_next(&parser);
    struct slice small = slice_str("POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi");
    assert_int_equal(feed(&parser, &small, SIZE_MAX), HTTP_COMPLETE);
    struct slice larger = slice_str("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
    http_parser_next(&parser);
    assert_int_equal(feed(&parser, &larger, SIZE_MAX), HTTP_COMPLETE);
    expect_slice(parser.request.body, SLICE("abc"));
    http_parser_done(&parser);
    assert_int_equal(account.held, 0);
}

/* However much memory there is, a call is read or refused as Overloaded, and nothing is lost. */
static void calls_are_paid_for(void **state)
{
    (void)state;
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, 1 << 20);
    expect_ok(buffer_append(&text, SLICE("{\"path\":\"a:b\",\"args\":{\"a\":[0")));
    for (size_t i = 0; i < 20000; i++) {
        expect_ok(buffer_append(&text, SLICE(",0")));
    }
    expect_ok(buffer_append(&text, SLICE("]}}")));
    const struct http_request request = {
        .method = HTTP_METHOD_POST,
        .target = slice_str("/api/query"),
        .body = buffer_slice(&text),
    };
    struct http_route route;
    http_route(&request, false, &route);
    bool good = false;
    size_t refused = 0;
    for (uint64_t memory = 0; !good; memory += 20000) {
        assert_true(memory < 1 << 20);
        uint64_t left = memory;
        struct account account;
        account_init_left(&account, &left);
        struct http_call call;
        struct http_refusal refusal = {0};
        good = http_call_read(&request, &route, &account, &call, &refusal);
        if (!good) {
            refused++;
            assert_int_equal(refusal.status, 503);
            assert_string_equal(refusal.code, "Overloaded");
            assert_int_equal(account.held, call.text.capacity);
        }
        http_call_done(&call);
        assert_int_equal(account.held, 0);
    }
    assert_true(refused > 10); /* 16 bytes a value */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_cut_anywhere),
        cmocka_unit_test(pipelined),
        cmocka_unit_test(waits_for_continue),
        cmocka_unit_test(midway),
        cmocka_unit_test(heads_are_bounded),
        cmocka_unit_test(routes),
        cmocka_unit_test(calls),
        cmocka_unit_test(hosts),
        cmocka_unit_test(outcomes),
        cmocka_unit_test(retries),
        cmocka_unit_test(key_files),
        cmocka_unit_test(key_headers),
        cmocka_unit_test(bodies_are_bounded),
        cmocka_unit_test(bodies_are_paid_for),
        cmocka_unit_test(known_bodies_are_not_doubled),
        cmocka_unit_test(calls_are_paid_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
