/* Ed25519 by OpenSSL; see sign.h. */
#include "base/sign.h"

#include <openssl/evp.h>

static cordon_error *failed(void)
{
    return cordon_error_new(
        CORDON_E_SYSTEM,
        "something could not be signed; try again, and if it stays so restart this program");
}

static void key_freep(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void context_freep(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

cordon_error *sign_public(
    const uint8_t secret[SIGN_SECRET_BYTES], uint8_t out_public[SIGN_PUBLIC_BYTES])
{
    CORDON_CLEANUP(key_freep) EVP_PKEY *key =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, SIGN_SECRET_BYTES);
    uint8_t bytes[SIGN_PUBLIC_BYTES];
    size_t size = sizeof bytes;
    if (key == NULL || EVP_PKEY_get_raw_public_key(key, bytes, &size) != 1 ||
        size != sizeof bytes) {
        return failed();
    }
    memcpy(out_public, bytes, sizeof bytes);
    return NULL;
}

cordon_error *sign_make(
    const uint8_t secret[SIGN_SECRET_BYTES],
    struct slice bytes,
    uint8_t out_signature[SIGN_SIGNATURE_BYTES])
{
    CORDON_CLEANUP(key_freep) EVP_PKEY *key =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, SIGN_SECRET_BYTES);
    CORDON_CLEANUP(context_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t signature[SIGN_SIGNATURE_BYTES];
    size_t size = sizeof signature;
    if (key == NULL || context == NULL || EVP_DigestSignInit(context, NULL, NULL, NULL, key) != 1 ||
        EVP_DigestSign(context, signature, &size, bytes.data, bytes.size) != 1 ||
        size != sizeof signature) {
        return failed();
    }
    memcpy(out_signature, signature, sizeof signature);
    return NULL;
}

bool sign_verify(
    const uint8_t public_key[SIGN_PUBLIC_BYTES],
    struct slice bytes,
    const uint8_t signature[SIGN_SIGNATURE_BYTES])
{
    CORDON_CLEANUP(key_freep) EVP_PKEY *key =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, SIGN_PUBLIC_BYTES);
    CORDON_CLEANUP(context_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
    return key != NULL && context != NULL &&
           EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
           EVP_DigestVerify(context, signature, SIGN_SIGNATURE_BYTES, bytes.data, bytes.size) == 1;
}
