/*
 * What `left` tells a guest, over the real host: each limit falls by just what was spent of it, all
 * others stand still, and what it says at last is what the usage of the run says.
 */
#include "run/harness.h"

#include "value/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The two replies in the value of a function of left.wat. */
struct told {
    struct json_doc *doc;
    const struct json_node *before;
    const struct json_node *after;
};

static struct told read_told(const struct outcome *outcome)
{
    if (outcome->code != CORDON_OUTCOME_SUCCESS) {
        fail_msg("%s: %.*s", outcome_code_name(outcome), SLICE_FMT(outcome->message));
    }
    const struct json_limits limits = {.bytes_max = (size_t)1 << 20, .depth_max = 8};
    struct told told = {0};
    assert_good(json_parse(outcome->value, &limits, &told.doc));
    assert_int_equal(json_count(json_root(told.doc)), 2);
    told.before = json_at(json_root(told.doc), 0);
    told.after = json_at(json_root(told.doc), 1);
    return told;
}

static uint64_t left_of(const struct json_node *reply, cordon_limit limit)
{
    const char *name = cordon_limit_get_info(limit)->name;
    uint64_t left = 0;
    if (!json_u64(json_get(reply, slice_str(name)), &left)) {
        fail_msg("`left` does not tell %s", name);
    }
    return left;
}

static bool is_told(cordon_limit limit, cordon_kind kind)
{
    return cordon_limit_get_info(limit)->scope == CORDON_SCOPE_RUN &&
           (!limit_is_time(limit) || kind == CORDON_ACTION);
}

/* What is counted as it is used, so that the usage is what is missing. */
static bool is_counted(cordon_limit limit)
{
    switch (limit) {
    case CORDON_LIMIT_MEMORY_BYTES:
    case CORDON_LIMIT_TABLE_ELEMENTS:
    case CORDON_LIMIT_CALL_DEPTH:
    case CORDON_LIMIT_ARGS_BYTES:
    case CORDON_LIMIT_LOG_LINES:
    case CORDON_LIMIT_DOCUMENTS_READ:
    case CORDON_LIMIT_BYTES_READ:
    case CORDON_LIMIT_INDEX_RANGES:
    case CORDON_LIMIT_DOCUMENTS_WRITTEN:
    case CORDON_LIMIT_BYTES_WRITTEN:
        return true;
    case CORDON_LIMIT_USER_TIME_MS:
    case CORDON_LIMIT_SYSTEM_TIME_MS:
    case CORDON_LIMIT_FUEL:
    case CORDON_LIMIT_HOST_BYTES:   /* given back; the usage is the most that was held */
    case CORDON_LIMIT_RESULT_BYTES: /* the value itself is written after the last reply */
    case CORDON_LIMIT_LOG_LINE_BYTES:
    case CORDON_LIMIT_STACK_BYTES:
    case CORDON_LIMIT_DOCUMENT_BYTES:
    case CORDON_LIMIT_ERROR_BYTES:
    case CORDON_LIMIT_MODULE_BYTES:
    case CORDON_LIMIT_COMPILE_TIME_MS:
    case CORDON_LIMIT_COMPILE_BYTES:
    case CORDON_LIMIT_TENANT_BYTES:
    case CORDON_LIMIT_AUDIT_BYTES:
        return false;
    }
    return false;
}

static uint64_t allowed(const struct outcome *outcome, cordon_limit limit)
{
    return cordon_limit_get_info(limit)->defaults[outcome->kind];
}

static void check_usage(const struct outcome *outcome, const struct told *told, const char *path)
{
    for (size_t i = 0; i < CORDON_LIMIT_COUNT; i++) {
        const cordon_limit limit = (cordon_limit)i;
        if (is_counted(limit) &&
            left_of(told->after, limit) != allowed(outcome, limit) - outcome->used[limit]) {
            fail_msg(
                "%s: of %s %llu were used and %llu are left", path,
                cordon_limit_get_info(limit)->name, (unsigned long long)outcome->used[limit],
                (unsigned long long)left_of(told->after, limit));
        }
    }
    const uint64_t fuel = allowed(outcome, CORDON_LIMIT_FUEL) - outcome->used[CORDON_LIMIT_FUEL];
    assert_in_range(left_of(told->after, CORDON_LIMIT_FUEL), fuel, fuel + 20000);
    const uint64_t held =
        allowed(outcome, CORDON_LIMIT_HOST_BYTES) - left_of(told->after, CORDON_LIMIT_HOST_BYTES);
    assert_true(held > 0 && held <= outcome->used[CORDON_LIMIT_HOST_BYTES]);
}

/* At most two limits fall, by an amount in a range; of fuel and host bytes any call takes some. */
struct spent {
    cordon_limit limit;
    uint64_t least;
    uint64_t most;
};

#define JUST(amount) (amount), (amount)

static const struct {
    const char *path;
    struct spent spent[3];
} spendings[] = {
    {"left:nothing", {{0}}},
    {"left:nothing_mutation", {{0}}},
    {"left:fuel", {{CORDON_LIMIT_FUEL, 300000, 1000000}}},
    {"left:looks", {{CORDON_LIMIT_FUEL, 20 * 640000, 20 * 641000}}},
    {"left:memory", {{CORDON_LIMIT_MEMORY_BYTES, JUST(3 * 65536)}}},
    {"left:table", {{CORDON_LIMIT_TABLE_ELEMENTS, JUST(7)}}},
    {"left:logs", {{CORDON_LIMIT_LOG_LINES, JUST(3)}}},
    {"left:output",
     {{CORDON_LIMIT_RESULT_BYTES, JUST(100000)}, {CORDON_LIMIT_HOST_BYTES, 100000, 140000}}},
    {"left:refused_log", {{CORDON_LIMIT_HOST_BYTES, 0, 4096}}},
    /* {"_creationTime":…,"_id":"…","n":1} is 2 + 13+1+9 + 3+1+2+id + 1+1+9. */
    {"left:insert",
     {{CORDON_LIMIT_DOCUMENTS_WRITTEN, JUST(2)},
      {CORDON_LIMIT_BYTES_WRITTEN, 2 * (42 + 31), 2 * (42 + 37)},
      {CORDON_LIMIT_HOST_BYTES, 1000, 10000}}},
    {"left:read",
     {{CORDON_LIMIT_INDEX_RANGES, JUST(1)},
      {CORDON_LIMIT_DOCUMENTS_READ, JUST(2)},
      {CORDON_LIMIT_BYTES_READ, 2 * (42 + 31), 2 * (42 + 37)}}},
    {"left:get", {{CORDON_LIMIT_INDEX_RANGES, JUST(2)}}},
};

static const struct spent *find_spent(size_t row, cordon_limit limit)
{
    for (size_t i = 0; i < 3; i++) {
        const struct spent *spent = &spendings[row].spent[i];
        if (spent->most > 0 && spent->limit == limit) {
            return spent;
        }
    }
    return NULL;
}

static void check_spent(size_t row, cordon_limit limit, const struct told *told)
{
    const uint64_t before = left_of(told->before, limit);
    const uint64_t after = left_of(told->after, limit);
    const struct spent *spent = find_spent(row, limit);
    if (spent == NULL && (limit == CORDON_LIMIT_FUEL || limit == CORDON_LIMIT_HOST_BYTES)) {
        assert_true(limit == CORDON_LIMIT_FUEL ? after < before : after <= before);
        return;
    }
    const uint64_t least = spent == NULL ? 0 : spent->least;
    const uint64_t most = spent == NULL ? 0 : spent->most;
    if (after > before || before - after < least || before - after > most) {
        fail_msg(
            "%s: of %s %llu were left, then %llu", spendings[row].path,
            cordon_limit_get_info(limit)->name, (unsigned long long)before,
            (unsigned long long)after);
    }
}

static void what_is_spent_is_no_longer_left(void **state)
{
    (void)state;
    struct harness harness;
    const struct harness_options options = {.guests = {"left"}};
    harness_open(&harness, &options);
    for (size_t row = 0; row < sizeof spendings / sizeof spendings[0]; row++) {
        struct called called;
        const struct outcome *outcome = call(&called, &harness, spendings[row].path, "{}");
        const struct told told = read_told(outcome);
        for (size_t i = 0; i < CORDON_LIMIT_COUNT; i++) {
            if (is_told((cordon_limit)i, outcome->kind)) {
                check_spent(row, (cordon_limit)i, &told);
            }
        }
        check_usage(outcome, &told, spendings[row].path);
        json_free(told.doc);
        called_end(&called);
    }
    harness_close(&harness);
}

/* Each limit of a run, and time where it is real. */
static void the_reply_names_what_can_run_out(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "left:nothing", "left:nothing_mutation", "left:nothing_action"};
    struct harness harness;
    const struct harness_options options = {.guests = {"left"}};
    harness_open(&harness, &options);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct called called;
        const struct outcome *outcome = call(&called, &harness, paths[i], "{}");
        const struct told told = read_told(outcome);
        size_t expected = 0;
        for (size_t limit = 0; limit < CORDON_LIMIT_COUNT; limit++) {
            if (is_told((cordon_limit)limit, outcome->kind)) {
                assert_true(
                    left_of(told.before, (cordon_limit)limit) <=
                    allowed(outcome, (cordon_limit)limit));
                expected++;
            }
        }
        assert_int_equal(json_count(told.before), expected);
        assert_int_equal(json_count(told.after), expected);
        json_free(told.doc);
        called_end(&called);
    }
    harness_close(&harness);
}

/* Limits of its own are what it is told of. */
static void lowered_limits_are_told(void **state)
{
    (void)state;
    struct harness harness;
    const struct harness_options options = {.guests = {"left"}};
    harness_open(&harness, &options);
    struct limit_changes lower = {0};
    change(&lower, CORDON_LIMIT_TABLE_ELEMENTS, 12);
    change(&lower, CORDON_LIMIT_HOST_BYTES, 50000);
    change(&lower, CORDON_LIMIT_USER_TIME_MS, 60000);
    struct run_request request = request_of("left:fuel_action", "{}");
    request.lower = &lower;
    struct called called;
    called_begin(&called, &harness, &request);
    const struct told told = read_told(called_finish(&called));
    assert_int_equal(left_of(told.after, CORDON_LIMIT_TABLE_ELEMENTS), 7);
    assert_in_range(left_of(told.after, CORDON_LIMIT_HOST_BYTES), 30000, 49999);
    assert_in_range(left_of(told.after, CORDON_LIMIT_USER_TIME_MS), 1, 60000);
    assert_true(
        left_of(told.after, CORDON_LIMIT_USER_TIME_MS) <=
        left_of(told.before, CORDON_LIMIT_USER_TIME_MS));
    json_free(told.doc);
    called_end(&called);
    harness_close(&harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_spent_is_no_longer_left),
        cmocka_unit_test(the_reply_names_what_can_run_out),
        cmocka_unit_test(lowered_limits_are_told),
    };
    return cmocka_run_group_tests_name("run/left", tests, NULL, NULL);
}
