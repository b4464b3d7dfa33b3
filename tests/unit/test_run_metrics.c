/*
 * What a finished run adds to the metrics, by what came of it; and the line of the log that tells
 * of it.
 */
#include "run/report.h"
#include "run/run_metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"

#define MS ((uint64_t)1000000)

struct fixture {
    struct metrics *metrics;
    struct run_metrics run;
};

static void fixture_init(struct fixture *fixture)
{
    assert_null(metrics_new(&fixture->metrics));
    assert_null(run_metrics_init(&fixture->run, fixture->metrics));
}

static char *text_of(const struct fixture *fixture)
{
    struct buffer out;
    buffer_init(&out, SIZE_MAX / 2);
    assert_null(metrics_write(fixture->metrics, &out));
    char *text = mem_copy_string(buffer_slice(&out));
    buffer_done(&out);
    return text;
}

/* How many series other than zero there are, buckets and sums of histograms aside. */
static size_t count_moved(const char *text)
{
    size_t count = 0;
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        const char *const end = strchr(line, '\n');
        const struct slice name = slice_of(line, strcspn(line, "{ "));
        const bool is_part =
            name.size > 7 && (memcmp(name.data + name.size - 7, "_bucket", 7) == 0 ||
                              memcmp(name.data + name.size - 4, "_sum", 4) == 0);
        if (line[0] != '#' && !is_part && !(end[-1] == '0' && end[-2] == ' ')) {
            count++;
        }
    }
    return count;
}

struct metrics_case {
    const char *name;
    cordon_outcome_code code;
    cordon_limit limit; /* of CORDON_OUTCOME_LIMIT */
    bool ran;
    const char *status;
    const char *counter; /* moved beside the histograms and fuel; NULL: none */
};

static const struct metrics_case cases[] = {
    {"success", CORDON_OUTCOME_SUCCESS, 0, true, "success", NULL},
    {"failed", CORDON_OUTCOME_FAILED, 0, true, "developer_error", NULL},
    {"trapped", CORDON_OUTCOME_TRAPPED, 0, true, "developer_error", NULL},
    {"denied", CORDON_OUTCOME_CAPABILITY_DENIED, 0, true, "developer_error", NULL},
    {"not found", CORDON_OUTCOME_FUNCTION_NOT_FOUND, 0, false, "developer_error", NULL},
    {"user time", CORDON_OUTCOME_LIMIT, CORDON_LIMIT_USER_TIME_MS, true, "developer_error",
     "udf_user_timeout_total"},
    {"system time", CORDON_OUTCOME_LIMIT, CORDON_LIMIT_SYSTEM_TIME_MS, true, "developer_error",
     "udf_system_timeout_total"},
    {"memory", CORDON_OUTCOME_LIMIT, CORDON_LIMIT_MEMORY_BYTES, true, "developer_error",
     "isolate_out_of_memory_total"},
    {"fuel", CORDON_OUTCOME_LIMIT, CORDON_LIMIT_FUEL, true, "developer_error",
     "udf_out_of_fuel_total"},
    {"another limit", CORDON_OUTCOME_LIMIT, CORDON_LIMIT_LOG_LINES, true, "developer_error", NULL},
    {"cancelled", CORDON_OUTCOME_CANCELLED, 0, true, "canceled", "isolate_request_canceled_total"},
    {"turned away", CORDON_OUTCOME_OVERLOADED, 0, false, "error",
     "udf_rejected_before_execution_total"},
    {"no memory on the way", CORDON_OUTCOME_OVERLOADED, 0, true, "error", NULL},
    {"disk full", CORDON_OUTCOME_DISK_FULL, 0, true, "error", NULL},
    {"conflict", CORDON_OUTCOME_CONFLICT, 0, true, "error", NULL},
    {"internal", CORDON_OUTCOME_INTERNAL, 0, true, "error", NULL},
};

static void assert_series(const char *text, const char *name, const char *labels, const char *value)
{
    char line[160];
    (void)snprintf(line, sizeof line, "\n%s%s %s\n", name, labels, value);
    if (strstr(text, line) == NULL) {
        fail_msg("no line %s in:\n%s", line, text);
    }
}

static void check_case(const struct metrics_case *one, cordon_kind kind)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct outcome outcome = {.code = one->code, .limit = one->limit, .kind = kind};
    outcome.wall_time_ns = 30 * MS;
    outcome.user_time_ns = one->ran ? 4 * MS : 0;
    outcome.system_time_ns = one->ran ? 16 * MS : 0;
    outcome.queued_time_ns = one->ran ? 8 * MS : 0;
    outcome.used[CORDON_LIMIT_FUEL] = one->ran ? 77 : 0;
    run_metrics_count(&fixture.run, &outcome);

    char *text = text_of(&fixture);
    char by_status[96];
    char by_kind[48];
    (void)snprintf(
        by_status, sizeof by_status, "{udf_type=\"%s\",status=\"%s\"}", cordon_kind_name(kind),
        one->status);
    (void)snprintf(by_kind, sizeof by_kind, "{udf_type=\"%s\"}", cordon_kind_name(kind));
    assert_series(text, "application_function_runner_total_seconds_count", by_status, "1");
    assert_series(text, "application_function_runner_total_seconds_sum", by_status, "0.030000000");
    size_t moved = 1;
    if (one->ran) {
        assert_series(text, "udf_execute_seconds_count", by_status, "1");
        assert_series(text, "udf_execute_seconds_sum", by_status, "0.020000000");
        assert_series(text, "user_function_execution_seconds_count", by_kind, "1");
        assert_series(text, "user_function_execution_seconds_sum", by_kind, "0.004000000");
        assert_series(text, "udf_queue_seconds_count", by_kind, "1");
        assert_series(text, "udf_queue_seconds_sum", by_kind, "0.008000000");
        assert_series(text, "udf_fuel_total", by_kind, "77");
        moved += 4;
    }
    if (one->counter != NULL) {
        assert_series(text, one->counter, "", "1");
        moved++;
    }
    if (count_moved(text) != moved) {
        fail_msg("%s: not %zu series have moved:\n%s", one->name, moved, text);
    }
    mem_free(text);
    metrics_free(fixture.metrics);
}

static void each_outcome_is_counted_where_it_belongs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int kind = 0; kind < KIND_COUNT; kind++) {
            check_case(&cases[i], (cordon_kind)kind);
        }
    }
}

/* The line of an outcome, without its time. */
static void read_line(const struct outcome *outcome, struct slice path, char *line, size_t size_max)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct log *log = NULL;
    assert_null(log_new(ends[1], LOG_JSON, &log));
    run_report(log, outcome, path, SLICE("0123456789abcdef"));
    log_free(log);
    (void)close(ends[1]);
    const ssize_t size = read(ends[0], line, size_max - 1);
    assert_true(size > 0);
    line[size] = '\0';
    (void)close(ends[0]);
    const char *const rest = strstr(line, "\"level\"");
    assert_non_null(rest);
    memmove(line, rest, strlen(rest) + 1);
}

/* Of a deep stack the frames that have room are there, each whole. */
static void a_long_stack_is_cut(void **state)
{
    (void)state;
    static char name[100];
    memset(name, 'n', sizeof name);
    struct outcome_frame frames[64];
    for (size_t i = 0; i < 64; i++) {
        frames[i] = (struct outcome_frame){.function = slice_of(name, sizeof name)};
    }
    struct outcome outcome = {.code = CORDON_OUTCOME_TRAPPED, .frames = frames, .frame_count = 64};
    static char line[8192];
    read_line(&outcome, SLICE("a:b"), line, sizeof line);
    const char *stack = strstr(line, "\"stack\":\"");
    assert_non_null(stack);
    size_t count = 0;
    for (const char *at = stack; (at = strstr(at, "at n")) != NULL; at += 4) {
        assert_int_equal(strspn(at + 3, "n"), sizeof name);
        count++;
    }
    assert_int_equal(count, (4096 + 1) / (3 + sizeof name + 1));
}

static void the_line_of_a_run(void **state)
{
    (void)state;
    struct outcome outcome = {.code = CORDON_OUTCOME_SUCCESS, .kind = CORDON_MUTATION};
    outcome.wall_time_ns = 30 * MS;
    outcome.user_time_ns = 4 * MS + 5000;
    outcome.system_time_ns = 16 * MS;
    outcome.queued_time_ns = 12 * MS + MS / 2;
    outcome.retries = 2;
    outcome.used[CORDON_LIMIT_FUEL] = 77;
    outcome.used[CORDON_LIMIT_MEMORY_BYTES] = 65536;
    outcome.used[CORDON_LIMIT_DOCUMENTS_READ] = 3;
    outcome.used[CORDON_LIMIT_BYTES_READ] = 300;
    outcome.used[CORDON_LIMIT_DOCUMENTS_WRITTEN] = 1;
    outcome.used[CORDON_LIMIT_BYTES_WRITTEN] = 100;
    char line[1024];
    read_line(&outcome, SLICE("a:b"), line, sizeof line);
    assert_string_equal(
        line, "\"level\":\"info\",\"event\":\"function_execution\",\"path\":\"a:b\","
              "\"type\":\"mutation\",\"request_id\":\"0123456789abcdef\",\"status\":\"success\","
              "\"execution_time_ms\":30.000,\"user_execution_time_ms\":4.005,"
              "\"system_execution_time_ms\":16.000,\"queued_time_ms\":12.500,\"fuel\":77,\"memory_"
              "bytes\":65536,"
              "\"database_read_documents\":3,\"database_read_bytes\":300,"
              "\"database_write_documents\":1,\"database_write_bytes\":100,"
              "\"mutation_retry_count\":2}\n");

    outcome = (struct outcome){
        .code = CORDON_OUTCOME_LIMIT,
        .limit = CORDON_LIMIT_FUEL,
        .message = SLICE("so much\n\x1b"),
    };
    read_line(&outcome, SLICE("a:b"), line, sizeof line);
    assert_memory_equal(line, "\"level\":\"warn\",", 15);
    assert_non_null(strstr(line, "\"status\":\"failure\","));
    assert_non_null(strstr(
        line, "\"mutation_retry_count\":0,\"code\":\"OutOfFuel\","
              "\"error_message\":\"so much\\n\\u001b\"}\n"));

    struct outcome_frame frames[64];
    for (size_t i = 0; i < 64; i++) {
        frames[i] =
            (struct outcome_frame){.function = SLICE("outer"), .file = SLICE("a.c"), .line = 9};
    }
    frames[0] = (struct outcome_frame){.function = SLICE("inner")};
    outcome.frames = frames;
    outcome.frame_count = 2;
    read_line(&outcome, SLICE("a:b"), line, sizeof line);
    assert_non_null(strstr(line, ",\"stack\":\"at inner\\nat outer (a.c:9)\"}\n"));

    outcome.code = CORDON_OUTCOME_INTERNAL;
    outcome.frame_count = 0;
    read_line(&outcome, SLICE("a:b"), line, sizeof line);
    assert_memory_equal(line, "\"level\":\"error\",", 16);

    char path[400];
    memset(path, 'p', sizeof path);
    read_line(&outcome, slice_of(path, sizeof path), line, sizeof line);
    const char *const shown = strstr(line, "\"path\":\"ppp");
    assert_non_null(shown);
    assert_int_equal(strspn(shown + 8, "p"), 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"run/metrics/each_outcome_is_counted_where_it_belongs",
         each_outcome_is_counted_where_it_belongs, NULL, NULL, NULL},
        {"run/report/the_line_of_a_run", the_line_of_a_run, NULL, NULL, NULL},
        {"run/report/a_long_stack_is_cut", a_long_stack_is_cut, NULL, NULL, NULL},
    };
    return cmocka_run_group_tests_name("run/metrics", tests, NULL, NULL);
}
