/*
 * Whoever signs tokens: key pairs of the three kinds, their public halves as JSON Web Keys, and
 * signatures as JOSE has them. Made by OpenSSL, and by nothing of ours but base64.
 */
#ifndef SUPPORT_TOKENS_H
#define SUPPORT_TOKENS_H

#include "base/buffer.h"
#include "support/expect.h"
#include "value/base64.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

enum signer_kind { SIGNER_RSA, SIGNER_EC, SIGNER_ED };

static inline EVP_PKEY *signer_new(enum signer_kind kind)
{
    EVP_PKEY *key = kind == SIGNER_RSA  ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
                    : kind == SIGNER_EC ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
                                        : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    assert_non_null(key);
    return key;
}

static inline void put_base64(struct buffer *out, const void *bytes, size_t size)
{
    expect_ok(base64_write(out, slice_of(bytes, size), BASE64_URL));
}

static inline void put_member(struct buffer *out, const char *name, const void *bytes, size_t size)
{
    expect_ok(buffer_printf(out, ",\"%s\":\"", name));
    put_base64(out, bytes, size);
    expect_ok(buffer_append_byte(out, '"'));
}

static inline void put_number(
    struct buffer *out, const char *name, EVP_PKEY *key, const char *param)
{
    uint8_t bytes[1024];
    BIGNUM *number = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(key, param, &number), 1);
    const int size = BN_bn2bin(number, bytes);
    put_member(out, name, bytes, (size_t)size);
    BN_free(number);
}

/* Appends the public half; `more` is members that are added, each with a comma before it. */
static inline void signer_write(
    EVP_PKEY *key, enum signer_kind kind, const char *more, struct buffer *out)
{
    uint8_t bytes[65];
    size_t size = sizeof bytes;
    static const char *const heads[] = {
        "{\"kty\":\"RSA\"", "{\"kty\":\"EC\",\"crv\":\"P-256\"",
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\""};
    expect_ok(buffer_printf(out, "%s%s", heads[kind], more));
    switch (kind) {
    case SIGNER_RSA:
        put_number(out, "n", key, OSSL_PKEY_PARAM_RSA_N);
        put_number(out, "e", key, OSSL_PKEY_PARAM_RSA_E);
        break;
    case SIGNER_EC:
        assert_int_equal(
            EVP_PKEY_get_octet_string_param(
                key, OSSL_PKEY_PARAM_PUB_KEY, bytes, sizeof bytes, &size),
            1);
        put_member(out, "x", bytes + 1, 32);
        put_member(out, "y", bytes + 33, 32);
        break;
    case SIGNER_ED:
        assert_int_equal(EVP_PKEY_get_raw_public_key(key, bytes, &size), 1);
        put_member(out, "x", bytes, size);
        break;
    }
    expect_ok(buffer_append_byte(out, '}'));
}

/* A number of DER in 32 bytes; returns what comes behind it. */
static inline const uint8_t *take_number(const uint8_t *der, uint8_t out_number[32])
{
    size_t size = der[1];
    const uint8_t *bytes = der + 2;
    const uint8_t *end = bytes + size;
    for (; size > 32; size--, bytes++) {
        assert_int_equal(bytes[0], 0);
    }
    memset(out_number, 0, 32);
    memcpy(out_number + 32 - size, bytes, size);
    return end;
}

/* The signature of some bytes, as a token has it; at most 1,024 bytes. */
static inline size_t signer_sign(
    EVP_PKEY *key, enum signer_kind kind, struct slice bytes, uint8_t *out_signature)
{
    uint8_t made[1024];
    size_t size = sizeof made;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const EVP_MD *digest = kind == SIGNER_ED ? NULL : EVP_sha256();
    assert_int_equal(EVP_DigestSignInit(context, NULL, digest, NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, made, &size, bytes.data, bytes.size), 1);
    EVP_MD_CTX_free(context);
    if (kind == SIGNER_EC) {
        (void)take_number(take_number(made + 2, out_signature), out_signature + 32);
        return 64;
    }
    memcpy(out_signature, made, size);
    return size;
}

/* Appends a token of these two texts. */
static inline void signer_token(
    EVP_PKEY *key,
    enum signer_kind kind,
    const char *header,
    const char *claims,
    struct buffer *out)
{
    uint8_t signature[1024];
    const size_t begin = out->size;
    put_base64(out, header, strlen(header));
    expect_ok(buffer_append_byte(out, '.'));
    put_base64(out, claims, strlen(claims));
    const size_t size = signer_sign(key, kind, slice_from(buffer_slice(out), begin), signature);
    expect_ok(buffer_append_byte(out, '.'));
    put_base64(out, signature, size);
}

#endif
