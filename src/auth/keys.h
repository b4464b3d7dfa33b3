/*
 * The keys of somebody who signs tokens: a JSON Web Key Set (RFC 7517) becomes public keys, each
 * bound to the one algorithm that its type allows. Keys of other types, for other uses or of a size
 * that is not safe are passed over, as the RFC wants it; a set with none left is refused, as is one
 * with a private key in it, which is not to lie where this file lies.
 */
#ifndef AUTH_KEYS_H
#define AUTH_KEYS_H

#include "base/error.h"
#include "base/public_key.h"
#include "base/slice.h"

/* All that there are, here and for good: nothing unsigned, and no secret shared with clients. */
enum auth_algorithm {
    AUTH_RS256,
    AUTH_ES256,
    AUTH_EDDSA,
    AUTH_ALGORITHM_COUNT,
};

#define AUTH_KEYS_MAX 64
#define AUTH_KEYS_BYTES_MAX ((size_t)256 << 10) /* of the text */

struct auth_key {
    enum auth_algorithm algorithm;
    struct slice id; /* `kid`; data NULL: it has none */
    struct public_key *key;
};

/* Immutable and counted. */
struct auth_keys;

/*
 * Reads a key set; the caller has the one reference. Errors: CORDON_E_INVALID, CORDON_E_BAD_JSON
 * and CORDON_E_TOO_LARGE with words for whoever wrote the file, CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *auth_keys_parse(struct slice text, struct auth_keys **out_keys);

/* The same with one more reference; NULL for NULL. Any thread. */
struct auth_keys *auth_keys_ref(struct auth_keys *keys);

/* Frees them with the last reference. NULL accepted. Any thread. */
void auth_keys_unref(struct auth_keys *keys);

size_t auth_keys_count(const struct auth_keys *keys);

/*
 * The key that a token of that algorithm means: the one with its `kid`, or, where it names none
 * (data NULL), the only one of that algorithm. NULL if there is none.
 */
const struct auth_key *auth_keys_find(
    const struct auth_keys *keys, enum auth_algorithm algorithm, struct slice id);

/*
 * A key to verify with where no key is meant, so that the answer takes as long as another: of that
 * algorithm if there is one.
 */
const struct auth_key *auth_keys_any(const struct auth_keys *keys, enum auth_algorithm algorithm);

/* False if it is none of ours. */
CORDON_MUST_USE bool auth_algorithm_read(struct slice name, enum auth_algorithm *out_algorithm);

#endif
