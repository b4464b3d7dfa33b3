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
#include <stdlib.h>
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
    memset(fixture, 0, sizeof *fixture);
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
        const char *number = strchr(line, '\n');
        while (number > line && number[-1] != ' ') {
            number--;
        }
        const struct slice name = slice_of(line, strcspn(line, "{ "));
        const bool is_part =
            name.size > 7 && (memcmp(name.data + name.size - 7, "_bucket", 7) == 0 ||
                              memcmp(name.data + name.size - 4, "_sum", 4) == 0);
        if (line[0] != '#' && !is_part && strtod(number, NULL) > 0) {
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
    enum run_rejection rejection;
};

static const struct metrics_case cases[] = {
    {"success", CORDON_OUTCOME_SUCCESS, 0, true, "success", NULL, RUN_NOT_REJECTED},
    {"failed", CORDON_OUTCOME_FAILED, 0, true, "developer_error", NULL, RUN_NOT_REJECTED},
    {"trapped", CORDON_OUTCOME_TRAPPED, 0, true, "developer_error", NULL, RUN_NOT_REJECTED},
    {"denied", CORDON_OUTCOME_CAPABILITY_DENIED, 0, true, "developer_error", NULL,
     RUN_NOT_REJECTED},
    {"not found", CORDON_OUTCOME_FUNCTION_NOT_FOUND, 0, false, "developer_error", NULL,
     RUN_NOT_REJECTED},
    {"user time", CORDON_OUTCOME_LIMIT, CORDON_LIMIT_USER_TIME_MS, true, "developer_error",
     "udf_user_timeout_total", RUN_NOT_REJECTED},
    {"system time", CORDON_OUTCOME_LIMIT, CORDON_LIMIT_SYSTEM_TIME_MS, true, "developer_error",
     "udf_system_timeout_total", RUN_NOT_REJECTED},
    {"memory", CORDON_OUTCOME_LIMIT, CORDON_LIMIT_MEMORY_BYTES, true, "developer_error",
     "isolate_out_of_memory_total", RUN_NOT_REJECTED},
    {"fuel", CORDON_OUTCOME_LIMIT, CORDON_LIMIT_FUEL, true, "developer_error",
     "udf_out_of_fuel_total", RUN_NOT_REJECTED},
    {"another limit", CORDON_OUTCOME_LIMIT, CORDON_LIMIT_LOG_LINES, true, "developer_error", NULL,
     RUN_NOT_REJECTED},
    {"cancelled", CORDON_OUTCOME_CANCELLED, 0, true, "canceled", "isolate_request_canceled_total",
     RUN_NOT_REJECTED},
    {"no memory", CORDON_OUTCOME_OVERLOADED, 0, false, "error", NULL, RUN_NOT_REJECTED},
    {"no slot", CORDON_OUTCOME_OVERLOADED, 0, false, "error", NULL, RUN_REJECTED_NO_SLOT},
    {"no turn", CORDON_OUTCOME_OVERLOADED, 0, false, "error",
     "application_function_runner_wait_timeout_total", RUN_REJECTED_NO_TURN},
    {"a congested queue", CORDON_OUTCOME_OVERLOADED, 0, false, "error",
     "application_function_runner_wait_timeout_total", RUN_REJECTED_EXPIRED},
    {"a full queue", CORDON_OUTCOME_OVERLOADED, 0, false, "error", "udf_execute_full_total",
     RUN_REJECTED_QUEUE_FULL},
    {"no memory on the way", CORDON_OUTCOME_OVERLOADED, 0, true, "error", NULL, RUN_NOT_REJECTED},
    {"disk full", CORDON_OUTCOME_DISK_FULL, 0, true, "error", NULL, RUN_NOT_REJECTED},
    {"conflict", CORDON_OUTCOME_CONFLICT, 0, true, "error", NULL, RUN_NOT_REJECTED},
    {"internal", CORDON_OUTCOME_INTERNAL, 0, true, "error", NULL, RUN_NOT_REJECTED},
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
    struct outcome outcome = {
        .code = one->code, .limit = one->limit, .kind = kind, .rejection = one->rejection};
    outcome.wall_time_ns = 30 * MS;
    outcome.user_time_ns = one->ran ? 4 * MS : 0;
    outcome.system_time_ns = one->ran ? 16 * MS : 0;
    outcome.queued_time_ns = one->ran ? 8 * MS : 0;
    outcome.used[CORDON_LIMIT_FUEL] = one->ran ? 77 : 0;
    outcome.used[CORDON_LIMIT_MEMORY_BYTES] = one->ran ? 65536 : 0;
    outcome.used[CORDON_LIMIT_ARGS_BYTES] = one->ran ? 20 : 0;
    run_metrics_count(&fixture.run, &outcome, one->ran ? 10 * MS : UINT64_MAX);

    char *text = text_of(&fixture);
    char by_status[96];
    char by_kind[48];
    char of_isolate[96];
    char result[96];
    const char *const kind_name = cordon_kind_name(kind);
    (void)snprintf(
        by_status, sizeof by_status, "{udf_type=\"%s\",env_type=\"isolate\",status=\"%s\"}",
        kind_name, one->status);
    (void)snprintf(by_kind, sizeof by_kind, "{udf_type=\"%s\"}", kind_name);
    (void)snprintf(
        of_isolate, sizeof of_isolate, "{udf_type=\"%s\",env_type=\"isolate\"}", kind_name);
    (void)snprintf(
        result, sizeof result, "{udf_type=\"%s\",result=\"%s\"}", kind_name, one->status);
    assert_series(text, "application_function_runner_total_seconds_count", by_status, "1");
    assert_series(text, "application_function_runner_total_seconds_sum", by_status, "0.030000000");
    assert_series(text, "udf_executor_result_total", result, "1");
    size_t moved = 2;
    if (kind == CORDON_MUTATION) {
        assert_series(text, "application_mutation_seconds_count", "", "1");
        moved++;
    }
    if (one->ran) {
        (void)snprintf(
            by_status, sizeof by_status, "{udf_type=\"%s\",status=\"%s\"}", kind_name, one->status);
        assert_series(text, "udf_execute_seconds_count", by_status, "1");
        assert_series(text, "udf_execute_seconds_sum", by_status, "0.020000000");
        assert_series(text, "user_function_execution_seconds_count", by_kind, "1");
        assert_series(text, "user_function_execution_seconds_sum", by_kind, "0.004000000");
        assert_series(text, "udf_queue_seconds_count", by_kind, "1");
        assert_series(text, "udf_queue_seconds_sum", by_kind, "0.008000000");
        assert_series(text, "udf_fuel_total", by_kind, "77");
        assert_series(
            text, "application_function_runner_wait_seconds_sum", of_isolate, "0.010000000");
        assert_series(
            text, "application_function_runner_run_seconds_sum", of_isolate, "0.020000000");
        assert_series(text, "udf_isolate_arguments_bytes_sum", "", "20");
        assert_series(text, "udf_memory_bytes_bucket", "{le=\"65536\"}", "1");
        assert_series(text, "udf_memory_bytes_bucket", "{le=\"32768\"}", "0");
        moved += 8;
    } else if (one->code == CORDON_OUTCOME_OVERLOADED) {
        static const char *const reasons[RUN_REJECTIONS] = {
            "no_memory", "no_slot", "queue_full", "no_turn", "expired"};
        (void)snprintf(result, sizeof result, "{reason=\"%s\"}", reasons[one->rejection]);
        assert_series(text, "udf_rejected_before_execution_total", result, "1");
        moved++;
    }
    if (one->code == CORDON_OUTCOME_SUCCESS) {
        assert_series(text, "udf_isolate_result_bytes_count", "", "1");
        moved++;
    }
    if (one->code == CORDON_OUTCOME_LIMIT) {
        (void)snprintf(
            result, sizeof result, "{limit=\"%s\"}", cordon_limit_get_info(one->limit)->name);
        assert_series(text, "udf_limit_total", result, "1");
        moved++;
    }
    if (one->counter != NULL) {
        const bool has_labels =
            one->rejection == RUN_REJECTED_NO_TURN || one->rejection == RUN_REJECTED_EXPIRED;
        assert_series(text, one->counter, has_labels ? of_isolate : "", "1");
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

/* The first tenants have series of their own, and all that come later share some. */
static void tenants_have_a_bounded_number_of_series(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    struct tenant_metrics_table *const table = &fixture.run.tenants;
    struct tenant_metrics *const first = tenant_metrics_of(table, 1);
    for (uint32_t tenant = 1; tenant <= 10000; tenant++) {
        struct tenant_metrics *const entry = tenant_metrics_of(table, tenant);
        assert_ptr_equal(entry, tenant_metrics_of(table, tenant));
        counter_add(entry->succeeded, 1);
    }
    assert_ptr_equal(first, tenant_metrics_of(table, 1));
    char *text = text_of(&fixture);
    assert_series(text, "tenant_run_total", "{tenant=\"default\",status=\"success\"}", "1");
    assert_series(text, "tenant_run_total", "{tenant=\"100\",status=\"success\"}", "1");
    assert_series(text, "tenant_run_total", "{tenant=\"other\",status=\"success\"}", "9900");
    assert_null(strstr(text, "tenant=\"101\""));
    mem_free(text);
    metrics_free(fixture.metrics);
}

/* A tenant that is removed gives its place back, and one with its name begins anew. */
static void places_of_removed_tenants_are_given_again(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    struct tenant_metrics_table *const table = &fixture.run.tenants;
    for (uint32_t tenant = 2; tenant <= 2000; tenant++) {
        struct tenant_metrics *const entry = tenant_metrics_of(table, tenant);
        assert_true(tenant_metrics_set_bytes(table, tenant, 7));
        assert_ptr_not_equal(entry, &table->entries[0]);
        assert_int_equal(counter_get(entry->succeeded), 0);
        counter_add(entry->succeeded, 1);
        tenant_metrics_forget(table, tenant);
        tenant_metrics_forget(table, tenant);
    }
    char *text = text_of(&fixture);
    assert_series(text, "tenant_run_total", "{tenant=\"default\",status=\"success\"}", "0");
    assert_series(text, "tenant_run_total", "{tenant=\"other\",status=\"success\"}", "0");
    assert_null(strstr(text, "tenant=\"2000\""));
    assert_null(strstr(text, "client_id=\"2000\""));
    mem_free(text);
    for (uint32_t tenant = 2001; tenant < 2001 + 99; tenant++) {
        assert_ptr_not_equal(tenant_metrics_of(table, tenant), &table->entries[0]);
    }
    assert_ptr_equal(tenant_metrics_of(table, 5000), &table->entries[0]);
    assert_false(tenant_metrics_set_bytes(table, 5000, 9));
    tenant_metrics_set_others_bytes(table, 9);
    tenant_metrics_forget(table, 2050);
    for (uint32_t tenant = 2001; tenant < 2001 + 99; tenant++) {
        assert_int_equal(
            tenant_metrics_of(table, tenant == 2050 ? 1 : tenant)->tenant,
            tenant == 2050 ? 1 : tenant);
    }
    assert_true(tenant_metrics_set_bytes(table, 5000, 9));
    text = text_of(&fixture);
    assert_series(text, "tenant_data_bytes", "{tenant=\"other\"}", "9");
    assert_series(text, "tenant_data_bytes", "{tenant=\"5000\"}", "9");
    mem_free(text);
    metrics_free(fixture.metrics);
}

/* Series that were made before memory was out are not left to nobody. */
static void without_memory_a_tenant_has_no_series(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    struct tenant_metrics_table *const table = &fixture.run.tenants;
    for (uint32_t round = 0; round < 3; round++) {
        uint64_t nth = 0;
        const struct tenant_metrics *entry = &table->entries[0];
        while (entry == &table->entries[0]) {
            (void)mem_fail_nth(++nth);
            entry = tenant_metrics_of(table, 7);
            (void)mem_fail_nth(0);
            char *text = text_of(&fixture);
            assert_true((strstr(text, "\"7\"") == NULL) == (entry == &table->entries[0]));
            mem_free(text);
        }
        assert_true(nth > 10);
        tenant_metrics_forget(table, 7);
        char *text = text_of(&fixture);
        assert_null(strstr(text, "\"7\""));
        mem_free(text);
    }
    metrics_free(fixture.metrics);
}

/* While runs of the one that is removed last, the one with its name shares their numbers. */
static char shared_name[] = "acme";
static void name_alike(void *arg, uint32_t tenant, char out_name[TENANT_LABEL_BYTES])
{
    (void)arg;
    (void)tenant;
    (void)snprintf(out_name, TENANT_LABEL_BYTES, "%s", shared_name);
}

static void a_name_can_be_given_again_before_its_last_run_has_ended(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    struct tenant_metrics_table *const table = &fixture.run.tenants;
    table->namer = name_alike;
    struct tenant_metrics *const old = tenant_metrics_of(table, 7);
    struct tenant_metrics *const new = tenant_metrics_of(table, 8);
    counter_add(old->fuel, 5);
    tenant_metrics_forget(table, 7);
    counter_add(new->fuel, 3);
    char *text = text_of(&fixture);
    assert_series(text, "tenant_fuel_total", "{tenant=\"acme\"}", "8");
    mem_free(text);
    tenant_metrics_forget(table, 8);
    text = text_of(&fixture);
    assert_null(strstr(text, "acme"));
    mem_free(text);
    metrics_free(fixture.metrics);
}

static void name_oddly(void *arg, uint32_t tenant, char out_name[TENANT_LABEL_BYTES])
{
    (void)arg;
    (void)snprintf(out_name, TENANT_LABEL_BYTES, "a\"\\\n%u", tenant);
}

static void names_of_tenants_stay_inside_their_label(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.run.tenants.namer = name_oddly;
    counter_add(tenant_metrics_of(&fixture.run.tenants, 7)->fuel, 5);
    char *text = text_of(&fixture);
    assert_series(text, "tenant_fuel_total", "{tenant=\"a\\\"\\\\_7\"}", "5");
    mem_free(text);
    metrics_free(fixture.metrics);
}

/* The line of an outcome, without its time. */
static void read_line(const struct outcome *outcome, struct slice path, char *line, size_t size_max)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct log *log = NULL;
    assert_null(log_new(ends[1], LOG_JSON, &log));
    static const uint64_t allowed[CORDON_LIMIT_COUNT] = {
        [CORDON_LIMIT_USER_TIME_MS] = 30000,
        [CORDON_LIMIT_SYSTEM_TIME_MS] = 15000,
        [CORDON_LIMIT_FUEL] = 1000,
        [CORDON_LIMIT_MEMORY_BYTES] = 131072,
        [CORDON_LIMIT_DOCUMENTS_READ] = 30,
        [CORDON_LIMIT_BYTES_READ] = 3000,
        [CORDON_LIMIT_DOCUMENTS_WRITTEN] = 10,
        [CORDON_LIMIT_BYTES_WRITTEN] = 1000,
        [CORDON_LIMIT_INDEX_RANGES] = 20,
        [CORDON_LIMIT_HOST_BYTES] = 50000,
        [CORDON_LIMIT_ARGS_BYTES] = 60,
        [CORDON_LIMIT_RESULT_BYTES] = 70,
        [CORDON_LIMIT_LOG_LINES] = 80,
    };
    const struct run_report report = {
        .outcome = outcome,
        .allowed = allowed,
        .tenant = SLICE("default"),
        .path = path,
        .request_id = SLICE("0123456789abcdef"),
        .traceparent = SLICE("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    };
    run_report(log, &report);
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

/* What read_line() allows. */
#define LIMITS                                                                                     \
    "\"limits\":{\"user_time_ms\":30000,\"system_time_ms\":15000,\"fuel\":1000,"                   \
    "\"memory_bytes\":131072,\"documents_read\":30,\"bytes_read\":3000,"                           \
    "\"documents_written\":10,\"bytes_written\":1000,\"index_ranges\":20,\"host_bytes\":50000,"    \
    "\"args_bytes\":60,\"result_bytes\":70,\"log_lines\":80}"

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
    outcome.used[CORDON_LIMIT_INDEX_RANGES] = 2;
    outcome.used[CORDON_LIMIT_HOST_BYTES] = 5000;
    outcome.used[CORDON_LIMIT_ARGS_BYTES] = 6;
    outcome.used[CORDON_LIMIT_RESULT_BYTES] = 7;
    outcome.used[CORDON_LIMIT_LOG_LINES] = 8;
    char line[2048];
    read_line(&outcome, SLICE("a:b"), line, sizeof line);
    assert_string_equal(
        line, "\"level\":\"info\",\"event\":\"function_execution\",\"tenant\":\"default\","
              "\"path\":\"a:b\",\"type\":\"mutation\",\"request_id\":\"0123456789abcdef\","
              "\"traceparent\":\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\","
              "\"status\":\"success\",\"execution_time_ms\":30.000,"
              "\"user_execution_time_ms\":4.005,\"system_execution_time_ms\":16.000,"
              "\"queued_time_ms\":12.500,\"fuel\":77,\"memory_bytes\":65536,"
              "\"database_read_documents\":3,\"database_read_bytes\":300,"
              "\"database_write_documents\":1,\"database_write_bytes\":100,"
              "\"index_ranges\":2,\"host_bytes\":5000,"
              "\"args_bytes\":6,\"result_bytes\":7,\"log_lines\":8,"
              "\"mutation_retry_count\":2," LIMITS "}\n");

    outcome = (struct outcome){
        .code = CORDON_OUTCOME_LIMIT,
        .limit = CORDON_LIMIT_FUEL,
        .message = SLICE("so much\n\x1b"),
    };
    read_line(&outcome, SLICE("a:b"), line, sizeof line);
    assert_memory_equal(line, "\"level\":\"warn\",", 15);
    assert_non_null(strstr(line, "\"status\":\"failure\","));
    assert_non_null(strstr(
        line, "\"mutation_retry_count\":0," LIMITS ",\"code\":\"OutOfFuel\","
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
        {"run/metrics/tenants_have_a_bounded_number_of_series",
         tenants_have_a_bounded_number_of_series, NULL, NULL, NULL},
        {"run/metrics/places_of_removed_tenants_are_given_again",
         places_of_removed_tenants_are_given_again, NULL, NULL, NULL},
        {"run/metrics/without_memory_a_tenant_has_no_series", without_memory_a_tenant_has_no_series,
         NULL, NULL, NULL},
        {"run/metrics/a_name_can_be_given_again_before_its_last_run_has_ended",
         a_name_can_be_given_again_before_its_last_run_has_ended, NULL, NULL, NULL},
        {"run/metrics/names_of_tenants_stay_inside_their_label",
         names_of_tenants_stay_inside_their_label, NULL, NULL, NULL},
        {"run/report/the_line_of_a_run", the_line_of_a_run, NULL, NULL, NULL},
        {"run/report/a_long_stack_is_cut", a_long_stack_is_cut, NULL, NULL, NULL},
    };
    return cmocka_run_group_tests_name("run/metrics", tests, NULL, NULL);
}
