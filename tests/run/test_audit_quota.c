/*
 * `audit_bytes` of a tenant whose log is not counted yet, counts that meet a prune, and refusals of
 * what would be too much, which wait for the disk as every answer does.
 */
#include "run/audit/audit_rows.h"
#include "run/harness.h"
#include "run/tenant/tenant_quota.h"
#include "run/tenant/tenants.h"
#include "store/vtable.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { NUMBER = 2, ALLOWED = 5000, RECORDS = 20 };

static const struct harness_options options = {.guests = {"counter"}};

/* One that nobody has loaded. */
static struct tenant *add_sleeper(struct harness *harness, uint64_t allowed)
{
    struct tenant_settings *settings = calloc(1, sizeof *settings);
    assert_non_null(settings);
    struct tenant_settings *copy = NULL;
    settings->has_limits = true;
    change(&settings->limits, CORDON_LIMIT_AUDIT_BYTES, allowed);
    assert_good(tenant_settings_copy(settings, &copy));
    free(settings);
    struct tenants *tenants = runner_tenants(harness->runner);
    struct tenant *tenant = tenant_new(harness->runner, SLICE("sleeper"), copy);
    assert_non_null(tenant);
    assert_good(tenants_make_room(tenants));
    tenant->number = NUMBER;
    tenants_put(tenants, tenant);
    quota_set_log(tenant);
    return tenant;
}

static void append_to(struct harness *harness, uint32_t tenant, unsigned count, size_t bytes)
{
    char *body = malloc(bytes);
    assert_non_null(body);
    memset(body, ' ', bytes);
    body[0] = '{';
    body[bytes - 1] = '}';
    for (unsigned i = 0; i < count; i++) {
        assert_good(audit_rows_add(harness->store, tenant, slice_of(body, bytes)));
    }
    free(body);
}

static void append(struct harness *harness, unsigned count, size_t bytes)
{
    append_to(harness, NUMBER, count, bytes);
}

static void assert_refused(struct tenant *tenant, cordon_error_code code)
{
    cordon_error *error = quota_check_audit(tenant);
    assert_non_null(error);
    assert_int_equal(cordon_error_get_code(error), code);
    cordon_error_free(error);
}

/* What was appended since the start is of the log, whatever else is. */
static void what_is_not_counted_is_bounded(void **state)
{
    (void)state;
    static const struct {
        uint64_t allowed;
        unsigned records;
        size_t bytes;
        cordon_error_code code;
    } cases[] = {
        {ALLOWED, 30, 100, CORDON_E_AUDIT_FULL},
        {(uint64_t)1 << 30, 17, 1000000, CORDON_E_OVERLOADED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct harness harness;
        harness_open(&harness, &options);
        struct tenant *tenant = add_sleeper(&harness, cases[i].allowed);
        assert_good(quota_check_audit(tenant));
        append(&harness, cases[i].records, cases[i].bytes);
        assert_refused(tenant, cases[i].code);
        harness_close(&harness);
    }
}

/* A log of which nobody has loaded the tenant is counted all the same; its documents are not. */
static void a_sleeper_is_counted(void **state)
{
    (void)state;
    struct harness harness;
    harness_open(&harness, &options);
    struct tenant *tenant = add_sleeper(&harness, ALLOWED);
    append(&harness, RECORDS, 100);
    assert_true(quota_is_due(tenant));
    assert_good(quota_count(tenant));
    assert_false(quota_is_due(tenant));
    bool is_counted = false;
    uint64_t bytes = 0;
    assert_good(quota_audit_bytes(tenant, &is_counted, &bytes));
    assert_true(is_counted);
    assert_int_equal(bytes, RECORDS * (100 + AUDIT_RECORD_BYTES));
    append(&harness, 1, 100);
    assert_refused(tenant, CORDON_E_AUDIT_FULL);
    harness_close(&harness);
}

/* -- A prune meanwhile ----------------------------------------------------------------------- */

static struct store_ops hooked;
static struct store_txn_ops hooked_txn;
static const struct store_ops *good;
static const struct store_txn_ops *good_txn;
static struct store *pruned_store;
static struct tenant *counted;
static pthread_t pruner;
static atomic_bool is_due;
static atomic_bool has_pruned;

static void *prune(void *arg)
{
    (void)arg;
    for (bool more = true; more;) {
        assert_good(store_audit_prune(pruned_store, NUMBER, RECORDS, &more));
    }
    quota_pruned(counted);
    atomic_store(&has_pruned, true);
    return NULL;
}

/* All is read: now the log is pruned, and counted anew, unless that has to wait for the others. */
static cordon_error *hooked_read(
    struct store_txn *txn,
    uint64_t sequence,
    enum store_step *out_step,
    bool *out_found,
    struct audit_record *out_record)
{
    cordon_error *error = good_txn->audit_read(txn, sequence, out_step, out_found, out_record);
    if (sequence == RECORDS && atomic_exchange(&is_due, false)) {
        assert_int_equal(pthread_create(&pruner, NULL, prune, NULL), 0);
        for (int tries = 0; tries < 300 && !atomic_load(&has_pruned); tries++) {
            (void)usleep(1000);
        }
    }
    return error;
}

static cordon_error *hooked_begin(
    struct store *store, uint32_t tenant, struct store_wake wake, struct store_txn **out_txn)
{
    cordon_error *error = good->begin(store, tenant, wake, out_txn);
    if (error == NULL && tenant == NUMBER) {
        good_txn = (*out_txn)->ops;
        hooked_txn = *good_txn;
        hooked_txn.audit_read = hooked_read;
        (*out_txn)->ops = &hooked_txn;
    }
    return error;
}

/* The count that was begun before a prune is not the last word. */
static void what_a_prune_left_is_what_counts(void **state)
{
    (void)state;
    struct harness harness;
    harness_open(&harness, &options);
    counted = add_sleeper(&harness, ALLOWED);
    append(&harness, RECORDS, 100);
    pruned_store = harness.store;
    good = harness.store->ops;
    hooked = *good;
    hooked.begin = hooked_begin;
    harness.store->ops = &hooked;
    atomic_store(&is_due, true);
    assert_good(quota_count(counted));
    assert_int_equal(pthread_join(pruner, NULL), 0);
    harness.store->ops = good;
    bool is_counted = false;
    uint64_t bytes = 0;
    assert_good(quota_audit_bytes(counted, &is_counted, &bytes));
    assert_true(is_counted);
    assert_int_equal(bytes, 100 + AUDIT_RECORD_BYTES);
    harness_close(&harness);
}

/* -- What is refused -------------------------------------------------------------------------- */

/* Nothing that was read is durable until the store is let go on. */
static bool is_held;
static unsigned held;
static struct store_wake held_wake;

static cordon_error *held_commit(
    struct store_txn *txn,
    const struct store_commit_facts *facts,
    enum store_step *out_step,
    struct store_commit_result *out_result)
{
    if (is_held && !good_txn->has_writes(txn)) {
        held++;
        *out_step = STORE_PENDING;
        return NULL;
    }
    return good_txn->commit(txn, facts, out_step, out_result);
}

static cordon_error *held_begin(
    struct store *store, uint32_t tenant, struct store_wake wake, struct store_txn **out_txn)
{
    cordon_error *error = good->begin(store, tenant, wake, out_txn);
    if (error == NULL) {
        held_wake = wake;
        good_txn = (*out_txn)->ops;
        hooked_txn = *good_txn;
        hooked_txn.commit = held_commit;
        (*out_txn)->ops = &hooked_txn;
    }
    return error;
}

/* Of the default tenant, counted or not. */
static void bound(struct harness *harness, cordon_limit limit, uint64_t allowed, bool is_counted)
{
    struct tenant_settings settings = {.has_limits = true};
    struct tenant_settings *copy = NULL;
    struct tenants *tenants = runner_tenants(harness->runner);
    change(&settings.limits, limit, allowed);
    assert_good(tenant_settings_copy(&settings, &copy));
    tenants_change(tenants, tenants->usual, copy);
    quota_set(tenants->usual);
    if (is_counted) {
        assert_good(quota_count(tenants->usual));
        return;
    }
    if (limit == CORDON_LIMIT_AUDIT_BYTES) {
        append_to(harness, TENANT_DEFAULT, 17, 1000000);
    } else {
        atomic_store(&tenants->usual->quota.used, (long long)STORE_UNCOUNTED_BYTES_MAX);
    }
}

/* It may be that its tenant is full by what others wrote a moment ago, and that is lost again. */
static void a_refusal_waits_for_what_it_was_told(void **state)
{
    (void)state;
    static const struct {
        cordon_limit limit;
        bool is_counted;
        const char *name;
    } cases[] = {
        {CORDON_LIMIT_AUDIT_BYTES, true, "AuditFull"},
        {CORDON_LIMIT_AUDIT_BYTES, false, "Overloaded"},
        {CORDON_LIMIT_TENANT_BYTES, true, "TenantFull"},
        {CORDON_LIMIT_TENANT_BYTES, false, "Overloaded"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct harness harness;
        harness_open(&harness, &options);
        bound(
            &harness, cases[i].limit, cases[i].is_counted ? 1 : (uint64_t)1 << 30,
            cases[i].is_counted);
        good = harness.store->ops;
        hooked = *good;
        hooked.begin = held_begin;
        harness.store->ops = &hooked;
        is_held = true;
        held = 0;
        const struct run_request request = request_of("counter:add", "{}");
        struct called called;
        called_begin(&called, &harness, &request);
        for (unsigned polls = 1; polls <= 3; polls++) { /* woken for nothing, it waits on */
            enum run_state at = RUN_READY;
            while (at == RUN_READY) {
                at = called_poll(&called);
            }
            assert_int_equal(at, RUN_WAITING);
            assert_int_equal(held, polls);
            held_wake.call(held_wake.arg);
        }
        is_held = false;
        held_wake.call(held_wake.arg);
        assert_string_equal(outcome_code_name(called_finish(&called)), cases[i].name);
        called_end(&called);
        harness.store->ops = good;
        harness_close(&harness);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_counted_is_bounded),
        cmocka_unit_test(a_sleeper_is_counted),
        cmocka_unit_test(what_a_prune_left_is_what_counts),
        cmocka_unit_test(a_refusal_waits_for_what_it_was_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
