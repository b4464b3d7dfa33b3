/*
 * JSON Web Tokens (RFC 7519) in the compact form of a signature (RFC 7515), taken apart and not
 * believed: what stands in one is whatever its sender wrote until its signature is verified
 * (auth/provider.h). Strict where a second reader could understand something else: base64url has
 * one text for one run of bytes, no name comes twice in an object, registered claims have their
 * types.
 */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

#include "base/error.h"
#include "base/public_key.h"
#include "base/slice.h"
#include "value/json.h"

#define AUTH_TOKEN_BYTES_MAX ((size_t)16 << 10)

/* When it holds, in seconds since 1970; infinite where it does not say. */
struct auth_times {
    bool has_expiry;
    double expires_s;
    double not_before_s;
    double issued_s;
};

/* Slices are borrowed from the text and the documents. */
struct auth_token {
    struct json_doc *header;
    struct json_doc *claims;
    struct slice signed_part; /* of the text */
    struct slice signature;
    uint8_t signature_room[PUBLIC_KEY_SIGNATURE_BYTES_MAX + 2];
    struct slice algorithm;
    struct slice key_id; /* data NULL: it names none */
    struct slice issuer;
    struct slice subject;
    bool is_plain; /* no extension that must be understood, and of the type of a token for access */
    struct auth_times times;
};

/*
 * Takes a token apart; the text outlives it. `out_token` is the caller's to be given to
 * auth_token_done(), also after a failure. Errors: CORDON_E_INVALID for what is no token,
 * CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *auth_token_read(struct slice text, struct auth_token *out_token);

void auth_token_done(struct auth_token *token);

/* Whether it is for that application: `aud` is its id, or a list that has it. */
bool auth_token_is_for(const struct auth_token *token, struct slice application_id);

/* Whether one with these times is valid at that time, by a clock that may be off by `skew_s`. */
bool auth_times_hold(const struct auth_times *times, double now_s, double skew_s);

#endif
