/*
 * The bytes of answers: outcomes in both formats, in production and not, and what says whether a
 * retry is safe.
 */
#include "http/answer.h"

#include "support/expect.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes),
        cmocka_unit_test(retries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
