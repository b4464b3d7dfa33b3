/*
 * The record that says that those before it were pruned: which, by whom, and the end of the chain
 * at the cut. The log goes on from there: the first record that is left names that hash as the one
 * before, and a checkpoint that was made long ago signs it.
 */
#ifndef AUDIT_PRUNE_H
#define AUDIT_PRUNE_H

#include "audit/actor.h"
#include "base/buffer.h"
#include "base/hash.h"
#include "base/sign.h"

struct audit_prune {
    uint64_t before;            /* the first record that is left */
    uint64_t records;           /* how many were there before it */
    uint8_t hash[SHA256_BYTES]; /* of the last of them */
    uint8_t
        first_key[SIGN_PUBLIC_BYTES]; /* of the first checkpoint there ever was, as far as known */
    struct audit_actor actor;         /* who asked for it */
};

/* Appends it as JSON: the body of an audit record. Errors: those of buffer_append(). */
CORDON_MUST_USE cordon_error *audit_prune_write(
    struct buffer *out, const struct audit_prune *prune);

/* Whether a body says that it is such a record; whether it is a whole one tells the reading. */
bool audit_is_prune(struct slice body);

/* False for what is no whole one. Errors: CORDON_E_NO_MEMORY. */
CORDON_MUST_USE cordon_error *audit_prune_read(
    struct slice body, bool *out_is_whole, struct audit_prune *out_prune);

#endif
