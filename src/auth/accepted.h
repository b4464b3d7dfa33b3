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

/* The most that the text of an identity takes; one with more is not kept. */
#define AUTH_ACCEPTED_BYTES_MAX ((size_t)8192)

/* How many are kept at most. */
#define AUTH_ACCEPTED_MAX 512

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
 * What is kept but the identity, of which there is nothing yet: first it is to be looked at whether
 * the rest still holds. False: it is not there. Any thread.
 */
bool auth_accepted_look(
    struct auth_accepted *accepted,
    const struct auth_token_id *id,
    struct auth_acceptance *out_acceptance);

/*
 * Appends the identity of one that was looked at to `out_text`, in which that of the answer stands.
 * False: it is gone, or there is no memory for the text. Any thread.
 */
bool auth_accepted_take(
    struct auth_accepted *accepted,
    const struct auth_token_id *id,
    struct auth_acceptance *acceptance,
    struct buffer *out_text);

/* What no longer holds is not kept. Any thread. */
void auth_accepted_drop(struct auth_accepted *accepted, const struct auth_token_id *id);

/* Copies what it takes; an older one may have to go for it. Any thread. */
void auth_accepted_add(
    struct auth_accepted *accepted,
    const struct auth_token_id *id,
    const struct auth_acceptance *acceptance);

#endif
