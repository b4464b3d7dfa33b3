/* Pruning the audit log; see audit_prune.h. */
#include "run/audit/audit_prune.h"

#include "audit/chain.h"
#include "run/audit/audit_rows.h"

#include <stdio.h>

enum { PAGE_BYTES = 1 << 20, BODY_BYTES = 4096 };

/* What is learned of the log while it is checked. */
struct survey {
    const struct audit_prune_request *request;
    struct audit_chain *chain;
    uint64_t limit;             /* the first record that is to stay; UINT64_MAX: not met yet */
    uint64_t before;            /* the best cut so far; 1: none */
    uint8_t hash[SHA256_BYTES]; /* of the record before it */
};

static void free_chain(struct audit_chain **chain)
{
    audit_chain_free(*chain);
}

/* -- Where to cut ---------------------------------------------------------------------------- */

static bool is_to_stay(const struct survey *survey, const struct audit_record *record)
{
    return survey->request->before > 0 ? record->sequence >= survey->request->before
                                       : record->ts >= survey->request->before_ns;
}

static cordon_error *look_at_record(struct survey *survey, const struct audit_record *record)
{
    TRY(audit_chain_add(survey->chain, record));
    if (survey->limit == UINT64_MAX && is_to_stay(survey, record)) {
        survey->limit = record->sequence;
    }
    uint64_t before = 1;
    uint8_t hash[SHA256_BYTES];
    audit_chain_cut(survey->chain, &before, hash);
    if (before > survey->before && before <= survey->limit) {
        survey->before = before;
        memcpy(survey->hash, hash, sizeof survey->hash);
    }
    return NULL;
}

static cordon_error *look_at_lines(struct survey *survey, struct slice lines)
{
    struct slice line = {0};
    while (slice_take_line(&lines, &line)) {
        struct audit_record record;
        uint64_t damaged = 0;
        if (audit_record_read(line, &record)) {
            TRY(look_at_record(survey, &record));
        } else if (audit_record_is_damaged(line, &damaged)) {
            audit_chain_add_damaged(survey->chain, damaged);
        } else {
            audit_chain_add_malformed(survey->chain);
        }
    }
    return NULL;
}

static cordon_error *look_at_all(struct store *store, uint32_t tenant, struct survey *survey)
{
    CORDON_CLEANUP_BUFFER struct buffer lines;
    buffer_init(&lines, PAGE_BYTES + 2 * AUDIT_BODY_BYTES_MAX);
    uint64_t from = 0;
    uint64_t next = 1;
    do {
        from = next;
        buffer_clear(&lines);
        TRY(audit_rows_page(store, tenant, from, PAGE_BYTES, &lines, &next));
        TRY(look_at_lines(survey, buffer_slice(&lines)));
    } while (next > from);
    return NULL;
}

/* -- The record of it ------------------------------------------------------------------------ */

static struct audit_prune record_of(
    const struct survey *survey, const struct audit_verdict *verdict)
{
    struct audit_prune prune = {
        .before = survey->before,
        .records = survey->before - verdict->first,
        .actor = survey->request->actor,
    };
    memcpy(prune.hash, survey->hash, sizeof prune.hash);
    memcpy(
        prune.first_key, verdict->pruned_at > 0 ? verdict->prune.first_key : verdict->key,
        sizeof prune.first_key);
    return prune;
}

/* Says it in the log, signed, before anything goes. */
static cordon_error *announce(
    struct store *store, struct auditor *auditor, uint32_t tenant, const struct audit_prune *prune)
{
    CORDON_CLEANUP_BUFFER struct buffer body;
    buffer_init(&body, BODY_BYTES);
    TRY(audit_prune_write(&body, prune));
    TRY(audit_rows_add(store, tenant, buffer_slice(&body)));
    return auditor_sign(auditor);
}

static cordon_error *remove_records(struct store *store, uint32_t tenant, uint64_t before)
{
    bool more = true;
    while (more) {
        TRY(store_audit_prune(store, tenant, before, &more));
    }
    return NULL;
}

static cordon_error *report(struct buffer *out, uint64_t records, uint64_t first)
{
    return buffer_printf(
        out, "{\"pruned\":%llu,\"first\":%llu}", (unsigned long long)records,
        (unsigned long long)first);
}

cordon_error *audit_prune_log(
    struct store *store,
    struct auditor *auditor,
    uint32_t tenant,
    const struct audit_prune_request *request,
    struct buffer *out_report)
{
    if (auditor == NULL) {
        return cordon_error_new(
            CORDON_E_INVALID, "nobody signs this audit log; only a server's can be pruned");
    }
    CORDON_CLEANUP(free_chain) struct audit_chain *chain = NULL;
    TRY(audit_chain_new(&chain));
    struct survey survey = {.request = request, .chain = chain, .limit = UINT64_MAX, .before = 1};
    TRY(look_at_all(store, tenant, &survey));
    const struct audit_verdict verdict = audit_chain_end(chain);
    if (!verdict.is_good) {
        return cordon_error_new(
            CORDON_E_STORE,
            "the audit log is not what it was, and nothing was pruned: record %llu: %s",
            (unsigned long long)verdict.fault_at, verdict.fault);
    }
    if (survey.before <= verdict.first) {
        return report(out_report, 0, verdict.first);
    }
    const struct audit_prune prune = record_of(&survey, &verdict);
    TRY(announce(store, auditor, tenant, &prune));
    TRY(remove_records(store, tenant, prune.before));
    return report(out_report, prune.records, prune.before);
}
