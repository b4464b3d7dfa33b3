/*
 * Verifying, from the bottom up: pages, then each row by itself with its checksum, its shape and
 * the audit chain, then the log. Only of a data file without damage is it asked whether its rows
 * agree (agreement.c): of one that lost some, every answer would be a guess.
 *
 * The log is read before the snapshot is taken, because what is durable moves from the log into
 * the data file and never back: so each commit is met in one of them. While a server writes, a
 * reader of the log may meet a record and not the one before it, where that was written behind its
 * back; such a gap is gone when it is read again, and a gap of damage is not.
 */
#include "upkeep/verify.h"

#include "store/batch.h"
#include "upkeep/agreement.h"
#include "upkeep/row_shape.h"
#include "value/id.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { LOG_TRIES_MAX = 25, PAUSE_NS = 10000000 };

static const char data_file[] = "data.mdb";

/* -- Names ----------------------------------------------------------------------------------- */

void verify_name_row(struct slice key, char out_name[VERIFY_NAME_BYTES])
{
    if (key.size < LAYOUT_PREFIX_BYTES) {
        (void)snprintf(out_name, VERIFY_NAME_BYTES, "a row");
        return;
    }
    struct store_id id = {0};
    const struct slice logical =
        key.size > LAYOUT_TS_BYTES ? layout_logical(key) : (struct slice){0};
    if (row_tenant(key) != LAYOUT_TENANT_SYSTEM && layout_document_of(logical, &id)) {
        char text[DOCUMENT_ID_TEXT_MAX + 1];
        struct document_id document = {.table = id.table};
        memcpy(document.internal, id.internal, sizeof document.internal);
        (void)document_id_encode(&document, text);
        if (row_keyspace(key) == KEYSPACE_DOCUMENT) {
            (void)snprintf(out_name, VERIFY_NAME_BYTES, "document %s of table %u", text, id.table);
        } else {
            (void)snprintf(
                out_name, VERIFY_NAME_BYTES, "entry of document %s in index %u of table %u", text,
                layout_load32(key.data + LAYOUT_PREFIX_BYTES + 4), id.table);
        }
        return;
    }
    (void)snprintf(
        out_name, VERIFY_NAME_BYTES, "a row of keyspace '%s' of tenant %u",
        layout_keyspace_name(row_keyspace(key)), row_tenant(key));
}

/* -- Rows ------------------------------------------------------------------------------------ */

struct walk_of_rows {
    struct verify *verify;
    struct row_times times;
    uint64_t total;
    /* The audit chain of the tenant whose rows are met: */
    bool has_audit;
    uint32_t tenant;
    struct audit_head head;
    uint64_t audit_ts;
};

static cordon_error *tell(struct verify *verify, const struct verify_damage *damage)
{
    verify->counts.damages++;
    return verify->damage(verify->arg, damage);
}

static cordon_error *tell_page(void *arg, uint64_t offset, const char *words)
{
    struct walk_of_rows *walk = arg;
    return tell(
        walk->verify, &(struct verify_damage){
                          .file = data_file, .has_offset = true, .offset = offset, .words = words});
}

/* The next record of the chain must follow the one before, in number, time and hash. */
static const char *check_audit_chain(struct walk_of_rows *walk, struct slice key, struct slice body)
{
    const struct audit_record record = batch_audit_record(key, body);
    if (!walk->has_audit || walk->tenant != row_tenant(key)) {
        walk->has_audit = true;
        walk->tenant = row_tenant(key);
        walk->head = (struct audit_head){.sequence = record.sequence - 1};
        walk->audit_ts = 0;
        if (record.sequence > 1) { /* it was pruned, or `cordon audit verify` says otherwise */
            memcpy(walk->head.hash, record.previous, SHA256_BYTES);
        }
    }
    uint8_t hash[SHA256_BYTES];
    audit_record_hash(&record, hash);
    const bool is_next = record.sequence == walk->head.sequence + 1 && record.ts > walk->audit_ts;
    const bool follows = memcmp(record.previous, walk->head.hash, SHA256_BYTES) == 0;
    const bool is_its_own = memcmp(record.hash, hash, SHA256_BYTES) == 0;
    walk->head.sequence = record.sequence;
    memcpy(walk->head.hash, record.hash, SHA256_BYTES);
    walk->audit_ts = record.ts;
    walk->verify->counts.audit_records++;
    if (!is_next) {
        return "the audit chain has a gap before it";
    }
    return follows && is_its_own ? NULL : "the audit chain is broken here";
}

static const char *check_row(struct walk_of_rows *walk, const struct kv_row *row)
{
    enum layout_kind kind = LAYOUT_TOMBSTONE;
    struct slice body = {0};
    cordon_error *error = layout_open(row->key, row->value, &kind, &body);
    cordon_error_free(error);
    if (error != NULL) {
        return "its checksum does not match";
    }
    const char *words = row_shape_check(row->key, kind, body, &walk->times);
    if (words == NULL && row_tenant(row->key) != LAYOUT_TENANT_SYSTEM &&
        row_keyspace(row->key) == KEYSPACE_AUDIT) {
        words = check_audit_chain(walk, row->key, body);
    }
    return words;
}

static cordon_error *visit_row(void *arg, const struct kv_row *row, uint64_t offset)
{
    enum { PROGRESS_ROWS = 10000 };
    struct walk_of_rows *walk = arg;
    struct verify *verify = walk->verify;
    verify->counts.rows++;
    if (verify->progress != NULL && verify->counts.rows % PROGRESS_ROWS == 0) {
        verify->progress(verify->arg, verify->counts.rows, walk->total);
    }
    const char *words = check_row(walk, row);
    if (words == NULL) {
        return NULL;
    }
    return tell(
        verify, &(struct verify_damage){.file = data_file,
                                        .has_offset = true,
                                        .offset = offset,
                                        .key = row->key,
                                        .words = words});
}

cordon_error *verify_rows(
    struct verify *verify, const struct snapshot *snapshot, const struct meta *meta)
{
    struct walk_of_rows walk = {
        .verify = verify,
        .times = {.last = meta->last_ts},
        .total = snapshot->image.rows.entries,
    };
    const struct image_visit visit = {.arg = &walk, .row = visit_row, .damage = tell_page};
    return image_check(&snapshot->image, &visit, &verify->counts.image);
}

/* A damaged file's words are damage, and not the end of the check; other errors are passed on. */
static cordon_error *tell_error(struct verify *verify, const char *file, cordon_error *error)
{
    if (error == NULL || cordon_error_get_code(error) != CORDON_E_STORE) {
        return error;
    }
    CORDON_CLEANUP(cordon_error_freep) cordon_error *owned = error;
    return tell(
        verify, &(struct verify_damage){.file = file, .words = cordon_error_get_message(owned)});
}

static cordon_error *tell_disagreement(void *arg, struct slice key, const char *words)
{
    return tell(arg, &(struct verify_damage){.file = data_file, .key = key, .words = words});
}

static cordon_error *check_agreement(
    struct verify *verify, const struct snapshot *snapshot, const struct meta *meta)
{
    struct agreement agreement = {
        .kv = snapshot->kv, .ts = meta->last_ts, .arg = verify, .damage = tell_disagreement};
    TRY(tell_error(verify, data_file, agreement_check(&agreement)));
    verify->counts.documents = agreement.documents;
    verify->counts.entries = agreement.entries;
    verify->counts.tables = agreement.tables;
    return NULL;
}

cordon_error *verify_snapshot(struct verify *verify, const struct snapshot *snapshot)
{
    struct meta meta;
    const uint64_t before = verify->counts.damages;
    cordon_error *error = snapshot_meta(snapshot, &meta);
    if (error != NULL) {
        verify->counts.skipped_agreement = true;
        meta = (struct meta){.last_ts = UINT64_MAX};
        TRY(tell_error(verify, data_file, error));
    }
    TRY(verify_rows(verify, snapshot, &meta));
    if (verify->counts.damages > before) {
        verify->counts.skipped_agreement = true;
        return NULL;
    }
    return check_agreement(verify, snapshot, &meta);
}

/* -- The log --------------------------------------------------------------------------------- */

static cordon_error *restart_log(void *arg)
{
    struct verify *verify = arg;
    verify->counts.log_records = 0;
    verify->counts.log_rows = 0;
    return NULL;
}

/* Its checksums were looked at when it was found to be a record. */
static cordon_error *visit_record(void *arg, const struct journal_record *record)
{
    struct verify *verify = arg;
    const struct row_times times = {.after = record->previous_ts, .last = record->ts};
    struct slice rows = record->rows;
    struct kv_row row;
    verify->counts.log_records++;
    while (journal_next_row(&rows, &row)) {
        enum layout_kind kind = LAYOUT_TOMBSTONE;
        struct slice body = {0};
        char name[VERIFY_NAME_BYTES];
        TRY(layout_open(row.key, row.value, &kind, &body));
        const char *words = row_shape_check(row.key, kind, body, &times);
        verify->counts.log_rows++;
        if (words != NULL) {
            verify_name_row(row.key, name);
            return cordon_error_new(
                CORDON_E_STORE,
                "the log is damaged: in the record at byte %" PRIu64 " of log.%u %s is wrong: %s",
                record->at, record->file, name, words);
        }
    }
    return NULL;
}

static cordon_error *take_log_once(
    const char *folder,
    cordon_error *(*visit)(void *arg, const struct journal_record *record),
    void *arg,
    unsigned *out_unfinished,
    struct snapshot *out_snapshot)
{
    CORDON_CLEANUP(snapshot_done) struct snapshot before = {.fd = -1};
    CORDON_CLEANUP(journal_closep) struct journal *journal = NULL;
    struct meta meta;
    TRY(snapshot_open(folder, &before));
    TRY(snapshot_meta(&before, &meta));
    snapshot_done(&before); /* LMDB is to be open once in a process */
    TRY(journal_open_to_read(folder, meta.cluster_id, &journal));
    TRY(journal_each(journal, &meta.last_ts, visit, arg));
    *out_unfinished = journal_unfinished(journal);
    return snapshot_open(folder, out_snapshot);
}

static void pause_a_moment(void)
{
    const struct timespec moment = {.tv_nsec = PAUSE_NS};
    (void)nanosleep(&moment, NULL);
}

cordon_error *verify_take_log(
    const char *folder,
    cordon_error *(*restart)(void *arg),
    cordon_error *(*visit)(void *arg, const struct journal_record *record),
    void *arg,
    unsigned *out_unfinished,
    struct snapshot *out_snapshot)
{
    cordon_error *error = NULL;
    for (int tries = 0; tries < LOG_TRIES_MAX; tries++) {
        cordon_error_free(error);
        TRY(restart(arg));
        error = take_log_once(folder, visit, arg, out_unfinished, out_snapshot);
        if (error == NULL || cordon_error_get_code(error) != CORDON_E_STORE) {
            return error;
        }
        pause_a_moment();
    }
    return error;
}

/* -- A folder -------------------------------------------------------------------------------- */

/* Without a meta record nothing says which log is this folder's. */
static cordon_error *check_beginning(const char *folder)
{
    CORDON_CLEANUP(snapshot_done) struct snapshot snapshot = {.fd = -1};
    struct meta meta;
    TRY(snapshot_open(folder, &snapshot));
    return snapshot_meta(&snapshot, &meta);
}

/* The data file of a folder whose log cannot be followed. */
static cordon_error *verify_data_file(struct verify *verify, const char *folder)
{
    CORDON_CLEANUP(snapshot_done) struct snapshot snapshot = {.fd = -1};
    cordon_error *error = snapshot_open(folder, &snapshot);
    if (error != NULL) {
        verify->counts.skipped_agreement = true;
        return tell_error(verify, data_file, error);
    }
    return verify_snapshot(verify, &snapshot);
}

cordon_error *verify_folder(struct verify *verify, const char *folder)
{
    CORDON_CLEANUP(snapshot_done) struct snapshot snapshot = {.fd = -1};
    cordon_error *error = check_beginning(folder);
    if (error != NULL) {
        if (cordon_error_get_code(error) != CORDON_E_STORE) {
            return error;
        }
        cordon_error_free(error); /* it is met again, and told, with all else */
        return verify_data_file(verify, folder);
    }
    unsigned unfinished = 0;
    error = verify_take_log(folder, restart_log, visit_record, verify, &unfinished, &snapshot);
    verify->counts.log_unfinished = unfinished;
    if (error != NULL) {
        TRY(tell_error(verify, "log", error));
        return verify_data_file(verify, folder);
    }
    return verify_snapshot(verify, &snapshot);
}
