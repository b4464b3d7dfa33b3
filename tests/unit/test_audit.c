/*
 * The audit log outside of the store: its lines, its checkpoints, and the check of a whole log. A
 * good log is made in memory; then it is changed in each way that somebody might, and the check
 * must name the place.
 */
#include "audit/chain.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RECORDS = 40, EVERY = 10, BODY_BYTES = 1024 };

/* A log, whose checkpoints are each EVERY records; index 0 is record 1. */
struct log {
    struct audit_record records[RECORDS];
    char bodies[RECORDS][BODY_BYTES];
    size_t count;
    uint32_t tenant;
    struct audit_secret secret;
    size_t pruned_at; /* which of them says that those before `pruned_before` went; 0: none */
    uint64_t pruned_before;
};

static void assert_good(cordon_error *error)
{
    if (error != NULL) {
        fail_msg("%s", cordon_error_get_message(error));
    }
}

/* Makes record `at` what its body and the record before say. */
static void link_record(struct log *log, size_t at)
{
    struct audit_record *record = &log->records[at];
    record->sequence = at + 1;
    record->ts = 1000 * (at + 1);
    record->body = slice_str(log->bodies[at]);
    memset(record->previous, 0, sizeof record->previous);
    if (at > 0) {
        memcpy(record->previous, log->records[at - 1].hash, sizeof record->previous);
    }
    audit_record_hash(record, record->hash);
}

static void write_checkpoint(struct log *log, size_t at, uint64_t covers)
{
    struct audit_checkpoint checkpoint = {.tenant = log->tenant, .covers = covers};
    memcpy(checkpoint.hash, log->records[covers - 1].hash, sizeof checkpoint.hash);
    memset(checkpoint.cluster, 7, sizeof checkpoint.cluster);
    assert_good(audit_checkpoint_sign(&log->secret, &checkpoint));
    assert_true(audit_checkpoint_is_signed(&checkpoint));
    CORDON_CLEANUP_BUFFER struct buffer body;
    buffer_init(&body, BODY_BYTES - 1);
    assert_good(audit_checkpoint_write(&body, &checkpoint));
    memcpy(log->bodies[at], body.data, body.size);
    log->bodies[at][body.size] = '\0';
    audit_secret_advance(&log->secret);
}

static void write_prune(struct log *log, size_t at)
{
    struct audit_prune prune = {
        .before = log->pruned_before,
        .actor = {.by = "a test \"of it\"", .key = "0123456789abcdef"}};
    memcpy(prune.hash, log->records[log->pruned_before - 2].hash, sizeof prune.hash);
    CORDON_CLEANUP_BUFFER struct buffer body;
    buffer_init(&body, BODY_BYTES - 1);
    assert_good(audit_prune_write(&body, &prune));
    memcpy(log->bodies[at], body.data, body.size);
    log->bodies[at][body.size] = '\0';
}

static bool is_checkpoint(size_t at)
{
    return at % EVERY == EVERY - 1;
}

/* Records from `from` on, as the machine writes them that has the log's secret. */
static void write_from(struct log *log, size_t from)
{
    for (size_t at = from; at < RECORDS; at++) {
        if (is_checkpoint(at)) {
            write_checkpoint(log, at, at);
        } else if (log->pruned_at > 0 && at == log->pruned_at) {
            write_prune(log, at);
        } else {
            (void)snprintf(log->bodies[at], BODY_BYTES, "{\"kind\":\"mutation\",\"n\":%zu}", at);
        }
        link_record(log, at);
    }
    log->count = RECORDS;
}

static struct log *new_log(uint8_t secret)
{
    struct log *log = calloc(1, sizeof *log);
    assert_non_null(log);
    log->tenant = 1;
    memset(log->secret.bytes, secret, sizeof log->secret.bytes);
    write_from(log, 0);
    return log;
}

/* One whose record 33 says that those before 20 are gone; they are still there. */
enum { PRUNED_AT = 32, PRUNED_BEFORE = 20 };

static struct log *new_pruned_log(uint8_t secret)
{
    struct log *log = calloc(1, sizeof *log);
    assert_non_null(log);
    log->tenant = 1;
    memset(log->secret.bytes, secret, sizeof log->secret.bytes);
    log->pruned_at = PRUNED_AT;
    log->pruned_before = PRUNED_BEFORE;
    write_from(log, 0);
    return log;
}

/* A copy whose bodies are its own. */
static struct log *copy_log(const struct log *log)
{
    struct log *copy = malloc(sizeof *copy);
    assert_non_null(copy);
    *copy = *log;
    for (size_t at = 0; at < copy->count; at++) {
        copy->records[at].body = slice_str(copy->bodies[at]);
    }
    return copy;
}

static void expect_all(struct audit_chain *chain, const struct log *kept)
{
    for (size_t at = 0; at < RECORDS; at++) {
        bool is_whole = false;
        if (is_checkpoint(at)) {
            assert_good(audit_chain_expect(chain, slice_str(kept->bodies[at]), &is_whole));
            assert_true(is_whole);
        }
    }
}

/* The first record that a check is given. */
static uint64_t checked_from = 1;

/* Whose it must be, and up to where it must be signed; 0: anybody's, and anywhere. */
static uint32_t checked_of = 0;
static uint64_t checked_to = 0;
static const uint8_t *checked_next = NULL; /* and the key that it must have announced there */

/* Checks a log, against checkpoints of another copy and a key if they are given. */
static struct audit_verdict check(
    const struct log *log, const struct log *kept, const uint8_t *trusted)
{
    struct audit_chain *chain = NULL;
    assert_good(audit_chain_new(&chain));
    audit_chain_of(chain, checked_of);
    audit_chain_reach(chain, checked_to, checked_next);
    if (trusted != NULL) {
        audit_chain_trust(chain, trusted);
    }
    if (kept != NULL) {
        expect_all(chain, kept);
    }
    for (size_t at = checked_from - 1; at < log->count; at++) {
        assert_good(audit_chain_add(chain, &log->records[at]));
    }
    const struct audit_verdict verdict = audit_chain_end(chain);
    audit_chain_free(chain);
    return verdict;
}

static void must_find(const struct audit_verdict *verdict, uint64_t sequence, const char *words)
{
    assert_false(verdict->is_good);
    assert_int_equal(verdict->fault_at, sequence);
    if (strstr(verdict->fault, words) == NULL) {
        fail_msg("'%s' does not say '%s'", verdict->fault, words);
    }
}

static void a_good_log_is_good(void **state)
{
    (void)state;
    struct log *log = new_log(1);
    struct audit_verdict verdict = check(log, NULL, NULL);
    assert_true(verdict.is_good);
    assert_int_equal(verdict.records, RECORDS);
    assert_int_equal(verdict.checkpoints, RECORDS / EVERY);
    assert_int_equal(verdict.signed_to, RECORDS - 1);
    assert_false(verdict.is_key_trusted);
    const struct audit_verdict again = check(log, log, verdict.key);
    assert_true(again.is_good);
    assert_int_equal(again.kept, RECORDS / EVERY);
    assert_int_equal(again.kept_to, RECORDS - 1);
    assert_true(again.is_key_trusted);
    log->count = 0;
    assert_true(check(log, NULL, NULL).is_good);
    free(log);
}

static void every_changed_byte_is_found(void **state)
{
    (void)state;
    const struct log *good = new_log(1);
    for (size_t at = 0; at < RECORDS; at++) {
        struct log *log = copy_log(good);
        log->bodies[at][strlen(log->bodies[at]) / 2] ^= 1;
        const struct audit_verdict body = check(log, NULL, NULL);
        must_find(&body, at + 1, "changed");
        free(log);

        log = copy_log(good);
        log->records[at].ts++;
        const struct audit_verdict ts = check(log, NULL, NULL);
        must_find(&ts, at + 1, "changed");
        log->records[at].ts--;
        log->records[at].hash[5] ^= 1;
        const struct audit_verdict hash = check(log, NULL, NULL);
        must_find(&hash, at + 1, "changed");
        free(log);
    }
    free((void *)(uintptr_t)good);
}

static void what_is_taken_out_is_missed(void **state)
{
    (void)state;
    struct log *good = new_log(1);
    for (size_t at = 0; at + 1 < RECORDS; at++) {
        struct log *log = copy_log(good);
        memmove(
            &log->records[at], &log->records[at + 1], (RECORDS - at - 1) * sizeof log->records[0]);
        log->count--;
        const struct audit_verdict verdict = check(log, NULL, NULL);
        must_find(&verdict, at + 1, "missing");
        free(log);
    }
    free(good);
}

static void another_order_is_found(void **state)
{
    (void)state;
    struct log *good = new_log(1);
    for (size_t at = 0; at + 1 < RECORDS; at++) {
        struct log *log = copy_log(good);
        const struct audit_record first = log->records[at];
        log->records[at] = log->records[at + 1];
        log->records[at + 1] = first;
        struct audit_verdict verdict = check(log, NULL, NULL);
        must_find(&verdict, at + 1, "missing");
        log->records[at].sequence = at + 1; /* and the numbers mended */
        log->records[at + 1].sequence = at + 2;
        verdict = check(log, NULL, NULL);
        assert_false(verdict.is_good);
        assert_int_equal(verdict.fault_at, at + 1);

        *log = *good;
        log->records[at + 1] = log->records[at];
        verdict = check(log, NULL, NULL);
        must_find(&verdict, at + 2, "twice");
        free(log);
    }
    free(good);
}

/* Hashes made good again behind a change: what a checkpoint signed is not there any more. */
static void a_new_chain_is_found_by_its_signatures(void **state)
{
    (void)state;
    struct log *good = new_log(1);
    for (size_t at = 0; at < RECORDS - EVERY; at++) {
        if (is_checkpoint(at)) {
            continue;
        }
        struct log *log = copy_log(good);
        (void)snprintf(log->bodies[at], BODY_BYTES, "{\"kind\":\"mutation\",\"n\":\"forged\"}");
        for (size_t behind = at; behind < RECORDS; behind++) {
            link_record(log, behind);
        }
        const struct audit_verdict verdict = check(log, NULL, NULL);
        must_find(&verdict, (at / EVERY + 1) * EVERY, "not what this checkpoint signed");
        free(log);
    }
    free(good);
}

static void a_forged_signature_is_found(void **state)
{
    (void)state;
    struct log *log = new_log(1);
    char *at = strstr(log->bodies[EVERY - 1], "\"signature\":\"");
    assert_non_null(at);
    at += strlen("\"signature\":\"");
    *at = *at == '0' ? '1' : '0';
    for (size_t behind = EVERY - 1; behind < RECORDS; behind++) {
        link_record(log, behind);
    }
    struct audit_verdict verdict = check(log, NULL, NULL);
    must_find(&verdict, EVERY, "signature");
    at[-3] = 'X'; /* and one that is no checkpoint any more, by its name */
    for (size_t behind = EVERY - 1; behind < RECORDS; behind++) {
        link_record(log, behind);
    }
    verdict = check(log, NULL, NULL);
    must_find(&verdict, EVERY, "whole");
    free(log);
}

/* A log of tenant 2, by keys of its own. */
static struct log *new_log_of_another(uint8_t secret)
{
    struct log *log = calloc(1, sizeof *log);
    assert_non_null(log);
    log->tenant = 2;
    memset(log->secret.bytes, secret, sizeof log->secret.bytes);
    write_from(log, 0);
    return log;
}

/* What a log says of itself is not whose it must be; its owner's checkpoints are all missed. */
static void the_log_of_another_tenant_is_found(void **state)
{
    (void)state;
    struct log *own = new_log(1);
    struct log *other = new_log_of_another(2);
    checked_of = 1;
    struct audit_verdict verdict = check(other, NULL, NULL);
    must_find(&verdict, EVERY, "another tenant's log");
    verdict = check(other, own, NULL);
    must_find(&verdict, EVERY, "another tenant's log");
    other->count = EVERY - 1; /* before there is a checkpoint that would tell */
    verdict = check(other, own, NULL);
    must_find(&verdict, EVERY - 1, "a checkpoint that was kept speaks of it");
    other->count = RECORDS;
    checked_of = 2;
    verdict = check(other, other, NULL);
    assert_true(verdict.is_good);
    assert_int_equal(verdict.tenant, 2);
    checked_of = 0;
    verdict = check(other, NULL, NULL);
    assert_true(verdict.is_good);
    assert_int_equal(verdict.tenant, 2);
    free(other);
    free(own);
}

/* Nor may another's go on behind one's own, as where keys begin anew. */
static void the_log_of_another_tenant_does_not_go_on(void **state)
{
    (void)state;
    struct log *log = new_log(1);
    const size_t anew = 2 * EVERY - 1;
    memset(log->secret.bytes, 9, sizeof log->secret.bytes);
    log->secret.epoch = 0;
    log->tenant = 2;
    write_from(log, anew);
    for (checked_of = 0; checked_of < 2; checked_of++) {
        const struct audit_verdict verdict = check(log, NULL, NULL);
        must_find(&verdict, anew + 1, "another tenant's log");
    }
    checked_of = 0;
    free(log);
}

/* Checkpoints of others that were kept say nothing, and are counted. */
static void what_was_kept_of_others_is_passed_over(void **state)
{
    (void)state;
    struct log *own = new_log(1);
    struct log *other = new_log_of_another(2);
    struct audit_verdict verdict = check(own, other, NULL);
    assert_true(verdict.is_good);
    assert_int_equal(verdict.kept, 0);
    assert_int_equal(verdict.kept_others, RECORDS / EVERY);
    own->count = EVERY - 1; /* no checkpoint was made yet */
    checked_of = 1;
    verdict = check(own, other, NULL);
    assert_true(verdict.is_good);
    assert_int_equal(verdict.kept_others, RECORDS / EVERY);
    checked_of = 0;
    free(other);
    free(own);
}

/* Who keeps the secret knows up to where it was signed. */
static void a_log_must_reach_as_far_as_it_was_signed(void **state)
{
    (void)state;
    struct log *log = new_log(1);
    checked_to = RECORDS - 1;
    struct audit_verdict verdict = check(log, NULL, NULL);
    assert_true(verdict.is_good);
    log->count = RECORDS - 1; /* all that it covers is there, the checkpoint is not */
    verdict = check(log, NULL, NULL);
    must_find(&verdict, RECORDS - 1, "own secret has signed up to there");
    log->count = 0;
    verdict = check(log, NULL, NULL);
    must_find(&verdict, RECORDS - 1, "own secret has signed up to there");
    checked_to = 0;
    free(log);
}

/* And with which key it goes on: a secret of another log, or of another time, is not the one. */
static void a_log_must_have_announced_its_secret(void **state)
{
    (void)state;
    struct log *log = new_log(1);
    struct log *other = new_log(2);
    uint8_t key[SIGN_PUBLIC_BYTES];
    assert_good(audit_secret_key(&log->secret, key));
    checked_to = RECORDS - 1;
    checked_next = key;
    struct audit_verdict verdict = check(log, NULL, NULL);
    assert_true(verdict.is_good);
    verdict = check(other, NULL, NULL);
    must_find(&verdict, RECORDS - 1, "the secret was exchanged");
    checked_to = RECORDS - 1 - EVERY; /* there another key was announced */
    verdict = check(log, NULL, NULL);
    must_find(&verdict, RECORDS - 1 - EVERY, "the secret was exchanged");
    checked_to = 0;
    verdict = check(other, NULL, NULL);
    assert_true(verdict.is_good); /* it has signed nothing yet */
    checked_next = NULL;
    free(other);
    free(log);
}

/* A row that is damaged has a line, which is no record. */
static void a_damaged_row_is_found(void **state)
{
    (void)state;
    struct audit_chain *chain = NULL;
    struct log *log = new_log(1);
    struct audit_record record;
    CORDON_CLEANUP_BUFFER struct buffer line;
    buffer_init(&line, 256);
    assert_good(audit_record_write_damaged(&line, 6));
    const struct slice text = slice_of(line.data, line.size - 1);
    uint64_t sequence = 0;
    assert_true(audit_record_is_damaged(text, &sequence));
    assert_int_equal(sequence, 6);
    assert_false(audit_record_read(text, &record));
    assert_false(audit_record_is_damaged(slice_str("{\"sequence\":6}"), &sequence));
    assert_false(audit_record_is_damaged(slice_str(""), &sequence));
    assert_good(audit_chain_new(&chain));
    for (size_t at = 0; at < 5; at++) {
        assert_good(audit_chain_add(chain, &log->records[at]));
    }
    audit_chain_add_damaged(chain, 6);
    for (size_t at = 6; at < RECORDS; at++) {
        assert_good(audit_chain_add(chain, &log->records[at]));
    }
    const struct audit_verdict verdict = audit_chain_end(chain);
    must_find(&verdict, 6, "its row in the data file was changed or is damaged");
    audit_chain_free(chain);

    /* As the first that is left of a log, and behind one that is missing. */
    assert_good(audit_chain_new(&chain));
    audit_chain_add_damaged(chain, 6);
    const struct audit_verdict first = audit_chain_end(chain);
    must_find(&first, 6, "its row in the data file was changed or is damaged");
    audit_chain_free(chain);
    assert_good(audit_chain_new(&chain));
    assert_good(audit_chain_add(chain, &log->records[0]));
    audit_chain_add_damaged(chain, 3);
    const struct audit_verdict behind = audit_chain_end(chain);
    must_find(&behind, 2, "records were taken out");
    audit_chain_free(chain);
    free(log);
}

/* Who has today's secret signs what comes, and nothing that was signed before. */
static void an_old_record_is_not_signed_anew(void **state)
{
    (void)state;
    struct log *good = new_log(1);
    struct log *log = copy_log(good);
    memset(log->secret.bytes, 1, sizeof log->secret.bytes);
    log->secret.epoch = 0;
    audit_secret_advance(&log->secret); /* the secret after the first checkpoint */
    (void)snprintf(log->bodies[3], BODY_BYTES, "{\"kind\":\"mutation\",\"n\":\"forged\"}");
    for (size_t at = 3; at < EVERY - 1; at++) {
        link_record(log, at);
    }
    write_checkpoint(log, EVERY - 1, EVERY - 1);
    link_record(log, EVERY - 1);
    write_from(log, EVERY);
    const struct audit_verdict verdict = check(log, NULL, NULL);
    must_find(&verdict, EVERY, "earlier ones were made");
    free(log);
    free(good);
}

/* A whole log made anew, with its own keys: found by the key, or by checkpoints from elsewhere. */
static void a_log_made_anew_is_found_from_outside(void **state)
{
    (void)state;
    struct log *good = new_log(1);
    struct log *anew = new_log(2);
    const struct audit_verdict alone = check(anew, NULL, NULL);
    assert_true(alone.is_good);
    const struct audit_verdict first = check(good, NULL, NULL);
    struct audit_verdict verdict = check(anew, NULL, first.key);
    must_find(&verdict, EVERY, "not the one that was to be");
    verdict = check(anew, good, NULL);
    must_find(&verdict, EVERY - 1, "made anew");
    free(anew);
    free(good);
}

static void a_cut_end_is_found_from_outside(void **state)
{
    (void)state;
    struct log *good = new_log(1);
    struct log *log = copy_log(good);
    for (size_t count = 0; count < RECORDS; count++) {
        log->count = count;
        assert_true(check(log, NULL, NULL).is_good);
        const struct audit_verdict verdict = check(log, good, NULL);
        assert_false(verdict.is_good);
        assert_non_null(strstr(verdict.fault, count < EVERY - 1 ? "cut" : ""));
    }
    free(log);
    free(good);
}

/* In whatever order they are given, the first that is not there is told. */
/* Whatever the number that a kept checkpoint speaks of: it is of no record that was pruned. */
static void a_record_that_never_was_is_found_from_outside(void **state)
{
    (void)state;
    static const uint64_t covered[] = {0, RECORDS + 1, UINT64_MAX - 1, UINT64_MAX};
    struct log *log = new_log(1);
    for (size_t i = 0; i < sizeof covered / sizeof covered[0]; i++) {
        const struct audit_checkpoint checkpoint = {.tenant = 1, .covers = covered[i]};
        CORDON_CLEANUP_BUFFER struct buffer line;
        buffer_init(&line, BODY_BYTES);
        assert_good(audit_checkpoint_write(&line, &checkpoint));
        struct audit_chain *chain = NULL;
        bool is_whole = false;
        assert_good(audit_chain_new(&chain));
        assert_good(audit_chain_expect(chain, buffer_slice(&line), &is_whole));
        assert_true(is_whole);
        for (size_t at = 0; at < RECORDS; at++) {
            assert_good(audit_chain_add(chain, &log->records[at]));
        }
        const struct audit_verdict verdict = audit_chain_end(chain);
        must_find(&verdict, covered[i], "a checkpoint that was kept speaks of it");
        assert_int_equal(verdict.kept_pruned, 0);
        audit_chain_free(chain);
    }
    free(log);
}

static void kept_checkpoints_may_be_in_any_order(void **state)
{
    (void)state;
    struct log *good = new_log(1);
    struct log *anew = new_log(2);
    const struct log *const logs[] = {good, anew};
    for (size_t i = 0; i < 2; i++) {
        struct audit_chain *chain = NULL;
        assert_good(audit_chain_new(&chain));
        for (size_t at = RECORDS; at-- > 0;) {
            bool is_whole = true;
            if (is_checkpoint(at)) { /* twice, as a file has it that was put together */
                assert_good(audit_chain_expect(chain, slice_str(good->bodies[at]), &is_whole));
                assert_good(audit_chain_expect(chain, slice_str(good->bodies[at]), &is_whole));
            }
            assert_true(is_whole);
        }
        for (size_t at = 0; at < RECORDS; at++) {
            assert_good(audit_chain_add(chain, &logs[i]->records[at]));
        }
        const struct audit_verdict verdict = audit_chain_end(chain);
        assert_int_equal(verdict.is_good, i == 0);
        assert_int_equal(verdict.kept, i == 0 ? 2 * RECORDS / EVERY : 0);
        assert_int_equal(verdict.fault_at, i == 0 ? 0 : EVERY - 1);
        audit_chain_free(chain);
    }
    free(anew);
    free(good);
}

/* As after a restore: it is told, and to who knows the first key it is a fault. */
static void keys_that_begin_anew_are_told(void **state)
{
    (void)state;
    struct log *log = new_log(1);
    memset(log->secret.bytes, 9, sizeof log->secret.bytes);
    log->secret.epoch = 0;
    const size_t from = (size_t)2 * EVERY;
    write_from(log, from);
    const struct audit_verdict verdict = check(log, NULL, NULL);
    assert_true(verdict.is_good);
    assert_int_equal(verdict.checkpoints, RECORDS / EVERY);
    assert_int_equal(verdict.anew, 1);
    assert_int_equal(verdict.anew_at, (uint64_t)3 * EVERY);
    const struct audit_verdict trusted = check(log, NULL, verdict.key);
    must_find(&trusted, (uint64_t)3 * EVERY, "anew");
    free(log);
}

/* Neither the secret of another epoch nor one of another chain goes on with the keys. */
static void other_keys_do_not_go_on(void **state)
{
    (void)state;
    for (uint64_t epoch = 1; epoch < 4; epoch++) {
        struct log *log = new_log(1);
        memset(log->secret.bytes, 9, sizeof log->secret.bytes);
        log->secret.epoch = epoch;
        write_from(log, (size_t)2 * EVERY);
        const struct audit_verdict verdict = check(log, NULL, NULL);
        must_find(&verdict, (uint64_t)3 * EVERY, "announced");
        free(log);
    }
}

/* -- Logs that were pruned ------------------------------------------------------------------- */

static struct audit_verdict check_from(
    uint64_t first, const struct log *log, const struct log *kept, const uint8_t *trusted)
{
    checked_from = first;
    const struct audit_verdict verdict = check(log, kept, trusted);
    checked_from = 1;
    return verdict;
}

/* Removed as far as the record says, or less, as somebody was killed meanwhile. */
static void a_pruned_log_is_good(void **state)
{
    (void)state;
    struct log *log = new_pruned_log(1);
    for (uint64_t first = 1; first <= PRUNED_BEFORE; first++) {
        const struct audit_verdict verdict = check_from(first, log, NULL, NULL);
        if (!verdict.is_good) {
            fail_msg("from %d: %d: %s", (int)first, (int)verdict.fault_at, verdict.fault);
        }
        assert_int_equal(verdict.first, first);
        assert_int_equal(verdict.records, RECORDS - first + 1);
        assert_int_equal(verdict.pruned_at, PRUNED_AT + 1);
        assert_int_equal(verdict.prune.before, PRUNED_BEFORE);
        assert_string_equal(verdict.prune.actor.by, "a test \"of it\"");
        assert_string_equal(verdict.prune.actor.key, "0123456789abcdef");
    }
    free(log);
}

static void more_than_a_prune_says_is_missed(void **state)
{
    (void)state;
    struct log *log = new_pruned_log(1);
    for (uint64_t first = PRUNED_BEFORE + 1; first <= RECORDS; first++) {
        const struct audit_verdict verdict = check_from(first, log, NULL, NULL);
        must_find(
            &verdict, 1,
            first <= PRUNED_AT + 1 ? "more records were taken out" : "no signed record says");
    }
    free(log);
    log = new_log(1); /* nothing says so at all */
    for (uint64_t first = 2; first <= RECORDS; first++) {
        const struct audit_verdict verdict = check_from(first, log, NULL, NULL);
        must_find(&verdict, 1, "no signed record says");
    }
    free(log);
}

/* Whoever can append to the log, but not sign it, prunes nothing. */
static void a_prune_must_be_signed(void **state)
{
    (void)state;
    struct log *log = new_pruned_log(1);
    log->count = RECORDS - 1; /* without the last checkpoint */
    const struct audit_verdict verdict = check_from(PRUNED_BEFORE, log, NULL, NULL);
    must_find(&verdict, 1, "no signed record says");
    free(log);
}

/* Records before the cut were changed, and all hashes made anew up to where nothing is signed. */
static void a_prune_hides_no_other_beginning(void **state)
{
    (void)state;
    struct log *log = new_pruned_log(1);
    for (uint64_t first = 2; first <= PRUNED_BEFORE; first++) {
        struct log *changed = copy_log(log);
        changed->records[first - 1].previous[7] ^= 1;
        audit_record_hash(&changed->records[first - 1], changed->records[first - 1].hash);
        const struct audit_verdict verdict = check_from(first, changed, NULL, NULL);
        assert_false(verdict.is_good);
        free(changed);
    }
    free(log);
}

/* Where keys were made anew, their first checkpoint comes after what it would have to sign. */
static void new_keys_do_not_sign_the_cut(void **state)
{
    (void)state;
    static const uint64_t cuts[] = {20, 21, 25, 29};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        struct log *log = new_log(1);
        memset(log->secret.bytes, 9, sizeof log->secret.bytes);
        log->secret.epoch = 0;
        log->pruned_at = PRUNED_AT;
        log->pruned_before = cuts[i];
        write_from(log, cuts[i]); /* the first of them is what is left of the old */
        const struct audit_verdict verdict = check_from(cuts[i], log, NULL, NULL);
        if (cuts[i] == PRUNED_BEFORE) { /* where an old checkpoint is left, the new keys show */
            assert_true(verdict.is_good);
            assert_int_equal(verdict.anew, 1);
        } else {
            must_find(&verdict, 1, "does not go on where the prune says");
        }
        free(log);
    }
}

static void kept_checkpoints_of_pruned_records_are_told(void **state)
{
    (void)state;
    struct log *log = new_pruned_log(1);
    struct audit_verdict verdict = check_from(PRUNED_BEFORE, log, log, NULL);
    assert_true(verdict.is_good);
    assert_int_equal(verdict.kept, 3);
    assert_int_equal(verdict.kept_pruned, 1);

    struct audit_chain *chain = NULL; /* the first one alone */
    bool is_whole = false;
    assert_good(audit_chain_new(&chain));
    assert_good(audit_chain_expect(chain, slice_str(log->bodies[EVERY - 1]), &is_whole));
    for (size_t at = PRUNED_BEFORE - 1; at < RECORDS; at++) {
        assert_good(audit_chain_add(chain, &log->records[at]));
    }
    verdict = audit_chain_end(chain);
    must_find(&verdict, EVERY - 1, "it was pruned");
    assert_int_equal(verdict.pruned_at, PRUNED_AT + 1);
    audit_chain_free(chain);

    struct log *other = new_pruned_log(2); /* of another machine: nothing of it is here */
    verdict = check_from(PRUNED_BEFORE, log, other, NULL);
    assert_false(verdict.is_good);
    free(other);
    free(log);
}

static void the_first_key_that_is_left_can_be_trusted(void **state)
{
    (void)state;
    struct log *log = new_pruned_log(1);
    const struct audit_verdict whole = check(log, NULL, NULL);
    const struct audit_verdict left = check_from(PRUNED_BEFORE, log, NULL, NULL);
    assert_memory_not_equal(whole.key, left.key, sizeof whole.key);
    struct audit_verdict verdict = check_from(PRUNED_BEFORE, log, NULL, left.key);
    assert_true(verdict.is_good && verdict.is_key_trusted);
    verdict = check_from(PRUNED_BEFORE, log, NULL, whole.key);
    must_find(&verdict, PRUNED_BEFORE, "those before it were pruned");
    free(log);
}

static void other_forms_are_no_prunes(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"kind\":\"prune\",}",
        "{\"kind\":\"prune\",\"before\":20}",
        "{\"kind\":\"prune\",\"before\":1,\"records\":1,\"hash\":\"x\",\"first_key\":\"y\",\"by\":"
        "\"z\"}",
        "{\"kind\":\"prune\",\"before\":[[[[[[[[\"",
    };
    struct audit_prune prune;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        bool is_whole = true;
        assert_good(audit_prune_read(slice_str(bodies[i]), &is_whole, &prune));
        assert_false(is_whole);
        struct log *log = new_log(1);
        (void)snprintf(log->bodies[3], BODY_BYTES, "%s", bodies[i]);
        for (size_t at = 3; at < 8; at++) {
            link_record(log, at);
        }
        log->count = 8;
        const struct audit_verdict verdict = check(log, NULL, NULL);
        must_find(&verdict, 4, "no whole record of a prune");
        free(log);
    }
    struct log *log = new_pruned_log(1);
    struct slice body = slice_str(log->bodies[PRUNED_AT]);
    for (size_t size = 0; size < body.size; size++) {
        bool is_whole = true;
        assert_good(audit_prune_read(slice_of(body.data, size), &is_whole, &prune));
        assert_false(is_whole);
    }
    free(log);
}

/* -- Lines ----------------------------------------------------------------------------------- */

static void lines_are_read_as_they_are_written(void **state)
{
    (void)state;
    struct log *log = new_log(1);
    for (size_t at = 0; at < RECORDS; at++) {
        CORDON_CLEANUP_BUFFER struct buffer line;
        buffer_init(&line, 65536);
        log->records[at].ts = at == 0 ? UINT64_MAX : log->records[at].ts;
        assert_good(audit_record_write(&line, &log->records[at]));
        struct audit_record read;
        assert_true(audit_record_read(slice_of(line.data, line.size - 1), &read));
        assert_int_equal(read.sequence, log->records[at].sequence);
        assert_true(read.ts == log->records[at].ts);
        assert_memory_equal(read.hash, log->records[at].hash, sizeof read.hash);
        assert_memory_equal(read.previous, log->records[at].previous, sizeof read.previous);
        assert_true(slice_equal(read.body, log->records[at].body));
        for (size_t cut = 0; cut < line.size - 1; cut++) {
            struct audit_record part;
            if (audit_record_read(slice_of(line.data, cut), &part)) {
                assert_true(part.body.size < read.body.size); /* it ends in a brace of the body */
            }
        }
    }
    free(log);
}

static void other_forms_are_no_lines(void **state)
{
    (void)state;
#define HASH_REST "000000000000000000000000000000000000000000000000000000000000000"
#define HASH "0" HASH_REST
    static const char *const lines[] = {
        "",
        "{}",
        "{\"sequence\":01,\"ts\":\"1\",\"previous\":\"" HASH "\",\"hash\":\"" HASH
        "\",\"body\":{}}",
        "{\"sequence\":-1,\"ts\":\"1\",\"previous\":\"" HASH "\",\"hash\":\"" HASH
        "\",\"body\":{}}",
        "{\"sequence\":18446744073709551616,\"ts\":\"1\",\"previous\":\"" HASH "\",\"hash\":\"" HASH
        "\",\"body\":{}}",
        "{\"sequence\":1,\"ts\":1,\"previous\":\"" HASH "\",\"hash\":\"" HASH "\",\"body\":{}}",
        "{\"sequence\": 1,\"ts\":\"1\",\"previous\":\"" HASH "\",\"hash\":\"" HASH
        "\",\"body\":{}}",
        "{\"sequence\":1,\"ts\":\"1\",\"previous\":\"" HASH "0\",\"hash\":\"" HASH
        "\",\"body\":{}}",
        "{\"sequence\":1,\"ts\":\"1\",\"previous\":\"" HASH "\",\"hash\":\"" HASH "\",\"body\":",
        "{\"sequence\":1,\"ts\":\"1\",\"previous\":\"" HASH "\",\"hash\":\"A" HASH_REST
        "\",\"body\":{}}",
        "{\"sequence\":1,\"ts\":\"1\",\"previous\":\"A" HASH_REST "\",\"hash\":\"" HASH
        "\",\"body\":{}}",
        "{\"ts\":\"1\",\"sequence\":1,\"previous\":\"" HASH "\",\"hash\":\"" HASH "\",\"body\":{}}",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct audit_record record;
        assert_false(audit_record_read(slice_str(lines[i]), &record));
    }
    struct audit_record record;
    assert_true(audit_record_read(
        SLICE("{\"sequence\":1,\"ts\":\"1\",\"previous\":\"" HASH "\",\"hash\":\"" HASH
              "\",\"body\":{}}"),
        &record));
    assert_true(audit_record_read(
        SLICE("{\"sequence\":1,\"ts\":\"1\",\"previous\":\"a" HASH_REST "\",\"hash\":\"" HASH
              "\",\"body\":{}}"),
        &record));
#undef HASH
#undef HASH_REST
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_log_is_good),
        cmocka_unit_test(every_changed_byte_is_found),
        cmocka_unit_test(what_is_taken_out_is_missed),
        cmocka_unit_test(another_order_is_found),
        cmocka_unit_test(a_new_chain_is_found_by_its_signatures),
        cmocka_unit_test(a_forged_signature_is_found),
        cmocka_unit_test(the_log_of_another_tenant_is_found),
        cmocka_unit_test(the_log_of_another_tenant_does_not_go_on),
        cmocka_unit_test(what_was_kept_of_others_is_passed_over),
        cmocka_unit_test(a_log_must_reach_as_far_as_it_was_signed),
        cmocka_unit_test(a_log_must_have_announced_its_secret),
        cmocka_unit_test(a_damaged_row_is_found),
        cmocka_unit_test(an_old_record_is_not_signed_anew),
        cmocka_unit_test(a_log_made_anew_is_found_from_outside),
        cmocka_unit_test(a_cut_end_is_found_from_outside),
        cmocka_unit_test(a_record_that_never_was_is_found_from_outside),
        cmocka_unit_test(kept_checkpoints_may_be_in_any_order),
        cmocka_unit_test(keys_that_begin_anew_are_told),
        cmocka_unit_test(other_keys_do_not_go_on),
        cmocka_unit_test(a_pruned_log_is_good),
        cmocka_unit_test(more_than_a_prune_says_is_missed),
        cmocka_unit_test(a_prune_must_be_signed),
        cmocka_unit_test(a_prune_hides_no_other_beginning),
        cmocka_unit_test(new_keys_do_not_sign_the_cut),
        cmocka_unit_test(kept_checkpoints_of_pruned_records_are_told),
        cmocka_unit_test(the_first_key_that_is_left_can_be_trusted),
        cmocka_unit_test(other_forms_are_no_prunes),
        cmocka_unit_test(lines_are_read_as_they_are_written),
        cmocka_unit_test(other_forms_are_no_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
