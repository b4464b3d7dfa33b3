/*
 * Who a client was when it asked last: one that keeps its connection sends the same token with each
 * call, and to compare it takes less than to hash it and to look for it among those of all clients
 * (auth/accepted.h).
 */
#ifndef AUTH_MEMO_H
#define AUTH_MEMO_H

#include "auth/provider.h"

/* The ceiling of the text: a tenant's name, its token, an identity. */
#define AUTH_MEMO_BYTES_MAX (AUTH_TOKEN_BYTES_MAX + IDENTITY_BYTES_MAX + 1024)

/* One thread at a time. */
struct auth_memo {
    struct auth_acceptance acceptance;
    uint64_t config;    /* the number of who accepted it */
    size_t asked_size;  /* of what stands first in the text: tenant, NUL, token; 0: nothing */
    struct buffer text; /* then the identity */
};

/* `account` pays for the text, and outlives it. */
void auth_memo_init(struct auth_memo *memo, struct account *account);
void auth_memo_done(struct auth_memo *memo);

/* Gives a text back that takes more than so many bytes. */
void auth_memo_trim(struct auth_memo *memo, size_t bytes_max);

/*
 * As auth_config_judge(). The identity lives until the memo is asked again, trimmed or done, and
 * is written only for a token that is accepted.
 */
enum auth_verdict auth_memo_judge(
    struct auth_memo *memo,
    struct auth_config *config,
    struct slice tenant,
    struct slice token,
    double now_s,
    struct identity *out_identity);

#endif
