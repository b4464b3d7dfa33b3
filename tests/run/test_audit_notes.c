/*
 * What is noted for the audit log: denials and reads, folded; what a store does not take, or comes
 * in floods.
 */
#include "run/audit/audit_rows.h"
#include "store/vtable.h"
#include "support/auditor_world.h"
#include "support/expect.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* -- Denials --------------------------------------------------------------------------------- */

static void denials_are_counted_together(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start_auditor(store, 0);
    for (int i = 0; i < 1000; i++) {
        auditor_note_denied(auditor, SLICE("a:b"), SLICE("\"no\""));
        auditor_note_denied(auditor, SLICE("a:c"), SLICE("no"));
    }
    auditor_free(auditor);
    CORDON_CLEANUP_BUFFER struct buffer lines;
    buffer_init(&lines, (size_t)1 << 20);
    read_log(store, &lines);
    expect_ok(buffer_append_byte(&lines, '\0'));
    const char *text = (const char *)lines.data;
    assert_non_null(strstr(
        text, "{\"kind\":\"capability_denied\",\"path\":\"a:b\",\"message\":\"\\\"no\\\"\","
              "\"count\":1000}"));
    assert_non_null(strstr(
        text,
        "{\"kind\":\"capability_denied\",\"path\":\"a:c\",\"message\":\"no\",\"count\":1000}"));
    assert_int_equal(check_log(store).records, 3);
    end_store(store);
}

/* 65 functions, and more notes than there is room for: what is left out is counted. */
static void what_is_too_much_is_counted(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start_auditor(store, 0);
    for (int i = 0; i < 66; i++) {
        char path[16];
        (void)snprintf(path, sizeof path, "a:f%d", i);
        auditor_note_denied(auditor, slice_str(path), SLICE("no"));
    }
    char *large = malloc((1 << 20) + 1);
    assert_non_null(large);
    memset(large, ' ', (1 << 20) + 1);
    large[0] = '{';
    large[1 << 20] = '}';
    auditor_note(auditor, slice_of(large, (1 << 20) + 1));
    free(large);
    auditor_free(auditor);
    CORDON_CLEANUP_BUFFER struct buffer lines;
    buffer_init(&lines, (size_t)16 << 20);
    read_log(store, &lines);
    expect_ok(buffer_append_byte(&lines, '\0'));
    const char *text = (const char *)lines.data;
    assert_non_null(strstr(text, "{\"kind\":\"capability_denied_elsewhere\",\"count\":2}"));
    assert_non_null(strstr(text, "{\"kind\":\"notes_lost\",\"count\":1}"));
    const struct audit_verdict verdict =
        check_log(store); /* what was lost is signed at once, too */
    assert_int_equal(verdict.records - verdict.checkpoints, 64 + 1 + 1);
    end_store(store);
}

/* What is too long is cut between two characters. */
static void long_words_are_cut_between_characters(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start_auditor(store, 0);
    char words[400];
    for (size_t i = 0; i + 1 < sizeof words; i += 2) {
        memcpy(words + i, "\xc3\xa9", 2);
    }
    auditor_note_denied(auditor, SLICE("a:b"), slice_of(words, sizeof words));
    auditor_free(auditor);
    assert_int_equal(count_in_log(store, "\xc3\xa9\",\"count\":1}"), 1);
    end_store(store);
}

/* -- Reads ----------------------------------------------------------------------------------- */

/* The first one at once; what comes after it in a minute is counted. */
static void reads_are_told_and_folded(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start_auditor(store, 0);
    for (int i = 0; i < 5; i++) {
        assert_true(auditor_note_read(auditor, AUDITOR_READS_DOCUMENTS, SLICE("messages"), NULL));
        assert_true(auditor_note_read(auditor, AUDITOR_READS_LOGS, (struct slice){0}, NULL));
    }
    assert_true(auditor_note_read(
        auditor, AUDITOR_READS_RECORD, SLICE("messages"), NULL)); /* another thing */
    static const char first[] = "{\"kind\":\"documents_read\",\"table\":\"messages\"}";
    for (int tries = 0; count_in_log(store, first) == 0 && tries < 20000; tries++) {
        (void)usleep(1000);
    }
    assert_int_equal(count_in_log(store, "documents_read"), 1);
    auditor_free(auditor);
    assert_int_equal(count_in_log(store, first), 1);
    assert_int_equal(
        count_in_log(store, "{\"kind\":\"documents_read\",\"table\":\"messages\",\"count\":4}"), 1);
    assert_int_equal(count_in_log(store, "{\"kind\":\"logs_read\"}"), 1);
    assert_int_equal(count_in_log(store, "{\"kind\":\"logs_read\",\"count\":4}"), 1);
    assert_int_equal(count_in_log(store, "{\"kind\":\"record_read\",\"record\":\"messages\"}"), 1);
    end_store(store);
}

/* By whom, apart for each; a request's id is that of the first one alone. */
static void reads_are_told_by_whom(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start_auditor(store, 0);
    static const struct audit_actor actors[] = {
        {.by = "admin key", .key = "0000000000000001", .request_id = "first"},
        {.by = "admin key", .key = "0000000000000002"},
        {.by = "admin key", .key = "0000000000000001", .request_id = "second"},
        {.by = "uid 7 with the data folder"},
    };
    for (size_t i = 0; i < sizeof actors / sizeof actors[0]; i++) {
        assert_true(auditor_note_read(auditor, AUDITOR_READS_ENV, (struct slice){0}, &actors[i]));
    }
    auditor_free(auditor);
#define BY_KEY(digit) ",\"by\":\"admin key\",\"by_key\":\"000000000000000" digit "\""
    static const char *const wanted[] = {
        "{\"kind\":\"env_read\"" BY_KEY("1") ",\"request_id\":\"first\"}",
        "{\"kind\":\"env_read\",\"count\":1" BY_KEY("1") "}",
        "{\"kind\":\"env_read\"" BY_KEY("2") "}",
        "{\"kind\":\"env_read\",\"by\":\"uid 7 with the data folder\"}",
    };
    assert_int_equal(count_in_log(store, "env_read"), 4);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        assert_int_equal(count_in_log(store, wanted[i]), 1);
    }
    end_store(store);
}

/* Where there is no room to fold, none is lost. */
static void reads_of_many_things_are_all_told(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start_auditor(store, 0);
    for (int i = 0; i < 200; i++) {
        char record[16];
        (void)snprintf(record, sizeof record, "r%d", i);
        assert_true(auditor_note_read(auditor, AUDITOR_READS_RECORD, slice_str(record), NULL));
    }
    auditor_free(auditor);
    assert_int_equal(count_in_log(store, "record_read"), 200);
    end_store(store);
}

/* -- Stores that do not take a record, or meanwhile others come ------------------------------- */

enum { HOUR_MS = 3600000 };

static struct store_ops hooked;
static const struct store_ops *good;
static struct store_txn_ops hooked_txn;
static struct auditor *hooked_auditor;
static atomic_int failing;  /* so many of the next commits */
static atomic_int meddling; /* denials that come, one during each commit */
static atomic_bool refuses; /* each commit; what is read is read */
static atomic_int refused;
static atomic_int begun;        /* transactions, since it was last set to 0 */
static atomic_int begun_before; /* the first one of OTHER */

static cordon_error *refuse_commit(
    struct store_txn *txn,
    const struct store_commit_facts *facts,
    enum store_step *out_step,
    struct store_commit_result *out_result)
{
    (void)txn;
    (void)facts;
    (void)out_step;
    (void)out_result;
    refused++;
    return cordon_error_new(CORDON_E_DISK_FULL, "the disk is full, for this test");
}

static cordon_error *begin_refused(
    struct store *store, uint32_t tenant, struct store_wake wake, struct store_txn **out_txn)
{
    TRY(good->begin(store, tenant, wake, out_txn));
    hooked_txn = *(*out_txn)->ops; /* by the auditor's thread alone */
    hooked_txn.commit = refuse_commit;
    (*out_txn)->ops = &hooked_txn;
    return NULL;
}

static cordon_error *hooked_begin(
    struct store *store, uint32_t tenant, struct store_wake wake, struct store_txn **out_txn)
{
    if (meddling > 0) {
        meddling--;
        auditor_note_denied(hooked_auditor, SLICE("a:b"), SLICE("no"));
    }
    if (failing == 0) {
        const int before = begun++;
        int none = -1;
        if (tenant == OTHER) {
            (void)atomic_compare_exchange_strong(&begun_before, &none, before);
        }
    }
    if (failing > 0) {
        failing--;
        return cordon_error_new(CORDON_E_DISK_FULL, "the disk is full, for this test");
    }
    return refuses ? begin_refused(store, tenant, wake, out_txn)
                   : good->begin(store, tenant, wake, out_txn);
}

static struct auditor *start_hooked(struct store *store, uint32_t interval_ms)
{
    good = store->ops;
    hooked = *good;
    hooked.begin = hooked_begin;
    hooked_auditor = start_auditor(store, interval_ms);
    store->ops = &hooked;
    return hooked_auditor;
}

/* Who is denied something at each turn has one record for it, and does not stop the others. */
static void denials_that_never_end_are_one_record(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start_hooked(store, 0);
    auditor_note_denied(auditor, SLICE("a:b"), SLICE("no"));
    meddling = 1000;
    auditor_free(auditor);
    store->ops = good;
    assert_true(meddling > 900);
    meddling = 0;
    assert_int_equal(count_in_log(store, "capability_denied"), 1);
    end_store(store);
}

static void what_a_full_disk_did_not_take_is_written_later(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start_hooked(store, 0);
    failing = 2;
    auditor_note(auditor, SLICE("{\"kind\":\"noted\",\"n\":1}"));
    auditor_note(auditor, SLICE("{\"kind\":\"noted\",\"n\":2}"));
    auditor_note(auditor, SLICE("{\"kind\":\"noted\",\"n\":3}"));
    auditor_note(auditor, SLICE("{\"kind\":\"noted\",\"n\":4}"));
    auditor_note_denied(auditor, SLICE("a:b"), SLICE("no"));
    for (int tries = 0; failing > 0 && tries < 2000; tries++) {
        auditor_note(auditor, SLICE("{\"kind\":\"again\"}")); /* each is a turn */
        (void)usleep(1000);
    }
    assert_int_equal(failing, 0);
    auditor_free(auditor);
    for (int n = 1; n <= 4; n++) {
        char words[64];
        (void)snprintf(words, sizeof words, "{\"kind\":\"noted\",\"n\":%d}", n);
        assert_int_equal(count_in_log(store, words), 1);
    }
    assert_int_equal(count_in_log(store, "capability_denied"), 1);
    assert_int_equal(count_in_log(store, "notes_lost"), 0);
    assert_true(check_log(store).is_good);
    store->ops = good;
    end_store(store);
}

/*
 * A note that hurries and could not be written is tried again in a second, though nothing else was
 * to be signed, and that went well.
 */
static void a_note_that_hurries_does_so_until_it_is_written(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start_hooked(store, HOUR_MS);
    refuses = true;
    auditor_note(auditor, SLICE("{\"kind\":\"key_made\"}"));
    expect_ok(auditor_sign(auditor));
    expect_ok(auditor_sign(auditor)); /* no turn is under way now that knows of the hurry */
    assert_true(refused > 0);
    refuses = false;
    struct audit_verdict verdict = check_log(store);
    for (int tries = 0; verdict.checkpoints == 0 && tries < 20000; tries++) {
        (void)usleep(1000);
        verdict = check_log(store);
    }
    assert_int_equal(verdict.checkpoints, 1);
    assert_int_equal(verdict.signed_to, 1);
    auditor_free(auditor);
    store->ops = good;
    end_store(store);
}

/* And what none takes until the end is freed. */
static void a_disk_that_stays_full_ends_it_all_the_same(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start_hooked(store, 0);
    failing = INT_MAX;
    auditor_note(auditor, SLICE("{\"kind\":\"noted\"}"));
    auditor_note_denied(auditor, SLICE("a:b"), SLICE("no"));
    auditor_free(auditor);
    failing = 0;
    store->ops = good;
    assert_int_equal(check_log(store).records, 0);
    end_store(store);
}

/* -- Floods --------------------------------------------------------------------------------- */

/* A note of a request's, which wait in thousands. */
static void flood(struct auditor *auditor)
{
    char body[128];
    int noted = 0;
    do {
        (void)snprintf(body, sizeof body, "{\"kind\":\"flood\",\"n\":%d}", noted);
        noted++;
    } while (auditor_note_request(auditor, slice_str(body)));
    assert_true(noted > 10000);
}

/* What there is no room for is refused; keys that go are recorded all the same. */
static void requests_leave_room_for_the_server(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start_hooked(store, 0);
    failing = INT_MAX; /* nothing is written, and all waits */
    flood(auditor);
    assert_false(auditor_note_read(auditor, AUDITOR_READS_LOGS, (struct slice){0}, NULL));
    assert_false(auditor_note_read(auditor, AUDITOR_READS_LOGS, (struct slice){0}, NULL));
    for (int i = 0; i < 1000; i++) {
        auditor_note(auditor, SLICE("{\"kind\":\"key_revoked\"}"));
    }
    failing = 0;
    auditor_free(auditor);
    store->ops = good;
    assert_int_equal(count_in_log(store, "key_revoked"), 1000);
    assert_int_equal(count_in_log(store, "logs_read"), 0);
    assert_int_equal(count_in_log(store, "notes_lost"), 0);
    assert_true(check_log(store).is_good);
    end_store(store);
}

/* A turn is of each tenant's, and takes some of what waits. */
static void a_flood_of_one_tenant_holds_up_no_other(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start_hooked(store, 0);
    struct auditor *other = NULL;
    expect_ok(auditor_follow(auditor, OTHER, &other));
    failing = INT_MAX;
    flood(auditor);
    auditor_note(other, SLICE("{\"kind\":\"noted\"}"));
    begun = 0;
    begun_before = -1;
    failing = 0;
    auditor_note(auditor, SLICE("{\"kind\":\"again\"}"));
    for (int tries = 0; begun_before < 0 && tries < 20000; tries++) {
        (void)usleep(1000);
    }
    assert_in_range(begun_before, 0, 2 * AUDIT_ROWS_MAX);
    for (int tries = 0; begun < 10000 && tries < 20000; tries++) { /* and goes on by itself */
        (void)usleep(1000);
    }
    assert_true(begun >= 10000);
    auditor_free(auditor);
    store->ops = good;
    assert_int_equal(count_in_log(store, "\"again\""), 1);
    assert_true(check_log(store).is_good);
    char path[128];
    path_of(path, "2.secret");
    assert_int_equal(unlink(path), 0);
    end_store(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(denials_are_counted_together),
        cmocka_unit_test(what_is_too_much_is_counted),
        cmocka_unit_test(long_words_are_cut_between_characters),
        cmocka_unit_test(reads_are_told_and_folded),
        cmocka_unit_test(reads_are_told_by_whom),
        cmocka_unit_test(reads_of_many_things_are_all_told),
        cmocka_unit_test(denials_that_never_end_are_one_record),
        cmocka_unit_test(what_a_full_disk_did_not_take_is_written_later),
        cmocka_unit_test(a_note_that_hurries_does_so_until_it_is_written),
        cmocka_unit_test(a_disk_that_stays_full_ends_it_all_the_same),
        cmocka_unit_test(requests_leave_room_for_the_server),
        cmocka_unit_test(a_flood_of_one_tenant_holds_up_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
