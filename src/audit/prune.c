/* Records of prunes; see prune.h. */
#include "audit/prune.h"

#include "audit/record.h"
#include "value/json.h"

#include <string.h>

#define KIND "{\"kind\":\"prune\","

cordon_error *audit_prune_write(struct buffer *out, const struct audit_prune *prune)
{
    char hash[2 * SHA256_BYTES + 1];
    char key[2 * SIGN_PUBLIC_BYTES + 1];
    hex_encode(slice_of(prune->hash, sizeof prune->hash), hash);
    hex_encode(slice_of(prune->first_key, sizeof prune->first_key), key);
    TRY(buffer_printf(
        out, KIND "\"before\":%llu,\"records\":%llu,\"hash\":\"%s\",\"first_key\":\"%s\"",
        (unsigned long long)prune->before, (unsigned long long)prune->records, hash, key));
    return audit_actor_end(out, &prune->actor);
}

bool audit_is_prune(struct slice body)
{
    return slice_starts_with(body, SLICE(KIND));
}

static bool read_all(const struct json_node *root, struct audit_prune *out)
{
    return audit_actor_read(root, &out->actor) &&
           json_u64(json_get(root, SLICE("before")), &out->before) &&
           json_u64(json_get(root, SLICE("records")), &out->records) &&
           hex_decode(json_string(json_get(root, SLICE("hash"))), out->hash, sizeof out->hash) &&
           hex_decode(
               json_string(json_get(root, SLICE("first_key"))), out->first_key,
               sizeof out->first_key);
}

cordon_error *audit_prune_read(struct slice body, bool *out_is_whole, struct audit_prune *out_prune)
{
    *out_is_whole = false;
    if (!audit_is_prune(body)) {
        return NULL;
    }
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(audit_body_parse(body, &doc));
    struct audit_prune prune = {0};
    if (read_all(json_root(doc), &prune)) {
        *out_prune = prune;
        *out_is_whole = true;
    }
    return NULL;
}
