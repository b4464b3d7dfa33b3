/*
 * The line of a run in its two forms: JSON has every field of every run; text, which is for people
 * at a terminal, leaves out what says nothing: zeros, the default tenant, limits that are far away.
 */
#include "run/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { TIME_BYTES = 24, LINE_BYTES = 8192 };

static int open_file(void)
{
    char path[] = "/tmp/cordon-report-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)unlink(path);
    return fd;
}

static void write_line(
    enum log_format format, const struct run_report *report, char out_line[LINE_BYTES])
{
    const int fd = open_file();
    struct log *log = NULL;
    assert_null(log_new(fd, format, &log));
    run_report(log, report);
    log_free(log);
    const ssize_t size = pread(fd, out_line, LINE_BYTES - 1, 0);
    assert_true(size > 0);
    out_line[size] = '\0';
    (void)close(fd);
}

static void text_has_what_tells_something(void **state)
{
    (void)state;
    uint64_t allowed[CORDON_LIMIT_COUNT];
    for (size_t i = 0; i < CORDON_LIMIT_COUNT; i++) {
        allowed[i] = 1000000;
    }
    struct outcome outcome = {
        .code = CORDON_OUTCOME_SUCCESS,
        .kind = CORDON_QUERY,
        .wall_time_ns = 512000,
        .user_time_ns = 20000,
    };
    outcome.used[CORDON_LIMIT_FUEL] = 1234;
    outcome.used[CORDON_LIMIT_MEMORY_BYTES] = 65536;
    outcome.used[CORDON_LIMIT_DOCUMENTS_READ] = 3;
    outcome.used[CORDON_LIMIT_BYTES_READ] = 200;
    outcome.used[CORDON_LIMIT_HOST_BYTES] = 5000;
    outcome.used[CORDON_LIMIT_ARGS_BYTES] = 2;
    outcome.used[CORDON_LIMIT_RESULT_BYTES] = 17;
    const struct run_report report = {
        .outcome = &outcome,
        .allowed = allowed,
        .tenant = SLICE("default"),
        .path = SLICE("messages:list"),
        .request_id = SLICE("0123456789abcdef"),
    };
    char line[LINE_BYTES];
    write_line(LOG_TEXT, &report, line);
    assert_string_equal(
        line + TIME_BYTES,
        " INFO  function_execution path=messages:list type=query request_id=0123456789abcdef "
        "status=success execution_time_ms=0.512 user_execution_time_ms=0.020 fuel=1234 "
        "memory_bytes=65536 database_read_documents=3 database_read_bytes=200\n");

    /* Of another tenant, near two limits, and after a wait and a retry. */
    struct run_report other = report;
    other.tenant = SLICE("ada");
    outcome.used[CORDON_LIMIT_DOCUMENTS_READ] = 900000;
    outcome.used[CORDON_LIMIT_RESULT_BYTES] = 1000000;
    outcome.queued_time_ns = 1000000;
    outcome.user_time_ns = (uint64_t)900000 * 1000000;
    outcome.used[CORDON_LIMIT_USER_TIME_MS] = 900000;
    outcome.retries = 1;
    write_line(LOG_TEXT, &other, line);
    assert_string_equal(
        line + TIME_BYTES,
        " INFO  function_execution tenant=ada path=messages:list type=query "
        "request_id=0123456789abcdef status=success execution_time_ms=0.512 "
        "user_execution_time_ms=900000.000 queued_time_ms=1.000 user_execution_limit_ms=1000000 "
        "fuel=1234 memory_bytes=65536 database_read_documents=900000 "
        "database_read_documents_limit=1000000 database_read_bytes=200 result_bytes=1000000 "
        "result_bytes_limit=1000000 mutation_retry_count=1\n");
}

static void json_has_all(void **state)
{
    (void)state;
    struct outcome outcome = {.code = CORDON_OUTCOME_SUCCESS, .kind = CORDON_QUERY};
    const struct run_report report = {
        .outcome = &outcome, .tenant = SLICE("default"), .path = SLICE("a:b")};
    char line[LINE_BYTES];
    write_line(LOG_JSON, &report, line);
    static const char *const keys[] = {
        "tenant\":\"default\"", "queued_time_ms\":0.000", "fuel\":0",
        "index_ranges\":0",     "host_bytes\":0",         "args_bytes\":0",
        "result_bytes\":0",     "log_lines\":0",          "mutation_retry_count\":0",
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        assert_non_null(strstr(line, keys[i]));
    }
    assert_non_null(strstr(
        line, ",\"limits\":{\"user_time_ms\":0,\"system_time_ms\":0,\"fuel\":0,\"memory_bytes\":0,"
              "\"documents_read\":0,\"bytes_read\":0,\"documents_written\":0,\"bytes_written\":0,"
              "\"index_ranges\":0,\"host_bytes\":0,\"args_bytes\":0,\"result_bytes\":0,"
              "\"log_lines\":0}"));
}

/* The number of a line's member. */
static uint64_t number_of(const char *line, const char *key)
{
    char member[64];
    (void)snprintf(member, sizeof member, "\"%s\":", key);
    const char *at = strstr(line, member);
    assert_non_null(at);
    return strtoull(at + strlen(member), NULL, 10);
}

/* Each limit by its own name. */
static void json_has_limits_by_their_names(void **state)
{
    static const cordon_limit told[] = {
        CORDON_LIMIT_USER_TIME_MS,      CORDON_LIMIT_SYSTEM_TIME_MS, CORDON_LIMIT_FUEL,
        CORDON_LIMIT_MEMORY_BYTES,      CORDON_LIMIT_DOCUMENTS_READ, CORDON_LIMIT_BYTES_READ,
        CORDON_LIMIT_DOCUMENTS_WRITTEN, CORDON_LIMIT_BYTES_WRITTEN,  CORDON_LIMIT_INDEX_RANGES,
        CORDON_LIMIT_HOST_BYTES,        CORDON_LIMIT_ARGS_BYTES,     CORDON_LIMIT_RESULT_BYTES,
        CORDON_LIMIT_LOG_LINES,
    };
    (void)state;
    uint64_t allowed[CORDON_LIMIT_COUNT];
    for (size_t i = 0; i < CORDON_LIMIT_COUNT; i++) {
        allowed[i] = 1000 + i;
    }
    struct outcome outcome = {.code = CORDON_OUTCOME_SUCCESS, .kind = CORDON_QUERY};
    const struct run_report report = {
        .outcome = &outcome, .allowed = allowed, .tenant = SLICE("default"), .path = SLICE("a:b")};
    char line[LINE_BYTES];
    write_line(LOG_JSON, &report, line);
    const char *limits = strstr(line, "\"limits\":{");
    assert_non_null(limits);
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        assert_int_equal(number_of(limits, cordon_limit_get_info(told[i])->name), 1000 + told[i]);
    }
}

/* Limits of more kinds than have their text kept, one after the other and again. */
static void each_line_has_its_own_limits(void **state)
{
    (void)state;
    enum { KINDS = 40, LINES = 3 * KINDS };
    const int fd = open_file();
    struct log *log = NULL;
    assert_null(log_new(fd, LOG_JSON, &log));
    struct outcome outcome = {.code = CORDON_OUTCOME_SUCCESS, .kind = CORDON_QUERY};
    uint64_t allowed[CORDON_LIMIT_COUNT];
    struct run_report report = {
        .outcome = &outcome, .allowed = allowed, .tenant = SLICE("default"), .path = SLICE("a:b")};
    for (size_t i = 0; i < LINES; i++) {
        for (size_t limit = 0; limit < CORDON_LIMIT_COUNT; limit++) {
            allowed[limit] = 1000;
        }
        /* They differ in the first that is told, in one in between, and in the last. */
        allowed[CORDON_LIMIT_USER_TIME_MS] = i % KINDS % 4;
        allowed[CORDON_LIMIT_BYTES_READ] = i % KINDS / 4 % 4;
        allowed[CORDON_LIMIT_LOG_LINES] = i % KINDS / 16;
        outcome.used[CORDON_LIMIT_FUEL] = i;
        run_report(log, &report);
    }
    log_free(log);
    FILE *file = fdopen(fd, "r");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_SET), 0);
    for (size_t i = 0; i < LINES; i++) {
        char line[LINE_BYTES];
        assert_non_null(fgets(line, sizeof line, file));
        assert_int_equal(number_of(line, "fuel"), i);
        const char *limits = strstr(line, "\"limits\":{");
        assert_non_null(limits);
        assert_int_equal(number_of(limits, "user_time_ms"), i % KINDS % 4);
        assert_int_equal(number_of(limits, "bytes_read"), i % KINDS / 4 % 4);
        assert_int_equal(number_of(limits, "log_lines"), i % KINDS / 16);
        assert_int_equal(number_of(limits, "result_bytes"), 1000);
    }
    (void)fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_has_what_tells_something),
        cmocka_unit_test(json_has_all),
        cmocka_unit_test(json_has_limits_by_their_names),
        cmocka_unit_test(each_line_has_its_own_limits),
    };
    return cmocka_run_group_tests_name("run/report", tests, NULL, NULL);
}
