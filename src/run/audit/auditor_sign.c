/*
 * Checkpoints of an audit log. One is made in three steps: sign, commit, replace the secret. Who is
 * killed between the last two finds the old secret and, in the log, what it has signed already; so
 * the log is read at the start, from the last record that a checkpoint is known to cover, and the
 * secret is brought past what is found there. No secret signs twice.
 */
#include "run/audit/auditor_internal.h"

#include "audit/checkpoint.h"
#include "base/random.h"
#include "run/audit/audit_rows.h"

enum { SCAN_BYTES = 1 << 20 };

/* -- What was signed before ------------------------------------------------------------------ */

/*
 * Brings the secret past a checkpoint that it has signed: keys that were before have others.
 * `*met` is set by the one that the secret was made for.
 */
static cordon_error *pass(struct auditor *auditor, struct slice body, bool *met)
{
    struct audit_checkpoint checkpoint = {0};
    bool is_whole = false;
    bool is_own = false;
    bool is_next = false;
    TRY(audit_checkpoint_read(body, &is_whole, &checkpoint));
    if (is_whole) {
        TRY(audit_secret_has_signed(&auditor->file.secret, &checkpoint, &is_own));
        TRY(audit_secret_is_next(&auditor->file.secret, &checkpoint, &is_next));
    }
    *met = *met || (is_next && checkpoint.covers == auditor->file.covered);
    if (is_own) {
        audit_secret_advance(&auditor->file.secret);
        auditor->file.covered = checkpoint.covers;
        return secret_file_keep(&auditor->file);
    }
    return NULL;
}

/* A row that can't be read might be a checkpoint, and no secret is to sign twice. */
static cordon_error *pass_lines(struct auditor *auditor, struct slice lines, bool *met)
{
    struct slice line = {0};
    while (slice_take_line(&lines, &line)) {
        struct audit_record record;
        if (!audit_record_read(line, &record)) {
            return cordon_error_new(
                CORDON_E_STORE, "a row of the audit log is damaged; `cordon audit verify` tells "
                                "which: restore the data folder from a backup");
        }
        TRY(pass(auditor, record.body, met));
    }
    return NULL;
}

static cordon_error *scan(struct auditor *auditor)
{
    CORDON_CLEANUP_BUFFER struct buffer lines;
    buffer_init(&lines, SCAN_BYTES + 2 * AUDIT_BODY_BYTES_MAX);
    const uint64_t covered = auditor->file.covered;
    uint64_t from = 0;
    uint64_t next = covered + 1;
    bool met = covered == 0;
    do {
        from = next;
        buffer_clear(&lines);
        TRY(audit_rows_page(auditor->store, auditor->tenant, from, SCAN_BYTES, &lines, &next));
        TRY(pass_lines(auditor, buffer_slice(&lines), &met));
    } while (next > from);
    return met ? NULL : audit_rows_cut(covered);
}

/* Not at the start, which it would hold up: what it does takes syncs, and reads. */
static cordon_error *get_ready(struct auditor *auditor)
{
    if (auditor->is_ready) {
        return NULL;
    }
    if (auditor->file.is_new) {
        random_system(auditor->file.secret.bytes, sizeof auditor->file.secret.bytes);
        auditor->file.is_new = false;
    }
    if (!auditor->file.is_kept) { /* the folder may have gone, and come again */
        TRY(secret_file_find_folder(&auditor->file, auditor->lead->folder));
        TRY(secret_file_keep(&auditor->file));
    }
    TRY(scan(auditor));
    auditor->is_ready = true;
    return NULL;
}

/* -- Checkpoints ----------------------------------------------------------------------------- */

/* Whose log has an end that no checkpoint covers; only if the auditor is ready. */
static cordon_error *find_news(
    struct auditor *auditor, struct audit_last *out_last, bool *out_is_new)
{
    TRY(audit_rows_last(auditor->store, auditor->tenant, auditor->file.covered, out_last));
    *out_is_new = out_last->sequence > 0 && !out_last->is_checkpoint;
    return NULL;
}

static cordon_error *sign_news(struct auditor *auditor)
{
    struct audit_last last = {0};
    bool is_new = false;
    TRY(get_ready(auditor));
    TRY(find_news(auditor, &last, &is_new));
    if (!is_new) {
        return NULL;
    }
    struct audit_checkpoint checkpoint = {.tenant = auditor->tenant, .covers = last.sequence};
    memcpy(checkpoint.hash, last.hash, sizeof checkpoint.hash);
    store_cluster_id(auditor->store, checkpoint.cluster);
    TRY(audit_checkpoint_sign(&auditor->file.secret, &checkpoint));
    CORDON_CLEANUP_BUFFER struct buffer body;
    buffer_init(&body, 4096);
    TRY(audit_checkpoint_write(&body, &checkpoint));
    auditor->is_ready = false; /* until the secret is the next one, whatever happens here */
    TRY(audit_rows_add(auditor->store, auditor->tenant, buffer_slice(&body)));
    audit_secret_advance(&auditor->file.secret);
    auditor->file.covered = checkpoint.covers;
    cordon_error *error = secret_file_keep(&auditor->file);
    auditor->is_ready = error == NULL;
    checkpoint_sink_tell(atomic_load(&auditor->lead->sink), buffer_slice(&body));
    return error;
}

/*
 * Its file, which nobody watches between two checkpoints: one that was removed, as who is told that
 * it is damaged may do, or that is of another day, is looked at as at the start.
 */
static cordon_error *open_again(struct auditor *auditor)
{
    const uint64_t covered = auditor->file.covered;
    TRY(secret_file_open(auditor->lead->folder, auditor->tenant, &auditor->file));
    const bool is_as_it_was = auditor->file.is_kept && auditor->file.covered == covered;
    auditor->is_ready = auditor->is_ready && is_as_it_was;
    return NULL;
}

/*
 * A follower has its secret in memory, and its folder open, only while it signs: there may be as
 * many as tenants.
 */
static cordon_error *follow(struct auditor *auditor)
{
    struct audit_last last = {0};
    bool is_new = true;
    if (auditor->is_ready) { /* so the file had the secret, and what it covers is known */
        TRY(find_news(auditor, &last, &is_new));
    }
    if (!is_new) {
        return NULL;
    }
    cordon_error *error = open_again(auditor);
    if (error == NULL) {
        error = sign_news(auditor);
    }
    const uint64_t covered = auditor->file.covered;
    secret_file_close(&auditor->file);
    auditor->file.covered = covered;
    return error;
}

cordon_error *auditor_make_checkpoint(struct auditor *auditor)
{
    return auditor->lead == auditor ? sign_news(auditor) : follow(auditor);
}
