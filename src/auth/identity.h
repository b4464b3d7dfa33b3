/*
 * Who calls, as functions see it: Convex's UserIdentity. It is made from the claims of a token that
 * was verified, or from what the holder of an admin key says when he acts as a user.
 *
 * The standard claims of OpenID Connect have Convex's names (`given_name` is `givenName`); others
 * keep theirs, and members of an object among them are fields of their own, with dots:
 * `properties.id`. What cannot be a Convex value, or has the name of a standard attribute without
 * being it, is left out. The token itself is not part of it.
 */
#ifndef AUTH_IDENTITY_H
#define AUTH_IDENTITY_H

#include "base/buffer.h"
#include "value/json.h"

#define IDENTITY_BYTES_MAX ((size_t)64 << 10)
#define IDENTITY_FIELDS_MAX 256
#define IDENTITY_NAME_BYTES_MAX 1024 /* of issuer and subject */

/* Of the hash of a user. */
enum { IDENTITY_HASH_BYTES = 8 };

/* Slices are borrowed from the buffer that it was written to. All empty: nobody has signed in. */
struct identity {
    struct slice token; /* `tokenIdentifier`: `issuer|subject`, one for each user */
    struct slice json;  /* canonical encoded JSON, an object */
    /* Of `token`, in hexadecimal: enough to find who is known, and nothing of who is not. */
    char hash[2 * IDENTITY_HASH_BYTES + 1];
};

/*
 * Both append to `out_text`, whose ceiling is IDENTITY_BYTES_MAX or more and which outlives the
 * identity. Errors: CORDON_E_INVALID if issuer or subject is missing, too long, or has characters
 * that would make it read like another (a control character; `|` in an issuer); CORDON_E_TOO_LARGE
 * for too much of it, of claims for more than IDENTITY_BYTES_MAX; CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *identity_from_claims(
    const struct json_node *claims, struct buffer *out_text, struct identity *out_identity);

/* From a JSON object of attributes by Convex's names. Errors: also CORDON_E_BAD_JSON. */
CORDON_MUST_USE cordon_error *identity_from_attributes(
    struct slice json, struct buffer *out_text, struct identity *out_identity);

#endif
