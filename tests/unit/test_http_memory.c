/*
 * What requests may hold: bodies, packed ones too, and calls, each out of an account that may be
 * empty.
 */
#include "http/body.h"
#include "http/call.h"

#include "base/memory.h"
#include "support/expect.h"
#include "support/http_feed.h"

#define HOST "Host: localhost\r\n"

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
        assert_int_equal(http_feed(&parser, &head, SIZE_MAX), HTTP_MORE);
        assert_int_equal(left, memory);
        enum http_parsed parsed = HTTP_MORE;
        size_t fed = 0;
        for (; parsed == HTTP_MORE && fed < memory; fed += sizeof piece) {
            struct slice rest = slice_of(piece, sizeof piece);
            parsed = http_feed(&parser, &rest, SIZE_MAX);
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
    assert_int_equal(http_feed(&parser, &head, SIZE_MAX), HTTP_MORE);
    static const uint8_t body[70000] = {0};
    struct slice rest = slice_of(body, sizeof body);
    assert_int_equal(http_feed(&parser, &rest, 10000), HTTP_COMPLETE);
    assert_int_equal(parser.request.body.size, sizeof body);
    assert_int_equal(account.held, sizeof body);
    http_parser_next(&parser);
    struct slice small = slice_str("POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi");
    assert_int_equal(http_feed(&parser, &small, SIZE_MAX), HTTP_COMPLETE);
    struct slice larger = slice_str("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
    http_parser_next(&parser);
    assert_int_equal(http_feed(&parser, &larger, SIZE_MAX), HTTP_COMPLETE);
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
        cmocka_unit_test(bodies_are_bounded),
        cmocka_unit_test(bodies_are_paid_for),
        cmocka_unit_test(known_bodies_are_not_doubled),
        cmocka_unit_test(calls_are_paid_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
