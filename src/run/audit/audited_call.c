/* Bodies of audit records of calls; see audited_call.h. */
#include "run/audit/audited_call.h"

#include "base/hash.h"
#include "value/json.h"

/* What was called with what by whom: the rest of an audit record's body, and its end. */
static cordon_error *write_call(struct buffer *out, const struct audited_call *call)
{
    uint8_t hash[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    hash_sha256(&call->args, 1, hash);
    hex_encode(slice_of(hash, sizeof hash), hex);
    char module[2 * SHA256_BYTES + 1];
    hex_encode(slice_of(call->function->module->hash, SHA256_BYTES), module);
    TRY(json_write_member_string(out, "module_sha256", slice_str(module)));
    TRY(json_write_member_string(out, "args_sha256", slice_str(hex)));
    if (call->request_id.size > 0) {
        TRY(json_write_member_string(out, "request_id", call->request_id));
    }
    if (call->user.size > 0) {
        TRY(json_write_member_string(out, "user", call->user));
    }
    return audit_actor_end(out, call->actor);
}

cordon_error *audited_call_write(
    struct buffer *out, const struct outcome *outcome, const struct audited_call *call)
{
    TRY(buffer_append_byte(out, '{'));
    TRY(json_write_member_string(out, "kind", slice_str(cordon_kind_name(outcome->kind))));
    TRY(json_write_member_string(out, "path", call->function->metadata->path.text));
    TRY(json_write_member_string(out, "outcome", slice_str(outcome_code_name(outcome))));
    return write_call(out, call);
}

cordon_error *audited_call_write_mismatch(
    struct buffer *out, const struct audited_call *call, struct slice difference, struct slice kept)
{
    TRY(buffer_append(out, SLICE("{\"kind\":\"replay_mismatch\"")));
    TRY(json_write_member_string(out, "path", call->function->metadata->path.text));
    TRY(json_write_member_string(out, "difference", difference));
    if (kept.size > 0) {
        TRY(json_write_member_string(out, "record", kept));
    }
    return write_call(out, call);
}
