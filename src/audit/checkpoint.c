/* Checkpoints of the audit log; see checkpoint.h. */
#include "audit/checkpoint.h"

#include "audit/record.h"
#include "value/json.h"

#include <string.h>

#define KIND "{\"kind\":\"checkpoint\","

/* In front of what is signed, so that the keys sign nothing else. */
#define PURPOSE "cordon audit checkpoint 1\n"

enum {
    SIGNED_BYTES =
        sizeof PURPOSE - 1 + AUDIT_CLUSTER_BYTES + 4 + 8 + 8 + SHA256_BYTES + SIGN_PUBLIC_BYTES
};

/* -- Secrets --------------------------------------------------------------------------------- */

static void derive(const uint8_t secret[SHA256_BYTES], const char *use, uint8_t out[SHA256_BYTES])
{
    const struct slice part = slice_str(use);
    hash_hmac_sha256(slice_of(secret, SHA256_BYTES), &part, 1, out);
}

void audit_secret_advance(struct audit_secret *secret)
{
    uint8_t next[SHA256_BYTES];
    derive(secret->bytes, "cordon audit next 1", next);
    memcpy(secret->bytes, next, sizeof next);
    explicit_bzero(next, sizeof next);
    secret->epoch++;
}

/* -- Signing --------------------------------------------------------------------------------- */

static uint8_t *put_number(uint8_t *at, uint64_t number, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--) {
        *at++ = (uint8_t)(number >> (8 * i));
    }
    return at;
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t size)
{
    memcpy(at, bytes, size);
    return at + size;
}

/* The bytes that a signature is over. */
static void signed_bytes(const struct audit_checkpoint *checkpoint, uint8_t out[SIGNED_BYTES])
{
    uint8_t *at = put_bytes(out, PURPOSE, sizeof PURPOSE - 1);
    at = put_bytes(at, checkpoint->cluster, AUDIT_CLUSTER_BYTES);
    at = put_number(at, checkpoint->tenant, 4);
    at = put_number(at, checkpoint->epoch, 8);
    at = put_number(at, checkpoint->covers, 8);
    at = put_bytes(at, checkpoint->hash, SHA256_BYTES);
    (void)put_bytes(at, checkpoint->next_key, SIGN_PUBLIC_BYTES);
}

static cordon_error *public_of(
    const struct audit_secret *secret, uint8_t out_secret[32], uint8_t out_public[32])
{
    derive(secret->bytes, "cordon audit sign 1", out_secret);
    return sign_public(out_secret, out_public);
}

cordon_error *audit_checkpoint_sign(
    const struct audit_secret *secret, struct audit_checkpoint *checkpoint)
{
    struct audit_secret next = *secret;
    uint8_t signing[SIGN_SECRET_BYTES];
    uint8_t unused[SIGN_SECRET_BYTES];
    uint8_t bytes[SIGNED_BYTES];
    audit_secret_advance(&next);
    cordon_error *error = public_of(&next, unused, checkpoint->next_key);
    if (error == NULL) {
        error = public_of(secret, signing, checkpoint->key);
    }
    if (error == NULL) {
        checkpoint->epoch = secret->epoch;
        signed_bytes(checkpoint, bytes);
        error = sign_make(signing, slice_of(bytes, sizeof bytes), checkpoint->signature);
    }
    explicit_bzero(&next, sizeof next);
    explicit_bzero(signing, sizeof signing);
    explicit_bzero(unused, sizeof unused);
    return error;
}

cordon_error *audit_secret_key(
    const struct audit_secret *secret, uint8_t out_key[SIGN_PUBLIC_BYTES])
{
    uint8_t signing[SIGN_SECRET_BYTES];
    cordon_error *error = public_of(secret, signing, out_key);
    explicit_bzero(signing, sizeof signing);
    return error;
}

/* Whether that is the public key of what the secret signs with. */
static cordon_error *has_key(
    const struct audit_secret *secret, const uint8_t key[SIGN_PUBLIC_BYTES], bool *out_has)
{
    uint8_t own[SIGN_PUBLIC_BYTES];
    TRY(audit_secret_key(secret, own));
    *out_has = memcmp(own, key, sizeof own) == 0;
    return NULL;
}

cordon_error *audit_secret_has_signed(
    const struct audit_secret *secret, const struct audit_checkpoint *checkpoint, bool *out_has)
{
    bool has = checkpoint->epoch == secret->epoch;
    TRY(has ? has_key(secret, checkpoint->key, &has) : NULL);
    *out_has = has && audit_checkpoint_is_signed(checkpoint);
    return NULL;
}

cordon_error *audit_secret_is_next(
    const struct audit_secret *secret, const struct audit_checkpoint *checkpoint, bool *out_is)
{
    bool is_next = checkpoint->epoch + 1 == secret->epoch;
    TRY(is_next ? has_key(secret, checkpoint->next_key, &is_next) : NULL);
    *out_is = is_next;
    return NULL;
}

bool audit_checkpoint_is_signed(const struct audit_checkpoint *checkpoint)
{
    uint8_t bytes[SIGNED_BYTES];
    signed_bytes(checkpoint, bytes);
    return sign_verify(checkpoint->key, slice_of(bytes, sizeof bytes), checkpoint->signature);
}

/* -- As text --------------------------------------------------------------------------------- */

static cordon_error *write_hex(
    struct buffer *out, const char *name, const uint8_t *bytes, size_t size)
{
    char text[2 * SIGN_SIGNATURE_BYTES + 1];
    CORDON_ASSERT(size <= SIGN_SIGNATURE_BYTES);
    hex_encode(slice_of(bytes, size), text);
    return buffer_printf(out, ",\"%s\":\"%s\"", name, text);
}

cordon_error *audit_checkpoint_write(struct buffer *out, const struct audit_checkpoint *checkpoint)
{
    TRY(buffer_printf(
        out, KIND "\"epoch\":%llu,\"tenant\":%u,\"covers\":%llu",
        (unsigned long long)checkpoint->epoch, checkpoint->tenant,
        (unsigned long long)checkpoint->covers));
    TRY(write_hex(out, "hash", checkpoint->hash, sizeof checkpoint->hash));
    TRY(write_hex(out, "cluster", checkpoint->cluster, sizeof checkpoint->cluster));
    TRY(write_hex(out, "key", checkpoint->key, sizeof checkpoint->key));
    TRY(write_hex(out, "next_key", checkpoint->next_key, sizeof checkpoint->next_key));
    TRY(write_hex(out, "signature", checkpoint->signature, sizeof checkpoint->signature));
    return buffer_append_byte(out, '}');
}

bool audit_is_checkpoint(struct slice body)
{
    return slice_starts_with(body, SLICE(KIND));
}

static bool read_hex(
    const struct json_node *object, const char *name, uint8_t *out_bytes, size_t size)
{
    return hex_decode(json_string(json_get(object, slice_str(name))), out_bytes, size);
}

static bool read_number(const struct json_node *object, const char *name, uint64_t *out_number)
{
    return json_u64(json_get(object, slice_str(name)), out_number);
}

static bool read_all(const struct json_node *root, struct audit_checkpoint *out)
{
    uint64_t tenant = 0;
    if (!read_number(root, "epoch", &out->epoch) || !read_number(root, "tenant", &tenant) ||
        !read_number(root, "covers", &out->covers) || tenant > UINT32_MAX) {
        return false;
    }
    out->tenant = (uint32_t)tenant;
    return read_hex(root, "hash", out->hash, sizeof out->hash) &&
           read_hex(root, "cluster", out->cluster, sizeof out->cluster) &&
           read_hex(root, "key", out->key, sizeof out->key) &&
           read_hex(root, "next_key", out->next_key, sizeof out->next_key) &&
           read_hex(root, "signature", out->signature, sizeof out->signature);
}

cordon_error *audit_checkpoint_read(
    struct slice body, bool *out_is_whole, struct audit_checkpoint *out_checkpoint)
{
    *out_is_whole = false;
    if (!audit_is_checkpoint(body)) {
        return NULL;
    }
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(audit_body_parse(body, &doc));
    struct audit_checkpoint checkpoint = {0};
    if (read_all(json_root(doc), &checkpoint)) {
        *out_checkpoint = checkpoint;
        *out_is_whole = true;
    }
    return NULL;
}
