/*
 * Tokens whose signature was verified lately: a client sends the same one with each call until it
 * expires, and verifying takes longer than many a call. What is kept is a hash of the whole token
 * and which keys it was verified by; everything else about a token is looked at each time anew.
 */
#ifndef AUTH_VERIFIED_H
#define AUTH_VERIFIED_H

#include "base/error.h"
#include "base/hash.h"
#include "base/slice.h"

#include <stdint.h>

struct auth_verified;

/* Which token, by which provider's keys, as they were read for the nth time. */
struct auth_proof {
    uint8_t token[SHA256_BYTES];
    const void *provider;
    uint64_t reading;
};

/* Errors: CORDON_E_NO_MEMORY. */
CORDON_MUST_USE cordon_error *auth_verified_new(struct auth_verified **out_verified);

/* NULL accepted. */
void auth_verified_free(struct auth_verified *verified);

struct auth_proof auth_proof_of(struct slice token, const void *provider, uint64_t reading);

/* Both by any thread. An older proof may have to go for a new one. */
bool auth_verified_has(struct auth_verified *verified, const struct auth_proof *proof);
void auth_verified_add(struct auth_verified *verified, const struct auth_proof *proof);

#endif
