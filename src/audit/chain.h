/*
 * The check of an audit log, record by record from its first: that nothing of it was changed, taken
 * out or put elsewhere. The first record is 1, or, of a log that was pruned, the one that a signed
 * record of that names (prune.h).
 *
 * Three things are checked. Each record is what its hash says, names the one before, and follows it
 * in sequence and time. Each checkpoint is signed, by the key that the one before announced, and
 * speaks of a record that is as it says. And what somebody kept elsewhere, checkpoints or the first
 * key, is in this log: without that, who can write the whole log could have cut its end off or made
 * all of it anew, and the check says up to where it knows.
 *
 * The first fault is kept; nothing behind it is looked at.
 */
#ifndef AUDIT_CHAIN_H
#define AUDIT_CHAIN_H

#include "audit/checkpoint.h"
#include "audit/prune.h"
#include "audit/record.h"

struct audit_chain;

/* The chain is the caller's. Errors: CORDON_E_NO_MEMORY, as of all that follow. */
CORDON_MUST_USE cordon_error *audit_chain_new(struct audit_chain **out_chain);

/* NULL accepted. */
void audit_chain_free(struct audit_chain *chain);

/*
 * The key that the first checkpoint must be signed by, and all that follow by keys that were
 * announced. Before the first record. Without it keys may begin anew, as they do in a folder that
 * was restored from a backup; the verdict says where.
 */
void audit_chain_trust(struct audit_chain *chain, const uint8_t key[SIGN_PUBLIC_BYTES]);

/*
 * Whose log it is, by number; before the first record. Without it, or with 0, it is that of whom
 * the first checkpoint says, whoever wanted which.
 */
void audit_chain_of(struct audit_chain *chain, uint32_t tenant);

/*
 * Up to which record somebody knows that a checkpoint has signed the log, as the keeper of its
 * secret does: there must be one that covers it, and that of `covered` must have announced the
 * secret's key; NULL: any. With 0 nothing is asked. Before the first record.
 */
void audit_chain_reach(
    struct audit_chain *chain, uint64_t covered, const uint8_t next_key[SIGN_PUBLIC_BYTES]);

/*
 * A checkpoint that somebody kept, of another tenant's log maybe, which then says nothing: the log
 * must have its record, and that checkpoint itself. Before the first record, in any order.
 * `*out_is_whole` is false for a line that is no checkpoint.
 */
CORDON_MUST_USE cordon_error *audit_chain_expect(
    struct audit_chain *chain, struct slice line, bool *out_is_whole);

/* How many it was told to expect. */
size_t audit_chain_expected(const struct audit_chain *chain);

/* The next record. */
CORDON_MUST_USE cordon_error *audit_chain_add(
    struct audit_chain *chain, const struct audit_record *record);

/* Says that the log has a line that is no record. */
void audit_chain_add_malformed(struct audit_chain *chain);

/* The same of the record whose row in the store is damaged (audit_record_write_damaged()). */
void audit_chain_add_damaged(struct audit_chain *chain, uint64_t sequence);

/* What the whole log was found to be. */
struct audit_verdict {
    bool is_good;
    uint32_t tenant;      /* whose log it is; 0: nothing says so */
    uint64_t records;     /* that were looked at */
    uint64_t first;       /* sequence of the first of them; 0: none */
    uint64_t last;        /* sequence of the last good one; 0: none */
    uint64_t last_ts;     /* ns */
    uint64_t checkpoints; /* good ones */
    uint64_t signed_to;   /* up to this record a checkpoint speaks for the log; 0: none does */
    uint64_t signed_ts;   /* of the record that holds that checkpoint */
    uint64_t kept;        /* checkpoints from elsewhere that were met */
    uint64_t kept_to;     /* the last record that one of them speaks of */
    uint64_t kept_pruned; /* others, that speak of records which were pruned */
    uint64_t kept_others; /* and of other tenants' logs, which say nothing of this one */
    uint64_t pruned_at;   /* the record of the last prune that is signed; 0: there is none */
    uint64_t pruned_ts;
    struct audit_prune prune;
    bool has_key;                   /* there was a checkpoint: */
    uint8_t key[SIGN_PUBLIC_BYTES]; /* the key of the first */
    bool is_key_trusted;            /* it is the one that was to be */
    uint64_t anew;                  /* how often keys began anew, without being announced */
    uint64_t anew_at;               /* the last time: the record of that checkpoint, and when */
    uint64_t anew_ts;
    uint64_t fault_at; /* if not good: the record in question */
    const char *fault; /* what is wrong with it, static; NULL */
};

/*
 * A place where the log may be cut: the record behind the last one that a good checkpoint so far
 * speaks of. `*out_before` is 1 if there is none.
 */
void audit_chain_cut(
    const struct audit_chain *chain, uint64_t *out_before, uint8_t out_hash[SHA256_BYTES]);

/* After the last record. */
struct audit_verdict audit_chain_end(struct audit_chain *chain);

#endif
