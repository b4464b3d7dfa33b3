/* The audit log for embedding programs and the command line; see cordon/audit.h. */
#include "api/api.h"

#include "audit/chain.h"
#include "base/memory.h"
#include "run/audit/audit_rows.h"
#include "run/audit/secret_file.h"
#include "value/json.h"

#include <stdio.h>
#include <stdlib.h>

struct cordon_audit_check {
    struct audit_chain *chain;
};

/* The log of a tenant that was removed has no other name. */
static bool read_tenant_number(const char *text, uint32_t *out_number)
{
    char *end = NULL;
    if (text == NULL || text[0] < '0' || text[0] > '9') {
        return false;
    }
    const unsigned long long number = strtoull(text, &end, 10);
    if (*end != '\0' || number > UINT32_MAX) {
        return false;
    }
    *out_number = (uint32_t)number;
    return true;
}

cordon_error *cordon_audit_read(
    cordon_runtime *runtime, uint64_t from, size_t bytes_max, char **out_lines, uint64_t *out_next)
{
    return cordon_audit_read_of(runtime, NULL, from, bytes_max, out_lines, out_next);
}

cordon_error *cordon_audit_read_of(
    cordon_runtime *runtime,
    const char *tenant,
    uint64_t from,
    size_t bytes_max,
    char **out_lines,
    uint64_t *out_next)
{
    TRY(api_need_runtime(runtime));
    TRY(api_need(out_lines, "out_lines"));
    TRY(api_need(out_next, "out_next"));
    uint32_t number = TENANT_DEFAULT;
    if (!read_tenant_number(tenant, &number)) {
        TRY(api_find_tenant(runtime, tenant, &number));
    }
    CORDON_CLEANUP_BUFFER struct buffer lines;
    buffer_init(&lines, SIZE_MAX / 2);
    uint64_t next = from;
    TRY(audit_rows_page(runtime->store, number, from, bytes_max, &lines, &next));
    TRY(api_give_text(&lines, out_lines));
    *out_next = next;
    return NULL;
}

/* -- The check ------------------------------------------------------------------------------- */

cordon_error *cordon_audit_check_new(cordon_audit_check **out_check)
{
    TRY(api_need(out_check, "out_check"));
    cordon_audit_check *check = MEM_NEW(struct cordon_audit_check);
    if (check == NULL) {
        return error_no_memory();
    }
    cordon_error *error = audit_chain_new(&check->chain);
    if (error != NULL) {
        mem_free(check);
        return error;
    }
    *out_check = check;
    return NULL;
}

void cordon_audit_check_free(cordon_audit_check *check)
{
    if (check != NULL) {
        audit_chain_free(check->chain);
        mem_free(check);
    }
}

void cordon_audit_check_of(cordon_audit_check *check, uint32_t tenant)
{
    audit_chain_of(check->chain, tenant);
}

cordon_error *cordon_audit_check_trust(cordon_audit_check *check, const char *key)
{
    TRY(api_need(check, "check"));
    uint8_t bytes[SIGN_PUBLIC_BYTES];
    if (key == NULL || !hex_decode(slice_str(key), bytes, sizeof bytes)) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "a key of the audit log is 64 hex digits, as `cordon audit verify` shows it");
    }
    audit_chain_trust(check->chain, bytes);
    return NULL;
}

cordon_error *cordon_audit_check_expect(cordon_audit_check *check, const char *text, size_t size)
{
    TRY(api_need(check, "check"));
    TRY(api_need_items(text, size, "text"));
    struct slice rest = slice_of(text, size);
    struct slice line = {0};
    for (size_t number = 1; slice_take_line(&rest, &line); number++) {
        bool is_whole = false;
        TRY(audit_chain_expect(check->chain, line, &is_whole));
        if (!is_whole) {
            return cordon_error_new(
                CORDON_E_INVALID,
                "line %zu is no checkpoint of an audit log; give the file that "
                "audit_checkpoint_file names, without a line that a full disk has cut",
                number);
        }
    }
    return NULL;
}

cordon_error *cordon_audit_check_add(cordon_audit_check *check, const char *text, size_t size)
{
    TRY(api_need(check, "check"));
    TRY(api_need_items(text, size, "text"));
    struct slice rest = slice_of(text, size);
    struct slice line = {0};
    while (slice_take_line(&rest, &line)) {
        struct audit_record record;
        if (!audit_record_read(line, &record)) {
            uint64_t sequence = 0;
            if (audit_record_is_damaged(line, &sequence)) {
                audit_chain_add_damaged(check->chain, sequence);
            } else {
                audit_chain_add_malformed(check->chain);
            }
            return NULL;
        }
        TRY(audit_chain_add(check->chain, &record));
    }
    return NULL;
}

cordon_error *cordon_audit_check_secret(
    cordon_audit_check *check, const char *data_folder, uint32_t tenant)
{
    TRY(api_need(check, "check"));
    CORDON_CLEANUP_BUFFER struct buffer folder;
    buffer_init(&folder, 65536);
    uint64_t covered = 0;
    uint8_t key[SIGN_PUBLIC_BYTES] = {0};
    if (data_folder == NULL) {
        return cordon_error_new(CORDON_E_INVALID, "name the data folder whose log it is");
    }
    TRY(buffer_printf(&folder, "%s/audit.d", data_folder));
    TRY(buffer_append_byte(&folder, '\0'));
    TRY(secret_file_covered((const char *)folder.data, tenant, &covered, key));
    audit_chain_reach(check->chain, covered, key);
    return NULL;
}

/* -- The report ------------------------------------------------------------------------------ */

/* Milliseconds since 1970; null where there is none. */
static cordon_error *write_time(struct buffer *out, const char *name, uint64_t ts)
{
    TRY(json_write_key(out, slice_str(name)));
    return ts == 0 ? buffer_append(out, SLICE("null")) : json_write_u64(out, ts / 1000000);
}

static cordon_error *write_key(struct buffer *out, const struct audit_verdict *verdict)
{
    char hex[2 * SIGN_PUBLIC_BYTES + 1];
    hex_encode(slice_of(verdict->key, sizeof verdict->key), hex);
    TRY(json_write_key(out, SLICE("key")));
    TRY(verdict->has_key ? json_write_string(out, slice_str(hex))
                         : buffer_append(out, SLICE("null")));
    TRY(json_write_key(out, SLICE("key_trusted")));
    return json_write_bool(out, verdict->is_key_trusted);
}

static cordon_error *write_fault(struct buffer *out, const struct audit_verdict *verdict)
{
    TRY(json_write_key(out, SLICE("fault")));
    if (verdict->is_good) {
        return buffer_append(out, SLICE("null"));
    }
    TRY(buffer_append_byte(out, '{'));
    TRY(json_write_member_u64(out, "sequence", verdict->fault_at));
    TRY(json_write_key(out, SLICE("message")));
    TRY(json_write_string(out, slice_str(verdict->fault)));
    return buffer_append_byte(out, '}');
}

static cordon_error *write_pruning(struct buffer *out, const struct audit_verdict *verdict)
{
    const bool is_pruned = verdict->pruned_at > 0;
    TRY(json_write_member_u64(out, "kept_pruned", verdict->kept_pruned));
    TRY(json_write_member_u64(out, "pruned_before", verdict->prune.before));
    TRY(json_write_member_u64(out, "pruned_at", verdict->pruned_at));
    TRY(write_time(out, "pruned_time_ms", verdict->pruned_ts));
    TRY(json_write_key(out, SLICE("pruned_by")));
    const struct audit_actor *const actor = &verdict->prune.actor;
    char by[AUDIT_BY_BYTES + AUDIT_KEY_BYTES];
    (void)snprintf(
        by, sizeof by, "%s%s%s", actor->by, actor->key[0] == '\0' ? "" : " ", actor->key);
    return is_pruned ? json_write_string(out, slice_str(by)) : buffer_append(out, SLICE("null"));
}

static cordon_error *write_report(struct buffer *out, const struct audit_verdict *verdict)
{
    TRY(buffer_append(out, SLICE("{\"status\":")));
    TRY(json_write_string(out, verdict->is_good ? SLICE("success") : SLICE("error")));
    TRY(json_write_member_u64(out, "tenant", verdict->tenant));
    TRY(json_write_member_u64(out, "records", verdict->records));
    TRY(json_write_member_u64(out, "first", verdict->first));
    TRY(json_write_member_u64(out, "last", verdict->last));
    TRY(write_time(out, "last_time_ms", verdict->last_ts));
    TRY(json_write_member_u64(out, "checkpoints", verdict->checkpoints));
    TRY(json_write_member_u64(out, "signed_to", verdict->signed_to));
    TRY(write_time(out, "signed_time_ms", verdict->signed_ts));
    TRY(json_write_member_u64(out, "kept", verdict->kept));
    TRY(json_write_member_u64(out, "kept_to", verdict->kept_to));
    TRY(write_pruning(out, verdict));
    TRY(json_write_member_u64(out, "keys_anew", verdict->anew));
    TRY(json_write_member_u64(out, "keys_anew_at", verdict->anew_at));
    TRY(write_time(out, "keys_anew_time_ms", verdict->anew_ts));
    TRY(write_key(out, verdict));
    TRY(write_fault(out, verdict));
    return buffer_append_byte(out, '}');
}

/* What was kept shows nothing of a log that it does not speak of. */
static cordon_error *nothing_of_it(const struct audit_verdict *verdict)
{
    return cordon_error_new(
        CORDON_E_INVALID,
        "the log of tenant %u is whole in itself, but none of the %llu checkpoints that were kept "
        "is of it, so they do not tell whether its end was cut off; give those of this server and "
        "this tenant, or none while there are none",
        verdict->tenant, (unsigned long long)verdict->kept_others);
}

cordon_error *cordon_audit_check_end(
    cordon_audit_check *check, bool *out_is_good, char **out_report)
{
    TRY(api_need(check, "check"));
    TRY(api_need(out_is_good, "out_is_good"));
    TRY(api_need(out_report, "out_report"));
    const struct audit_verdict verdict = audit_chain_end(check->chain);
    if (verdict.is_good && verdict.kept_others > 0 &&
        verdict.kept_others == audit_chain_expected(check->chain)) {
        return nothing_of_it(&verdict);
    }
    CORDON_CLEANUP_BUFFER struct buffer report;
    buffer_init(&report, 65536);
    TRY(write_report(&report, &verdict));
    TRY(api_give_text(&report, out_report));
    *out_is_good = verdict.is_good;
    return NULL;
}
