/* Prunes of the audit log: what they leave is good, and what is not good stays. */
#include "base/clock.h"
#include "run/audit/audit_prune.h"
#include "run/audit/audit_rows.h"
#include "store/vtable.h"
#include "support/auditor_world.h"
#include "support/expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LIVES = 6, RECORDS_PER_LIFE = 10 };

/* Records 1 to 66: ten and a checkpoint, six times. */
static void fill(struct store *store)
{
    for (int life = 0; life < LIVES; life++) {
        for (int i = 0; i < RECORDS_PER_LIFE; i++) {
            add_record(store, "{\"kind\":\"mutation\"}");
        }
        auditor_free(start_auditor(store, 0));
    }
    assert_int_equal(check_log(store).records, LIVES * (RECORDS_PER_LIFE + 1));
}

static cordon_error *prune(
    struct store *store, struct auditor *auditor, uint64_t before, uint64_t before_ns)
{
    const struct audit_prune_request request = {
        .before = before, .before_ns = before_ns, .actor = {.by = "a test"}};
    CORDON_CLEANUP_BUFFER struct buffer report;
    buffer_init(&report, 4096);
    return audit_prune_log(store, auditor, TENANT, &request, &report);
}

static void what_a_prune_leaves_is_good(void **state)
{
    (void)state;
    static const struct {
        uint64_t before;
        uint64_t first; /* that is left */
    } cases[] = {{1, 1}, {10, 1}, {11, 11}, {12, 11}, {22, 22}, {60, 55}, {66, 66}, {1000, 66}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct store *store = new_store();
        fill(store);
        struct auditor *auditor = start_auditor(store, 0);
        expect_ok(prune(store, auditor, cases[i].before, 0));
        struct audit_verdict verdict = check_log(store);
        assert_true(verdict.is_good);
        assert_int_equal(verdict.first, cases[i].first);
        assert_int_equal(verdict.pruned_at > 0, cases[i].first > 1);
        assert_true(verdict.pruned_at <= verdict.signed_to);
        if (cases[i].first > 1) {
            assert_string_equal(verdict.prune.actor.by, "a test");
            assert_int_equal(verdict.prune.records, cases[i].first - 1);
        }
        expect_ok(prune(store, auditor, UINT64_MAX, 0)); /* and again, over the last one */
        verdict = check_log(store);
        assert_true(verdict.is_good);
        assert_true(verdict.first > (uint64_t)LIVES * RECORDS_PER_LIFE);
        auditor_free(auditor);
        auditor_free(start_auditor(store, 0)); /* it goes on behind what is left */
        add_record(store, "{\"kind\":\"mutation\"}");
        auditor_free(start_auditor(store, 0));
        verdict = check_log(store);
        assert_true(verdict.is_good);
        assert_int_equal(verdict.signed_to, verdict.last - 1);
        end_store(store);
    }
}

static void a_time_prunes_what_is_older(void **state)
{
    (void)state;
    struct store *store = new_store();
    fill(store);
    const uint64_t now_ns = clock_wall_ns() + 1000000000;
    struct auditor *auditor = start_auditor(store, 0);
    expect_ok(prune(store, auditor, 0, 1));
    assert_int_equal(check_log(store).first, 1);
    expect_ok(prune(store, auditor, 0, now_ns));
    assert_int_equal(check_log(store).first, 66);
    assert_true(check_log(store).is_good);
    auditor_free(auditor);
    end_store(store);
}

/* Whoever is killed between a prune's record and its signature has removed nothing by it. */
static void a_prune_that_is_not_signed_takes_nothing_from_the_one_before(void **state)
{
    (void)state;
    struct store *store = new_store();
    fill(store);
    struct auditor *auditor = start_auditor(store, 0);
    expect_ok(prune(store, auditor, 30, 0));
    const struct audit_verdict first = check_log(store);
    assert_true(first.is_good);
    auditor_free(auditor);

    struct audit_prune second = {.before = 44, .records = 22, .actor = {.by = "another"}};
    CORDON_CLEANUP_BUFFER struct buffer body;
    buffer_init(&body, 4096);
    expect_ok(audit_prune_write(&body, &second));
    expect_ok(audit_rows_add(store, TENANT, buffer_slice(&body)));
    struct audit_verdict verdict = check_log(store);
    if (!verdict.is_good) {
        fail_msg("record %d: %s", (int)verdict.fault_at, verdict.fault);
    }
    assert_int_equal(verdict.pruned_at, first.pruned_at);
    assert_int_equal(verdict.prune.before, first.prune.before);

    auditor_free(start_auditor(store, 0)); /* signs it */
    verdict = check_log(store);
    assert_true(verdict.is_good);
    assert_true(verdict.pruned_at > first.pruned_at);
    assert_int_equal(verdict.prune.before, second.before);
    end_store(store);
}

/* Of a store, whose record 5 is another than was written. */
static struct store_txn_ops lying;
static const struct store_txn_ops *honest;
static struct store_ops lying_store;
static const struct store_ops *good;

static cordon_error *read_changed(
    struct store_txn *txn,
    uint64_t sequence,
    enum store_step *out_step,
    bool *out_found,
    struct audit_record *out_record)
{
    cordon_error *error = honest->audit_read(txn, sequence, out_step, out_found, out_record);
    if (error == NULL && *out_found && out_record->sequence == 5) {
        out_record->body = SLICE("{\"kind\":\"mutatiom\"}");
    }
    return error;
}

static cordon_error *begin_changed(
    struct store *store, uint32_t tenant, struct store_wake wake, struct store_txn **out_txn)
{
    cordon_error *error = good->begin(store, tenant, wake, out_txn);
    if (error == NULL) {
        honest = (*out_txn)->ops;
        lying = *honest;
        lying.audit_read = read_changed;
        (*out_txn)->ops = &lying;
    }
    return error;
}

/* What somebody has changed does not go unseen by being pruned. */
static void a_log_with_a_fault_is_not_pruned(void **state)
{
    (void)state;
    struct store *store = new_store();
    fill(store);
    struct auditor *auditor = start_auditor(store, 0);
    good = store->ops;
    lying_store = *good;
    lying_store.begin = begin_changed;
    store->ops = &lying_store;
    cordon_error *error = prune(store, auditor, 40, 0);
    assert_non_null(error);
    assert_non_null(strstr(
        cordon_error_get_message(error), "nothing was pruned: record 5: it was "
                                         "changed"));
    cordon_error_free(error);
    store->ops = good;
    assert_int_equal(check_log(store).first, 1);
    assert_int_equal(count_in_log(store, "prune"), 0);
    auditor_free(auditor);
    end_store(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_prune_leaves_is_good),
        cmocka_unit_test(a_time_prunes_what_is_older),
        cmocka_unit_test(a_prune_that_is_not_signed_takes_nothing_from_the_one_before),
        cmocka_unit_test(a_log_with_a_fault_is_not_pruned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
