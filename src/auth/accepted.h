/*
 * Tokens that were accepted lately: a client sends the same one with each call until it expires,
 * and to verify a signature, and to read the claims, takes longer than many a call. What is kept is
 * whose token it was, by a hash of all of it and the tenant; who it speaks of; and what may change
 * about it: the keys that verified it, and the times that it names.
 */
#ifndef AUTH_ACCEPTED_H
#define AUTH_ACCEPTED_H

#include "auth/identity.h"
#include "auth/token.h"
#include "base/hash.h"

/* The most that all texts of identities in one table take. One that has no room is not kept. */
#define AUTH_ACCEPTED_BYTES_MAX ((size_t)4 << 20)

struct auth_accepted;

/* Which token, for which tenant. */
struct auth_token_id {
    uint8_t hash[SHA256_BYTES];
};

struct auth_acceptance {
    const void *provider;
    uint64_t reading; /* how often its keys had been read */
    struct auth_times times;
    struct identity identity;
};

/* Errors: CORDON_E_NO_MEMORY. */
CORDON_MUST_USE cordon_error *auth_accepted_new(struct auth_accepted **out_accepted);

/* NULL accepted. */
void auth_accepted_free(struct auth_accepted *accepted);

struct auth_token_id auth_token_id_of(struct slice tenant, struct slice token);

/*
 * Appends the identity to `out_text`, in which that of the answer stands. Any thread. False: it is
 * not there, or there is no memory for the text.
 */
bool auth_accepted_find(
    struct auth_accepted *accepted,
    const struct auth_token_id *id,
    struct buffer *out_text,
    struct auth_acceptance *out_acceptance);

/* Copies what it takes; an older one may have to go for it. Any thread. */
void auth_accepted_add(
    struct auth_accepted *accepted,
    const struct auth_token_id *id,
    const struct auth_acceptance *acceptance);

#endif
