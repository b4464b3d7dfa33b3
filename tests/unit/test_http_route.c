/*
 * What a request asks for: its route, the call that its body or its query string is, and whether
 * it means this server at all.
 */
#include "http/call.h"
#include "http/head.h"
#include "http/request_headers.h"
#include "http/target.h"

#include "support/expect.h"

/* -- Routes --------------------------------------------------------------------------------- */

/* What Convex's tools would call, and we have in another way. */
static void what_is_not_offered_says_what_is(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        const char *words;
    } rows[] = {
        {"/api/list_snapshot?tableName=t",
         "does not stream its documents; take them out by `cordon export`"},
        {"/api/document_deltas?cursor=0", "does not stream its documents"},
        {"/api/json_schemas", "does not stream its documents"},
        {"/api/export/request/zip",
         "taken out by `cordon export` and brought in by `cordon import`"},
        {"/api/import", "taken out by `cordon export` and brought in by `cordon import`"},
        {"/api/import/start_upload", "brought in by `cordon import`"},
        {"/api/export", "Functions are called by /api/query"},
        {"/api/none", "Functions are called by /api/query"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct http_request request = {
            .method = HTTP_METHOD_GET, .target = slice_str(rows[i].target)};
        struct http_route route;
        http_route(&request, false, &route);
        assert_int_equal(route.id, ROUTE_REFUSED);
        assert_int_equal(route.refusal.status, 400);
        assert_string_equal(route.refusal.code, "NotSupported");
        assert_non_null(strstr(route.refusal.message, rows[i].words));
    }
}

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
        {HTTP_METHOD_POST, "/api/cordon/rollback", false, ROUTE_DEPLOY, 0},
        {HTTP_METHOD_GET, "/api/cordon/rollback", false, ROUTE_REFUSED, 405},
        {HTTP_METHOD_GET, "/api/cordon/deploys", false, ROUTE_DATA, 0},
        {HTTP_METHOD_POST, "/api/cordon/deploys", false, ROUTE_REFUSED, 405},
        {HTTP_METHOD_GET, "/api/cordon/records", false, ROUTE_RECORD, 0},
        {HTTP_METHOD_HEAD, "/api/cordon/records/a", false, ROUTE_RECORD, 0},
        {HTTP_METHOD_POST, "/api/cordon/records", false, ROUTE_REFUSED, 405},
        {HTTP_METHOD_GET, "/api/cordon/recordsa", false, ROUTE_REFUSED, 400},
        {HTTP_METHOD_GET, "/api/cordon/tables?after=1", false, ROUTE_DATA, 0},
        {HTTP_METHOD_POST, "/api/cordon/tables", false, ROUTE_REFUSED, 405},
        {HTTP_METHOD_POST, "/api/cordon/import?table=t", false, ROUTE_DATA, 0},
        {HTTP_METHOD_GET, "/api/cordon/import?table=t", false, ROUTE_REFUSED, 405},
        {HTTP_METHOD_OPTIONS, "/api/cordon/import", false, ROUTE_REFUSED, 405},
        {HTTP_METHOD_POST, "/api/update_environment_variables", false, ROUTE_DATA, 0},
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
        {HTTP_METHOD_GET, "/healthz", false, ROUTE_HEALTH, 0},
        {HTTP_METHOD_HEAD, "/readyz?verbose", true, ROUTE_HEALTH, 0},
        {HTTP_METHOD_POST, "/readyz", false, ROUTE_REFUSED, 405},
        {HTTP_METHOD_OPTIONS, "/healthz", true, ROUTE_REFUSED, 405},
        {HTTP_METHOD_GET, "/readyz/", false, ROUTE_REFUSED, 404},
        {HTTP_METHOD_GET, "/metrics", false, ROUTE_REFUSED, 404},
        {HTTP_METHOD_GET, "/metrics", true, ROUTE_METRICS, 0},
        {HTTP_METHOD_HEAD, "/metrics", true, ROUTE_METRICS, 0},
        {HTTP_METHOD_POST, "/metrics", true, ROUTE_REFUSED, 405},
        {HTTP_METHOD_GET, "/audit", false, ROUTE_REFUSED, 404},
        {HTTP_METHOD_GET, "/audit", true, ROUTE_AUDIT, 0},
        {HTTP_METHOD_HEAD, "/audit?from=7", true, ROUTE_AUDIT, 0},
        {HTTP_METHOD_GET, "/audit?from=", true, ROUTE_REFUSED, 400},
        {HTTP_METHOD_GET, "/audit?from=7a", true, ROUTE_REFUSED, 400},
        {HTTP_METHOD_GET, "/audit?from=-7", true, ROUTE_REFUSED, 400},
        {HTTP_METHOD_POST, "/audit", true, ROUTE_REFUSED, 405},
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

static void numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t most;
        bool is_one;
        uint64_t number;
    } rows[] = {
        {"0", 0, true, 0},
        {"1", 0, false, 0},
        {"007", 7, true, 7},
        {"8", 7, false, 0},
        {"10", 7, false, 0},
        {"4294967295", UINT32_MAX, true, UINT32_MAX},
        {"4294967296", UINT32_MAX, false, 0},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"184467440737095516150", UINT64_MAX, false, 0},
        {"", 7, false, 0},
        {"-1", 7, false, 0},
        {"+1", 7, false, 0},
        {" 1", 7, false, 0},
        {"1a", 7, false, 0},
        {"0x1", 7, false, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t number = 0;
        const bool is_one = http_read_number(slice_str(rows[i].text), rows[i].most, &number);
        if (is_one != rows[i].is_one || number != rows[i].number) {
            fail_msg("\"%s\"", rows[i].text);
        }
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
    assert_false(http_host_accepted((struct slice){0}, names, 1));
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (http_host_accepted(slice_str(rows[i].host), names, 1) != rows[i].accepted) {
            print_error("\"%s\"\n", rows[i].host);
            fail();
        }
    }
}

static void traces(void **state)
{
    (void)state;
#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"
    static const struct {
        const char *header;
        const char *kept; /* NULL: nothing */
    } rows[] = {
        {"00-" TRACE "-01", "00-" TRACE "-01"},
        {"00-" TRACE "-ff", "00-" TRACE "-ff"},
        {"01-" TRACE "-01", "01-" TRACE "-01"},
        {"cc-" TRACE "-01-what-comes-later", "cc-" TRACE "-01"},
        {"00-" TRACE "-01-more", NULL},
        {"cc-" TRACE "-01more", NULL},
        {"ff-" TRACE "-01", NULL},
        {"00-" TRACE "-0", NULL},
        {"00-" TRACE "-0g", NULL},
        {"00-" TRACE, NULL},
        {"0-" TRACE "-01", NULL},
        {"00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", NULL},
        {"00-00000000000000000000000000000000-00f067aa0ba902b7-01", NULL},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", NULL},
        {"00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", NULL},
        {" 00-" TRACE "-01", NULL},
        {"", NULL},
        {"00", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct slice kept = http_traceparent(slice_str(rows[i].header));
        const struct slice wanted = rows[i].kept == NULL ? SLICE("") : slice_str(rows[i].kept);
        if (!slice_equal(kept, wanted)) {
            fail_msg("\"%s\" gave \"%.*s\"", rows[i].header, SLICE_FMT(kept));
        }
    }
    assert_int_equal(http_traceparent((struct slice){0}).size, 0);
#undef TRACE
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_offered_says_what_is),
        cmocka_unit_test(routes),
        cmocka_unit_test(numbers),
        cmocka_unit_test(calls),
        cmocka_unit_test(hosts),
        cmocka_unit_test(traces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
