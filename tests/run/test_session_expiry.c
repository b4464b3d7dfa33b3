/*
 * Results that are kept under idempotency keys: they go when they are old, and not before, count
 * into what their tenant may have, and give that room back; a call that comes meanwhile is done
 * once. Nobody waits for the clock: a pass is told what time it is.
 */
#include "base/clock.h"
#include "run/await.h"
#include "run/harness.h"
#include "run/session/session.h"
#include "run/session/session_expiry.h"
#include "run/tenant/tenant_admin.h"
#include "run/tenant/tenant_erase.h"
#include "run/tenant/tenant_quota.h"
#include "run/tenant/tenants.h"
#include "store/vtable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TENANT = 1, ACME = 2, MANY = 300 };

#define HOUR_NS ((uint64_t)3600 * 1000000000)

static const struct harness_options options = {.guests = {"counter", "basic"}};

static struct tenant *usual(struct harness *harness)
{
    return tenants_find(runner_tenants(harness->runner), TENANT);
}

static const atomic_bool stops_never = false;

static void expire(struct harness *harness, uint64_t now_ns)
{
    assert_good(session_expiry_run(usual(harness), now_ns, &stops_never));
}

/* What counter:add answers with a key, which is how often it has run; no key: counter:get. */
static long count_of(struct harness *harness, uint32_t tenant, const char *key)
{
    struct run_request request = request_of(key == NULL ? "counter:get" : "counter:add", "{}");
    request.tenant = tenant;
    request.idempotency_key = slice_str(key == NULL ? "" : key);
    struct called called;
    called_begin(&called, harness, &request);
    const struct outcome *outcome = called_finish(&called);
    assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
    char text[32];
    (void)snprintf(text, sizeof text, "%.*s", SLICE_FMT(outcome->value));
    called_end(&called);
    return strtol(text, NULL, 10);
}

static void assert_adds(struct harness *harness, const char *key, long value)
{
    assert_int_equal(count_of(harness, TENANT, key), value);
}

/* Calls with MANY keys, `prefix` and a number; then does this with each. */
static void fill(
    struct harness *harness,
    const char *prefix,
    void (*each)(struct harness *harness, const char *key))
{
    for (int i = 1; i <= MANY; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "%s %d", prefix, i);
        assert_adds(harness, key, i);
        if (each != NULL) {
            each(harness, key);
        }
    }
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

static size_t rows_of_tenant(struct harness *harness, uint32_t tenant, enum store_keyspace keyspace)
{
    struct rows rows;
    size_t count = 0;
    assert_good(rows_begin(harness->store, tenant, &rows));
    assert_good(count_rows(&rows, keyspace, &count));
    rows_end(&rows);
    return count;
}

static size_t rows_of(struct harness *harness, enum store_keyspace keyspace)
{
    return rows_of_tenant(harness, TENANT, keyspace);
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

/* A row that says when a result was written, be there one or not. */
static void put_time(struct harness *harness, const char *key, uint64_t time_ns)
{
    struct session_time time = {.time_ns = time_ns};
    uint8_t row[SESSION_TIME_KEY_BYTES];
    session_key(slice_str(key), time.key);
    session_time_write(&time, row);
    put_row(harness, KEYSPACE_SCHEDULE, slice_of(row, sizeof row), (struct slice){0});
}

/* -- Time ----------------------------------------------------------------------------------- */

static void a_key_is_good_for_14_days(void **state)
{
    (void)state;
    struct harness harness;
    harness_open(&harness, &options);
    const uint64_t before = clock_wall_ns();
    assert_adds(&harness, "a", 1);
    const uint64_t after = clock_wall_ns();
    expire(&harness, before + SESSION_KEPT_NS - HOUR_NS);
    assert_adds(&harness, "a", 1);
    expire(&harness, before + SESSION_KEPT_NS - 1);
    assert_adds(&harness, "a", 1);
    assert_int_equal(rows_of(&harness, KEYSPACE_SESSION), 1);
    expire(&harness, after + SESSION_KEPT_NS);
    assert_int_equal(rows_of(&harness, KEYSPACE_SESSION), 0);
    assert_int_equal(rows_of(&harness, KEYSPACE_SCHEDULE), 1); /* that all have a time */
    assert_adds(&harness, "a", 2);
    assert_adds(&harness, "a", 2);
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
    assert_adds(&harness, "a", 1);
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
    fill(&harness, "key", NULL);
    const uint64_t middle = clock_wall_ns();
    assert_adds(&harness, "late", 301);
    atomic_bool stops = true;
    const uint64_t now_ns = middle + SESSION_KEPT_NS;
    expire(&harness, middle); /* all have a time */
    assert_good(session_expiry_run(usual(&harness), now_ns, &stops));
    const size_t left = rows_of(&harness, KEYSPACE_SESSION);
    assert_true(left > 1 && left < MANY); /* one part; the rest is the next pass's */
    assert_int_equal(rows_of(&harness, KEYSPACE_SCHEDULE), left + 1);
    expire(&harness, now_ns);
    assert_int_equal(rows_of(&harness, KEYSPACE_SESSION), 1);
    assert_adds(&harness, "late", 301);
    assert_adds(&harness, "key 1", 302);
    harness_close(&harness);
}

/* A row of time speaks of one result: not of a later one under the same key. */
static void a_key_that_was_used_again_stays(void **state)
{
    (void)state;
    struct harness harness;
    harness_open(&harness, &options);
    put_time(&harness, "a", clock_wall_ns() - SESSION_KEPT_NS);
    assert_adds(&harness, "a", 1);
    expire(&harness, clock_wall_ns());
    assert_int_equal(rows_of(&harness, KEYSPACE_SESSION), 1);
    assert_int_equal(rows_of(&harness, KEYSPACE_SCHEDULE), 2);
    assert_adds(&harness, "a", 1);
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
    fill(&harness, "old", make_old);
    struct rows rows;
    assert_good(rows_begin(harness.store, TENANT, &rows));
    assert_good(drop_schedule(&rows));
    rows_end(&rows);
    assert_adds(&harness, "old 1", 1); /* it is read as before */
    assert_adds(&harness, "new", 301);

    const uint64_t seen = clock_wall_ns() + HOUR_NS;
    expire(&harness, seen);
    assert_int_equal(rows_of(&harness, KEYSPACE_SCHEDULE), MANY + 2);
    expire(&harness, seen + SESSION_KEPT_NS - 1);
    assert_int_equal(rows_of(&harness, KEYSPACE_SESSION), MANY); /* the new one is gone */
    assert_adds(&harness, "old 7", 7);
    expire(&harness, seen + SESSION_KEPT_NS);
    assert_int_equal(rows_of(&harness, KEYSPACE_SESSION), 0);
    assert_adds(&harness, "old 7", 302);
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
    assert_adds(&harness, "before", 1);
    bound(&harness, (uint64_t)1 << 30);
    const long long first = used(&harness);
    assert_true(first > STORE_SESSION_ROW_BYTES);
    for (int i = 0; i < 3; i++) {
        assert_adds(&harness, "one more", 2);
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
    assert_adds(&harness, "first", 1);
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
    assert_adds(&harness, "first", 1);
    expire(&harness, clock_wall_ns() + SESSION_KEPT_NS);
    assert_adds(&harness, "second", 2);
    harness_close(&harness);
}

/* -- A call meanwhile ----------------------------------------------------------------------- */

static struct store_ops hooked;
static struct store_txn_ops hooked_txn;
static const struct store_ops *good;
static const struct store_txn_ops *good_txn;

/* What comes once between two steps of a transaction, at the `left`th from now on. */
static struct {
    unsigned left;
    void (*what)(struct harness *harness);
    struct harness *harness;
} between;

static uint64_t due_ns; /* up to then a result is old for the pass */
static long answered;   /* to the call */

static void step_between(void)
{
    if (between.left > 0 && --between.left == 0) {
        between.what(between.harness);
    }
}

static cordon_error *hooked_commit(
    struct store_txn *txn,
    const struct store_commit_facts *facts,
    enum store_step *out_step,
    struct store_commit_result *out_result)
{
    step_between();
    cordon_error *error = good_txn->commit(txn, facts, out_step, out_result);
    step_between();
    return error;
}

static cordon_error *hooked_get(
    struct store_txn *txn,
    enum store_keyspace keyspace,
    struct slice key,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_value)
{
    step_between();
    return good_txn->row_get(txn, keyspace, key, out_step, out_found, out_value);
}

static cordon_error *hooked_begin(
    struct store *store, uint32_t tenant, struct store_wake wake, struct store_txn **out_txn)
{
    step_between();
    cordon_error *error = good->begin(store, tenant, wake, out_txn);
    if (error == NULL) {
        good_txn = (*out_txn)->ops;
        hooked_txn = *good_txn;
        hooked_txn.row_get = hooked_get;
        hooked_txn.commit = hooked_commit;
        (*out_txn)->ops = &hooked_txn;
    }
    step_between();
    return error;
}

static void call_meanwhile(struct harness *harness)
{
    answered = count_of(harness, TENANT, "a");
}

static void pass_meanwhile(struct harness *harness)
{
    expire(harness, due_ns + SESSION_KEPT_NS);
}

/* False: the first was over before the second was due. */
static bool is_done_once(
    struct harness *harness,
    bool is_kept,
    void (*first)(struct harness *harness),
    void (*second)(struct harness *harness),
    unsigned at)
{
    expire(harness, UINT64_MAX);
    if (is_kept) {
        (void)count_of(harness, TENANT, "a");
    } else {
        put_time(harness, "a", clock_wall_ns() - HOUR_NS);
    }
    const long before = count_of(harness, TENANT, NULL);
    const uint64_t visible = store_visible_ts(harness->store);
    due_ns = clock_wall_ns() > visible ? clock_wall_ns() : visible;
    between.left = at;
    between.what = second;
    between.harness = harness;
    first(harness);
    const bool came = between.left == 0;
    between.left = 0;
    if (!came) {
        second(harness);
    }
    /* Either the kept answer, and nothing was done, or done once. */
    assert_int_equal(answered, count_of(harness, TENANT, NULL));
    assert_true(answered == before + 1 || (is_kept && answered == before));
    /* The old one is gone, and the new one, of whichever call, stays. */
    assert_int_equal(count_of(harness, TENANT, "a"), before + 1);
    assert_int_equal(count_of(harness, TENANT, "a"), before + 1);
    assert_int_equal(rows_of(harness, KEYSPACE_SESSION), 1);
    assert_int_equal(rows_of(harness, KEYSPACE_SCHEDULE), 2); /* its time; that all have one */
    return came;
}

/* A pass at any step of a call with the same key, and such a call at any step of a pass. */
static void a_call_meanwhile_is_done_once(void **state)
{
    (void)state;
    struct harness harness;
    harness_open(&harness, &options);
    good = harness.store->ops;
    hooked = *good;
    hooked.begin = hooked_begin;
    harness.store->ops = &hooked;
    assert_adds(&harness, "a", 1);
    expire(&harness, clock_wall_ns()); /* all have a time, which is noted once */
    for (int is_kept = 0; is_kept < 2; is_kept++) {
        unsigned at = 1;
        while (is_done_once(&harness, is_kept, call_meanwhile, pass_meanwhile, at)) {
            at++;
        }
        assert_true(at > 5);
        at = 1;
        while (is_done_once(&harness, is_kept, pass_meanwhile, call_meanwhile, at)) {
            at++;
        }
        assert_true(at > 9);
    }
    harness.store->ops = good;
    harness_close(&harness);
}

/* -- Without its tenant --------------------------------------------------------------------- */

static cordon_error *revoke_nothing(void *arg, const char *name)
{
    (void)arg;
    (void)name;
    return NULL;
}

/* What a tenant that is removed had goes: results, their times, and how far those had come. */
static void nothing_is_left_of_a_tenant(void **state)
{
    (void)state;
    static const enum store_keyspace keyspaces[] = {
        KEYSPACE_MODULE, KEYSPACE_SESSION, KEYSPACE_SCHEDULE};
    struct harness harness;
    harness_open(&harness, &options);
    const struct slice acme = SLICE("{\"name\":\"acme\"}");
    assert_good(tenant_admin_create(harness.runner, acme, NULL, revoke_nothing, NULL));
    assert_good(runner_load(harness.runner, ACME));
    harness_deploy(&harness, ACME);
    assert_adds(&harness, "mine", 1);
    for (long i = 1; i <= 3; i++) {
        char key[] = {(char)('a' + i), '\0'};
        assert_int_equal(count_of(&harness, ACME, key), i);
    }
    struct tenant *tenant = tenants_find(runner_tenants(harness.runner), ACME);
    assert_non_null(tenant);
    assert_good(session_expiry_run(tenant, clock_wall_ns(), &stops_never));
    assert_int_equal(rows_of_tenant(&harness, ACME, KEYSPACE_SESSION), 3);
    assert_int_equal(
        rows_of_tenant(&harness, ACME, KEYSPACE_SCHEDULE), 4); /* that all have a time */

    assert_good(tenant_admin_remove(harness.runner, acme, NULL, revoke_nothing, NULL));
    assert_good(tenants_erase(harness.runner, &stops_never));
    for (size_t i = 0; i < sizeof keyspaces / sizeof keyspaces[0]; i++) {
        assert_int_equal(rows_of_tenant(&harness, ACME, keyspaces[i]), 0);
        assert_true(rows_of(&harness, keyspaces[i]) > 0); /* nobody else's go */
    }
    assert_adds(&harness, "mine", 1);
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
        cmocka_unit_test(a_call_meanwhile_is_done_once),
        cmocka_unit_test(nothing_is_left_of_a_tenant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
