/*
 * Audit bodies and session records. A session record is a format byte, SHA-256 over who calls,
 * path and arguments, and the value in canonical encoded JSON.
 */
#include "run/record/record.h"

#include "base/hash.h"
#include "value/json.h"

/* 2: bound to who calls, too. */
#define SESSION_FORMAT 2
#define SESSION_HEADER_BYTES (1 + SHA256_BYTES)

static cordon_error *write_text(struct buffer *out, const char *name, struct slice text)
{
    TRY(json_write_key(out, slice_str(name)));
    return json_write_string(out, text);
}

/* What was called with what by whom: the rest of an audit record's body, and its end. */
static cordon_error *write_call(struct buffer *out, const struct audited_call *call)
{
    uint8_t hash[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    hash_sha256(&call->args, 1, hash);
    hex_encode(slice_of(hash, sizeof hash), hex);
    char module[2 * SHA256_BYTES + 1];
    hex_encode(slice_of(call->function->module->hash, SHA256_BYTES), module);
    TRY(write_text(out, "module_sha256", slice_str(module)));
    TRY(write_text(out, "args_sha256", slice_str(hex)));
    if (call->request_id.size > 0) {
        TRY(write_text(out, "request_id", call->request_id));
    }
    if (call->user.size > 0) {
        TRY(write_text(out, "user", call->user));
    }
    return audit_actor_end(out, call->actor);
}

cordon_error *record_audit(
    struct buffer *out, const struct outcome *outcome, const struct audited_call *call)
{
    TRY(buffer_append_byte(out, '{'));
    TRY(write_text(out, "kind", slice_str(cordon_kind_name(outcome->kind))));
    TRY(write_text(out, "path", call->function->metadata->path.text));
    TRY(write_text(out, "outcome", slice_str(outcome_code_name(outcome))));
    return write_call(out, call);
}

cordon_error *record_mismatch_audit(
    struct buffer *out, const struct audited_call *call, struct slice difference, struct slice kept)
{
    TRY(buffer_append(out, SLICE("{\"kind\":\"replay_mismatch\"")));
    TRY(write_text(out, "path", call->function->metadata->path.text));
    TRY(write_text(out, "difference", difference));
    if (kept.size > 0) {
        TRY(write_text(out, "record", kept));
    }
    return write_call(out, call);
}

/*
 * Neither a path nor a role nor a user has a zero, and a role has no space; so no two calls have
 * the same bytes. Where nobody has signed in they are those of versions that knew no users.
 */
static void hash_call(const struct session_call *call, uint8_t out[SHA256_BYTES])
{
    const struct slice zero = slice_of("", 1);
    const struct slice space = call->user.size > 0 ? SLICE(" ") : slice_of(NULL, 0);
    const struct slice parts[] = {call->role, space, call->user, zero,
                                  call->path, zero,  call->args};
    hash_sha256(parts, sizeof parts / sizeof parts[0], out);
}

cordon_error *record_session_put(
    struct store_txn *txn, struct slice key, const struct session_call *call, struct slice value)
{
    uint8_t header[SESSION_HEADER_BYTES] = {SESSION_FORMAT};
    hash_call(call, header + 1);
    CORDON_CLEANUP_BUFFER struct buffer row;
    buffer_init(&row, sizeof header + value.size);
    TRY(buffer_append(&row, slice_of(header, sizeof header)));
    TRY(buffer_append(&row, value));
    return store_row_put(txn, KEYSPACE_SESSION, key, buffer_slice(&row));
}

cordon_error *record_session_read(
    struct slice row, const struct session_call *call, bool *out_same, struct slice *out_value)
{
    if (row.size < SESSION_HEADER_BYTES || row.data[0] != SESSION_FORMAT) {
        return cordon_error_new(
            CORDON_E_STORE, "a session record has a format that this version can't read; start the "
                            "one that wrote it");
    }
    uint8_t hash[SHA256_BYTES];
    hash_call(call, hash);
    *out_same = memcmp(hash, row.data + 1, sizeof hash) == 0;
    *out_value = slice_from(row, SESSION_HEADER_BYTES);
    return NULL;
}
