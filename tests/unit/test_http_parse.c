/*
 * Requests out of bytes, however they are cut: bodies of both kinds, pipelining, what a client is
 * told midway, bounds on heads.
 */
#include "support/expect.h"
#include "support/http_feed.h"

#define BODY_MAX ((size_t)64)
#define HOST "Host: localhost\r\n"
#define CHUNKED "POST /api/query HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"

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
    /* By what is said of a chunk: none of it has to come. The last byte of room is to be had. */
    {CHUNKED "41\r\n", NULL, NULL, 413},
    {CHUNKED "ffffffffffffffff\r\n", NULL, NULL, 413},
    {CHUNKED "3\r\nabc\r\n3e\r\n", NULL, NULL, 413},
    {CHUNKED "3f\r\n"
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
             "1\r\nb\r\n0\r\n\r\n",
     "/api/query", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", 0},
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
    const enum http_parsed parsed = http_feed(&parser, &rest, piece);
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
            assert_int_equal(http_feed(&parser, &rest, piece), HTTP_COMPLETE);
            expect_slice(parser.request.target, slice_str(targets[i]));
            expect_slice(parser.request.body, i == 1 ? SLICE("hi") : SLICE(""));
            assert_int_equal(parser.request.keep_alive, i < 2);
            http_parser_next(&parser);
        }
        assert_int_equal(rest.size, 0);
        http_parser_done(&parser);
    }
}

/* Two traces are none, and stop nothing; the next request has its own again. */
static void traced_twice(void **state)
{
    (void)state;
    static const char bytes[] =
        "GET /a HTTP/1.1\r\n" HOST "Traceparent: one\r\nX: y\r\ntraceparent: two\r\n\r\n"
        "GET /b HTTP/1.1\r\n" HOST "traceparent: three\r\n\r\n";
    for (size_t piece = 1; piece < sizeof bytes; piece++) {
        struct http_parser parser;
        http_parser_init(&parser, BODY_MAX, NULL, NULL, NULL);
        struct slice rest = slice_str(bytes);
        assert_int_equal(http_feed(&parser, &rest, piece), HTTP_COMPLETE);
        assert_int_equal(parser.request.headers[HTTP_TRACEPARENT].size, 0);
        http_parser_next(&parser);
        assert_int_equal(http_feed(&parser, &rest, piece), HTTP_COMPLETE);
        expect_slice(parser.request.headers[HTTP_TRACEPARENT], SLICE("three"));
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
        (void)http_feed(&parser, &rest, SIZE_MAX);
        if (http_parser_midway(&parser) != rows[i].midway) {
            print_error("\"%s\"\n", rows[i].bytes);
            fail();
        }
        http_parser_done(&parser);
    }
}

static size_t note_large(void *arg, const struct http_request *head)
{
    (void)head;
    struct http_parser *const *const parser = arg;
    return http_parser_may_exceed(*parser, 10) ? 100 : 10;
}

/* Whether a body may be large is known by its head. */
static void large_bodies_are_known_by_their_heads(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        bool is_large;
    } rows[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", false},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\n", false},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 11\r\n\r\n", true},
        {CHUNKED, true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct http_parser parser;
        struct http_parser *self = &parser;
        http_parser_init(&parser, BODY_MAX, note_large, &self, NULL);
        struct slice rest = slice_str(rows[i].head);
        (void)http_feed(&parser, &rest, SIZE_MAX);
        assert_int_equal(http_parser_may_exceed(&parser, 10), rows[i].is_large);
        assert_int_equal(parser.refusal.status, 0);
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
        assert_int_equal(http_feed(&parser, &start, SIZE_MAX), HTTP_MORE);
        enum http_parsed parsed = HTTP_MORE;
        size_t sent = 0;
        while (parsed == HTTP_MORE && sent <= 2 * HTTP_HEAD_BYTES_MAX) {
            struct slice again = slice_str(heads[i].again);
            sent += again.size;
            parsed = http_feed(&parser, &again, SIZE_MAX);
        }
        if (parsed != HTTP_REFUSED) {
            print_error("head %zu has no bound\n", i);
        }
        assert_int_equal(parsed, HTTP_REFUSED);
        assert_int_equal(parser.refusal.status, 431);
        http_parser_done(&parser);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_cut_anywhere),
        cmocka_unit_test(pipelined),
        cmocka_unit_test(traced_twice),
        cmocka_unit_test(waits_for_continue),
        cmocka_unit_test(midway),
        cmocka_unit_test(large_bodies_are_known_by_their_heads),
        cmocka_unit_test(heads_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
