/*
 * Results that are kept under idempotency keys: they go when they are old, and not before, count
 * into what their tenant may have, and give that room back. Nobody waits for the clock: a pass is
 * told what time it is.
 */
#include "base/clock.h"
#include "run/await.h"
#include "run/harness.h"
#include "run/session/session.h"
#include "run/session/session_expiry.h"
#include "run/tenant/tenant.h"
#include "run/tenant/tenant_quota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { TENANT = 1, MANY = 300 };

#define HOUR_NS ((uint64_t)3600 * 1000000000)

static const struct harness_options options = {.guests = {"counter", "basic"}};

static struct tenant *usual(struct harness *harness)
{
    return tenants_find(runner_tenants(harness->runner), TENANT);
}

static void expire(struct harness *harness, uint64_t now_ns)
{
    const atomic_bool stops = false;
    assert_good(session_expiry_run(usual(harness), now_ns, &stops));
}

/* Calls counter:add with a key; the count is how often it has run. */
static void assert_adds(struct harness *harness, const char *key, const char *value)
{
    struct run_request request = request_of("counter:add", "{}");
    request.idempotency_key = slice_str(key);
    struct called called;
    called_begin(&called, harness, &request);
    const struct outcome *outcome = called_finish(&called);
    assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
    if (!slice_equal(outcome->value, slice_str(value))) {
        fail_msg("%s: %.*s, not %s", key, SLICE_FMT(outcome->value), value);
    }
    called_end(&called);
}

/* -- Rows ----------------------------------------------------------------------------------- */

static cordon_error *count_rows(struct rows *rows, enum store_keyspace keyspace, size_t *out_count)
{
    uint8_t edge[64];
    size_t edge_bytes = 0;
    for (*out_count = 0;; (*out_count)++) {
        enum store_step step = STORE_DONE;
        bool found = false;
        struct slice key = {0};
        struct slice value = {0};
        AWAIT(
            rows, step,
            store_row_next(
                rows->txn, keyspace, slice_of(edge, edge_bytes), edge_bytes > 0, &step, &found,
                &key, &value));
        if (!found) {
            return NULL;
        }
        assert_true(key.size <= sizeof edge);
        memcpy(edge, key.data, key.size);
        edge_bytes = key.size;
    }
}

static size_t rows_of(struct harness *harness, enum store_keyspace keyspace)
{
    struct rows rows;
    size_t count = 0;
    assert_good(rows_begin(harness->store, TENANT, &rows));
    assert_good(count_rows(&rows, keyspace, &count));
    rows_end(&rows);
    return count;
}

static void put_row(
    struct harness *harness, enum store_keyspace keyspace, struct slice key, struct slice value)
{
    const struct store_commit_facts facts = {.quota = NULL};
    struct rows rows;
    bool conflict = false;
    assert_good(rows_begin(harness->store, TENANT, &rows));
    assert_good(store_row_put(rows.txn, keyspace, key, value));
    assert_good(rows_commit(&rows, &facts, &conflict));
    assert_false(conflict);
    rows_end(&rows);
}

/* -- Time ----------------------------------------------------------------------------------- */

static void a_key_is_good_for_14_days(void **state)
{
    (void)state;
    struct harness harness;
    harness_open(&harness, &options);
    const uint64_t before = clock_wall_ns();
    assert_adds(&harness, "a", "1");
    const uint64_t after = clock_wall_ns();
    expire(&harness, before + SESSION_KEPT_NS - HOUR_NS);
    assert_adds(&harness, "a", "1");
    expire(&harness, before + SESSION_KEPT_NS - 1);
    assert_adds(&harness, "a", "1");
    assert_int_equal(rows_of(&harness, KEYSPACE_SESSION), 1);
    expire(&harness, after + SESSION_KEPT_NS);
    assert_int_equal(rows_of(&harness, KEYSPACE_SESSION), 0);
    assert_int_equal(rows_of(&harness, KEYSPACE_SCHEDULE), 1); /* that all have a time */
    assert_adds(&harness, "a", "2");
    assert_adds(&harness, "a", "2");
    harness_close(&harness);
}

static void a_pass_without_work_commits_nothing(void **state)
{
    (void)state;
    struct harness harness;
    harness_open(&harness, &options);
    const uint64_t empty = store_visible_ts(harness.store);
    expire(&harness, UINT64_MAX);
    assert_int_equal(store_visible_ts(harness.store), empty);
    assert_adds(&harness, "a", "1");
    expire(&harness, clock_wall_ns()); /* it notes that all have a time */
    const uint64_t noted = store_visible_ts(harness.store);
    expire(&harness, clock_wall_ns());
    assert_int_equal(store_visible_ts(harness.store), noted);
    harness_close(&harness);
}

/* More than one commit takes, and some that are not due behind them. */
static void many_go_in_parts(void **state)
{
    (void)state;
    struct harness harness;
    harness_open(&harness, &options);
    char key[32];
    char value[32];
    for (int i = 1; i <= MANY; i++) {
        (void)snprintf(key, sizeof key, "key %d", i);
        (void)snprintf(value, sizeof value, "%d", i);
        assert_adds(&harness, key, value);
    }
    const uint64_t middle = clock_wall_ns();
    assert_adds(&harness, "late", "301");
    atomic_bool stops = true;
    const uint64_t now_ns = middle + SESSION_KEPT_NS;
    expire(&harness, middle); /* all have a time */
    assert_good(session_expiry_run(usual(&harness), now_ns, &stops));
    const size_t left = rows_of(&harness, KEYSPACE_SESSION);
    assert_true(left > 1 && left < MANY); /* one part; the rest is the next pass's */
    assert_int_equal(rows_of(&harness, KEYSPACE_SCHEDULE), left + 1);
    expire(&harness, now_ns);
    assert_int_equal(rows_of(&harness, KEYSPACE_SESSION), 1);
    assert_adds(&harness, "late", "301");
    assert_adds(&harness, "key 1", "302");
    harness_close(&harness);
}

/* A row of time speaks of one result: not of a later one under the same key. */
static void a_key_that_was_used_again_stays(void **state)
{
    (void)state;
    struct harness harness;
    harness_open(&harness, &options);
    struct session_time old = {.time_ns = clock_wall_ns() - SESSION_KEPT_NS};
    uint8_t row[SESSION_TIME_KEY_BYTES];
    session_key(SLICE("a"), old.key);
    session_time_write(&old, row);
    put_row(&harness, KEYSPACE_SCHEDULE, slice_of(row, sizeof row), (struct slice){0});
    assert_adds(&harness, "a", "1");
    expire(&harness, clock_wall_ns());
    assert_int_equal(rows_of(&harness, KEYSPACE_SESSION), 1);
    assert_int_equal(rows_of(&harness, KEYSPACE_SCHEDULE), 2);
    assert_adds(&harness, "a", "1");
    harness_close(&harness);
}

/* -- What versions before wrote ------------------------------------------------------------- */

/* Its time taken out of a result, as it was written before there was one. */
static void make_old(struct harness *harness, const char *key)
{
    uint8_t hash[SHA256_BYTES];
    uint8_t old[256];
    struct rows rows;
    enum store_step step = STORE_DONE;
    bool found = false;
    struct slice row = {0};
    session_key(slice_str(key), hash);
    assert_good(rows_begin(harness->store, TENANT, &rows));
    assert_good(store_row_get(
        rows.txn, KEYSPACE_SESSION, slice_of(hash, sizeof hash), &step, &found, &row));
    assert_true(found && row.size < sizeof old);
    const size_t head = 1 + SHA256_BYTES;
    memcpy(old, row.data, head);
    memcpy(old + head, row.data + head + 8, row.size - head - 8);
    old[0] = 2;
    const size_t size = row.size - 8;
    rows_end(&rows);
    put_row(harness, KEYSPACE_SESSION, slice_of(hash, sizeof hash), slice_of(old, size));
}

static cordon_error *drop_schedule(struct rows *rows)
{
    const struct store_commit_facts facts = {.quota = NULL};
    bool conflict = false;
    for (;;) {
        enum store_step step = STORE_DONE;
        bool found = false;
        struct slice key = {0};
        struct slice value = {0};
        uint8_t copy[64];
        AWAIT(
            rows, step,
            store_row_next(
                rows->txn, KEYSPACE_SCHEDULE, (struct slice){0}, false, &step, &found, &key,
                &value));
        if (!found) {
            return rows_commit(rows, &facts, &conflict);
        }
        assert_true(key.size <= sizeof copy);
        const size_t size = key.size;
        memcpy(copy, key.data, size);
        TRY(store_row_remove(rows->txn, KEYSPACE_SCHEDULE, slice_of(copy, size)));
    }
}

static void results_of_before_are_kept_from_when_they_are_seen(void **state)
{
    (void)state;
    struct harness harness;
    harness_open(&harness, &options);
    char key[32];
    char value[32];
    for (int i = 1; i <= MANY; i++) {
        (void)snprintf(key, sizeof key, "old %d", i);
        (void)snprintf(value, sizeof value, "%d", i);
        assert_adds(&harness, key, value);
        make_old(&harness, key);
    }
    struct rows rows;
    assert_good(rows_begin(harness.store, TENANT, &rows));
    assert_good(drop_schedule(&rows));
    rows_end(&rows);
    assert_adds(&harness, "old 1", "1"); /* it is read as before */
    assert_adds(&harness, "new", "301");

    const uint64_t seen = clock_wall_ns() + HOUR_NS;
    expire(&harness, seen);
    assert_int_equal(rows_of(&harness, KEYSPACE_SCHEDULE), MANY + 2);
    expire(&harness, seen + SESSION_KEPT_NS - 1);
    assert_int_equal(rows_of(&harness, KEYSPACE_SESSION), MANY); /* the new one is gone */
    assert_adds(&harness, "old 7", "7");
    expire(&harness, seen + SESSION_KEPT_NS);
    assert_int_equal(rows_of(&harness, KEYSPACE_SESSION), 0);
    assert_adds(&harness, "old 7", "302");
    harness_close(&harness);
}

/* -- How much there is ---------------------------------------------------------------------- */

/* Of the tenant, from the settings on: counted anew by who sets the limit. */
static void bound(struct harness *harness, uint64_t allowed)
{
    struct tenant_settings settings = {.has_limits = true};
    struct tenant_settings *copy = NULL;
    change(&settings.limits, CORDON_LIMIT_TENANT_BYTES, allowed);
    assert_good(tenant_settings_copy(&settings, &copy));
    tenants_change(runner_tenants(harness->runner), usual(harness), copy);
    quota_set(usual(harness));
    if (quota_is_due(usual(harness))) {
        assert_good(quota_count(usual(harness)));
    }
}

static long long used(struct harness *harness)
{
    return atomic_load(&usual(harness)->quota.used);
}

/* What a count says now of one that has been kept up. */
static void assert_counts_the_same(struct harness *harness)
{
    const long long kept = used(harness);
    atomic_store(&usual(harness)->quota.is_counted, false);
    atomic_store(&usual(harness)->quota.used, 0);
    assert_good(quota_count(usual(harness)));
    assert_int_equal(used(harness), kept);
}

static void results_count_and_give_room_back(void **state)
{
    (void)state;
    struct harness harness;
    harness_open(&harness, &options);
    assert_adds(&harness, "before", "1");
    bound(&harness, (uint64_t)1 << 30);
    const long long first = used(&harness);
    assert_true(first > STORE_SESSION_ROW_BYTES);
    for (int i = 0; i < 3; i++) {
        assert_adds(&harness, "one more", "2");
    }
    const long long one = used(&harness) - first;
    const long long results = 2 * (1 + SHA256_BYTES + 8 + 1 + STORE_SESSION_ROW_BYTES);
    assert_true(one > results / 2); /* the mutation writes a document, too */
    assert_counts_the_same(&harness);
    expire(&harness, clock_wall_ns() + SESSION_KEPT_NS);
    assert_int_equal(used(&harness), first + one - results);
    assert_counts_the_same(&harness);
    harness_close(&harness);
}

/* What anybody may call fills a tenant up to its bound, and no further. */
static void results_fill_a_tenant(void **state)
{
    (void)state;
    struct harness harness;
    harness_open(&harness, &options);
    assert_adds(&harness, "first", "1");
    bound(&harness, (uint64_t)1 << 30);
    bound(&harness, (uint64_t)used(&harness) + 100); /* less than another one has */
    struct run_request request = request_of("counter:add", "{}");
    struct called called;
    request.idempotency_key = SLICE("second");
    called_begin(&called, &harness, &request);
    const struct outcome *outcome = called_finish(&called);
    assert_int_equal(outcome->code, CORDON_OUTCOME_LIMIT);
    assert_int_equal(outcome->limit, CORDON_LIMIT_TENANT_BYTES);
    called_end(&called);
    assert_adds(&harness, "first", "1");
    expire(&harness, clock_wall_ns() + SESSION_KEPT_NS);
    assert_adds(&harness, "second", "2");
    harness_close(&harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_good_for_14_days),
        cmocka_unit_test(a_pass_without_work_commits_nothing),
        cmocka_unit_test(many_go_in_parts),
        cmocka_unit_test(a_key_that_was_used_again_stays),
        cmocka_unit_test(results_of_before_are_kept_from_when_they_are_seen),
        cmocka_unit_test(results_count_and_give_room_back),
        cmocka_unit_test(results_fill_a_tenant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
