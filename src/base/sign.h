/*
 * Signatures by Ed25519 (RFC 8032). A key is made from 32 bytes that are chosen elsewhere; nothing
 * of it is kept here.
 */
#ifndef BASE_SIGN_H
#define BASE_SIGN_H

#include "base/error.h"
#include "base/slice.h"

#define SIGN_SECRET_BYTES 32
#define SIGN_PUBLIC_BYTES 32
#define SIGN_SIGNATURE_BYTES 64

/* The public key of a secret one. Errors: CORDON_E_SYSTEM if the library fails. Any thread. */
CORDON_MUST_USE cordon_error *sign_public(
    const uint8_t secret[SIGN_SECRET_BYTES], uint8_t out_public[SIGN_PUBLIC_BYTES]);

/* The signature of some bytes, the same each time. Errors: as before. Any thread. */
CORDON_MUST_USE cordon_error *sign_make(
    const uint8_t secret[SIGN_SECRET_BYTES],
    struct slice bytes,
    uint8_t out_signature[SIGN_SIGNATURE_BYTES]);

/* Whether it is the signature of these bytes by that key. False too if the library fails. */
bool sign_verify(
    const uint8_t public_key[SIGN_PUBLIC_BYTES],
    struct slice bytes,
    const uint8_t signature[SIGN_SIGNATURE_BYTES]);

#endif
