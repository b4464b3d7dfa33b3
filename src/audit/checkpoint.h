/*
 * Checkpoints: what the audit log of a tenant was at one moment, signed, so that whoever changes
 * it later cannot make it look unchanged.
 *
 * Each checkpoint is signed by a key of its own and names the next one. The secrets are a chain:
 * the next follows from the last by a hash, and the last is erased. Who takes the machine at some
 * time finds the key of checkpoints to come and of none before: what was signed stays as it was
 * (forward security; docs/audit.md has the formats and the reasons).
 */
#ifndef AUDIT_CHECKPOINT_H
#define AUDIT_CHECKPOINT_H

#include "base/buffer.h"
#include "base/hash.h"
#include "base/sign.h"

#define AUDIT_CLUSTER_BYTES 16

struct audit_checkpoint {
    uint64_t epoch; /* 0 for the first of a chain of keys, then one more each */
    uint32_t tenant;
    uint8_t cluster[AUDIT_CLUSTER_BYTES]; /* of the store */
    uint64_t covers;                      /* the sequence of the last record it speaks of */
    uint8_t hash[SHA256_BYTES];           /* of that record */
    uint8_t key[SIGN_PUBLIC_BYTES];       /* that signed it */
    uint8_t next_key[SIGN_PUBLIC_BYTES];  /* that signs the next one */
    uint8_t signature[SIGN_SIGNATURE_BYTES];
};

/* The secret of an epoch, from which both its key and the secret of the next epoch follow. */
struct audit_secret {
    uint64_t epoch;
    uint8_t bytes[SHA256_BYTES];
};

/* Makes it that of the next epoch; the old one is gone from memory. */
void audit_secret_advance(struct audit_secret *secret);

/* The public key of what it signs with. Errors: CORDON_E_SYSTEM if the library fails. */
CORDON_MUST_USE cordon_error *audit_secret_key(
    const struct audit_secret *secret, uint8_t out_key[SIGN_PUBLIC_BYTES]);

/*
 * Fills in epoch, keys and signature; the rest says what is signed. Errors: CORDON_E_SYSTEM if the
 * library fails.
 */
CORDON_MUST_USE cordon_error *audit_checkpoint_sign(
    const struct audit_secret *secret, struct audit_checkpoint *checkpoint);

/*
 * Whether this secret has signed it: its epoch and its key are the secret's. Errors: as before.
 */
CORDON_MUST_USE cordon_error *audit_secret_has_signed(
    const struct audit_secret *secret, const struct audit_checkpoint *checkpoint, bool *out_has);

/* Whether it is the one whose key that checkpoint has announced. Errors: as before. */
CORDON_MUST_USE cordon_error *audit_secret_is_next(
    const struct audit_secret *secret, const struct audit_checkpoint *checkpoint, bool *out_is);

/* Whether `key` signed it. Says nothing about whose key that is. */
bool audit_checkpoint_is_signed(const struct audit_checkpoint *checkpoint);

/* Appends it as JSON: the body of an audit record. Errors: those of buffer_append(). */
CORDON_MUST_USE cordon_error *audit_checkpoint_write(
    struct buffer *out, const struct audit_checkpoint *checkpoint);

/* Whether a body says that it is a checkpoint; whether it is a whole one tells the reading. */
bool audit_is_checkpoint(struct slice body);

/* False for what is no whole checkpoint. Errors: CORDON_E_NO_MEMORY. */
CORDON_MUST_USE cordon_error *audit_checkpoint_read(
    struct slice body, bool *out_is_whole, struct audit_checkpoint *out_checkpoint);

#endif
