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

/* Of one whose record 5 is what it was, and has a line more in its row. */
static cordon_error *read_longer(
    struct store_txn *txn,
    uint64_t sequence,
    enum store_step *out_step,
    bool *out_found,
    struct audit_record *out_record)
{
    TRY(honest->audit_read(txn, sequence, out_step, out_found, out_record));
    if (*out_found && out_record->sequence == 5) {
        out_record->body = SLICE("{\"kind\":\"mutation\"}}\n{\"kind\":\"more\"");
    }
    return NULL;
}

/* Of one whose rows from some record up to another are damaged, each told by its number. */
static uint64_t damaged_from;
static uint64_t damaged_to;

static cordon_error *read_damaged(
    struct store_txn *txn,
    uint64_t sequence,
    enum store_step *out_step,
    bool *out_found,
    struct audit_record *out_record)
{
    TRY(honest->audit_read(txn, sequence, out_step, out_found, out_record));
    return *out_found && out_record->sequence >= damaged_from && out_record->sequence < damaged_to
               ? cordon_error_new(CORDON_E_STORE, "the row is damaged")
               : NULL;
}

/* Of one that finds nothing from there on: it can't say which rows these are. */
static cordon_error *read_nothing(
    struct store_txn *txn,
    uint64_t sequence,
    enum store_step *out_step,
    bool *out_found,
    struct audit_record *out_record)
{
    return sequence >= damaged_from
               ? cordon_error_new(CORDON_E_STORE, "the page is damaged")
               : honest->audit_read(txn, sequence, out_step, out_found, out_record);
}

/* Of one with a row behind the last that somebody wrote: where to go on behind it has no number. */
static cordon_error *read_beyond(
    struct store_txn *txn,
    uint64_t sequence,
    enum store_step *out_step,
    bool *out_found,
    struct audit_record *out_record)
{
    TRY(honest->audit_read(txn, sequence, out_step, out_found, out_record));
    if (!*out_found) {
        *out_found = true;
        *out_record = (struct audit_record){.sequence = UINT64_MAX, .body = SLICE("{}")};
    }
    return damaged_from == 0 ? NULL : cordon_error_new(CORDON_E_STORE, "the row is damaged");
}

static cordon_error *(*read_so)(
    struct store_txn *txn,
    uint64_t sequence,
    enum store_step *out_step,
    bool *out_found,
    struct audit_record *out_record) = read_changed;

static cordon_error *begin_changed(
    struct store *store, uint32_t tenant, struct store_wake wake, struct store_txn **out_txn)
{
    cordon_error *error = good->begin(store, tenant, wake, out_txn);
    if (error == NULL) {
        honest = (*out_txn)->ops;
        lying = *honest;
        lying.audit_read = read_so;
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
    read_so = read_longer;
    expect_error(
        prune(store, auditor, 40, 0), CORDON_E_STORE,
        "nothing was pruned: record 6: it is no audit record");
    read_so = read_changed;
    store->ops = good;
    assert_int_equal(check_log(store).first, 1);
    assert_int_equal(count_in_log(store, "prune"), 0);
    auditor_free(auditor);
    end_store(store);
}

/* All of a log in pages of that size, in order: how many lines, how many of them damaged. */
static cordon_error *read_pages(
    struct store *store, size_t bytes_max, size_t *out_lines, size_t *out_damaged)
{
    uint64_t from = 0;
    uint64_t next = 1;
    *out_lines = 0;
    *out_damaged = 0;
    do {
        CORDON_CLEANUP_BUFFER struct buffer lines;
        buffer_init(&lines, bytes_max + 65536);
        from = next;
        TRY(audit_rows_page(store, TENANT, from, bytes_max, &lines, &next));
        struct slice rest = buffer_slice(&lines);
        struct slice line = {0};
        while (slice_take_line(&rest, &line)) {
            uint64_t sequence = 0;
            struct audit_record record;
            const bool is_damaged = audit_record_is_damaged(line, &sequence);
            assert_true(is_damaged || audit_record_read(line, &record));
            ++*out_lines;
            *out_damaged += is_damaged;
            assert_int_equal(is_damaged ? sequence : record.sequence, *out_lines);
        }
    } while (next > from);
    return NULL;
}

static void however_many_rows_are_damaged_each_is_told(void **state)
{
    (void)state;
    enum { MORE = 300, LAST = LIVES * (RECORDS_PER_LIFE + 1) + MORE };
    static const struct {
        uint64_t from;
        uint64_t to;
    } cases[] = {{5, 6}, {5, 69}, {5, 70}, {5, 200}, {1, LAST}, {1, LAST + 1}, {60, LAST + 1}};
    struct store *store = new_store();
    fill(store);
    for (int i = 0; i < MORE; i++) {
        add_record(store, "{\"kind\":\"mutation\"}");
    }
    good = store->ops;
    lying_store = *good;
    lying_store.begin = begin_changed;
    store->ops = &lying_store;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        damaged_from = cases[i].from;
        damaged_to = cases[i].to;
        read_so = read_damaged;
        static const size_t sizes[] = {1, 1000, 1 << 20};
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            size_t lines = 0;
            size_t damaged = 0;
            expect_ok(read_pages(store, sizes[k], &lines, &damaged));
            assert_int_equal(lines, LAST);
            assert_int_equal(damaged, damaged_to - damaged_from);
        }
        read_so = read_nothing; /* which has an end, too */
        size_t lines = 0;
        size_t damaged = 0;
        expect_error(read_pages(store, 1 << 20, &lines, &damaged), CORDON_E_STORE, "the page");
    }
    read_so = read_beyond;
    for (damaged_from = 0; damaged_from < 2; damaged_from++) {
        size_t lines = 0;
        size_t damaged = 0;
        expect_error(
            read_pages(store, 1000, &lines, &damaged), CORDON_E_STORE, "no record has its number");
        assert_int_equal(damaged, damaged_from * LAST);
    }
    store->ops = good;
    read_so = read_changed;
    end_store(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_prune_leaves_is_good),
        cmocka_unit_test(a_time_prunes_what_is_older),
        cmocka_unit_test(a_prune_that_is_not_signed_takes_nothing_from_the_one_before),
        cmocka_unit_test(a_log_with_a_fault_is_not_pruned),
        cmocka_unit_test(however_many_rows_are_damaged_each_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
