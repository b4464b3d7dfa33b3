/*
 * Public keys of others, and their signatures: RSA (PKCS #1 v1.5 with SHA-256), ECDSA over P-256
 * with SHA-256, and Ed25519. A key is checked when it is made: too small or too large for its kind,
 * or no point of its curve, and there is none.
 */
#ifndef BASE_PUBLIC_KEY_H
#define BASE_PUBLIC_KEY_H

#include "base/error.h"
#include "base/slice.h"

/* RSA keys below can be broken, above they only cost time. */
#define PUBLIC_KEY_RSA_BITS_MIN 2048
#define PUBLIC_KEY_RSA_BITS_MAX 8192

#define PUBLIC_KEY_P256_BYTES 32 /* of a coordinate */
#define PUBLIC_KEY_ED25519_BYTES 32

/* The longest signature that one of the keys can have made. */
#define PUBLIC_KEY_SIGNATURE_BYTES_MAX (PUBLIC_KEY_RSA_BITS_MAX / 8)

struct public_key;

/*
 * Each makes a key, the caller's. Errors: CORDON_E_INVALID with words that say what a good one has;
 * CORDON_E_NO_MEMORY; CORDON_E_SYSTEM if the library fails. Any thread.
 *
 * Numbers are unsigned and big-endian. An exponent is odd, at least 3, and has at most 32 bits, so
 * that a key cannot make a signature expensive to verify.
 */
CORDON_MUST_USE cordon_error *public_key_rsa(
    struct slice modulus, struct slice exponent, struct public_key **out_key);
CORDON_MUST_USE cordon_error *public_key_p256(
    const uint8_t x[PUBLIC_KEY_P256_BYTES],
    const uint8_t y[PUBLIC_KEY_P256_BYTES],
    struct public_key **out_key);
CORDON_MUST_USE cordon_error *public_key_ed25519(
    const uint8_t bytes[PUBLIC_KEY_ED25519_BYTES], struct public_key **out_key);

/* NULL accepted. */
void public_key_free(struct public_key *key);

static inline void public_key_freep(struct public_key **key)
{
    public_key_free(*key);
    *key = NULL;
}

/*
 * Whether it is the signature of these bytes by that key; of P-256 it is both numbers in 32 bytes
 * each, as JOSE has it (RFC 7518, 3.4). False too if the library fails. Any thread, also several
 * with the same key.
 */
bool public_key_verify(const struct public_key *key, struct slice bytes, struct slice signature);

#endif
