/* What a mutation's commit says beside its writes: its audit record, and its session record. */
#ifndef RUN_RECORD_H
#define RUN_RECORD_H

#include "audit/actor.h"
#include "base/buffer.h"
#include "run/deploy/deployment.h"
#include "run/outcome.h"
#include "store/store.h"

/* What was called with what by whom, as audit records say it. */
struct audited_call {
    const struct deployed_function *function;
    struct slice args;               /* canonical encoded JSON, which is hashed */
    struct slice request_id;         /* empty: none */
    struct slice user;               /* `tokenIdentifier` of who has signed in; empty: nobody */
    const struct audit_actor *actor; /* whose right it was; NULL: anybody may */
};

/* The body of an audit record, JSON: the call, and what came of it. */
CORDON_MUST_USE cordon_error *record_audit(
    struct buffer *out, const struct outcome *outcome, const struct audited_call *call);

/*
 * The body of the audit record of a replay that was another run than the recorded one. `difference`
 * holds nothing of what the run saw; `kept` is the id of its record, or empty.
 */
CORDON_MUST_USE cordon_error *record_mismatch_audit(
    struct buffer *out,
    const struct audited_call *call,
    struct slice difference,
    struct slice kept);

/*
 * What the result of an idempotent mutation is bound to: whoever knows a key and is somebody else,
 * or calls something else, learns nothing.
 */
struct session_call {
    struct slice role; /* of who calls: a word */
    struct slice user; /* `tokenIdentifier` of who has signed in; empty: nobody */
    struct slice path; /* of the function that is called, as its module has it */
    struct slice args; /* canonical encoded JSON */
};

/* Remembers the result under the key of the call, in the mutation's own commit. */
CORDON_MUST_USE cordon_error *record_session_put(
    struct store_txn *txn, struct slice key, const struct session_call *call, struct slice value);

/* `*out_same` is false if the key was used for another call. The value is borrowed from `row`. */
CORDON_MUST_USE cordon_error *record_session_read(
    struct slice row, const struct session_call *call, bool *out_same, struct slice *out_value);

#endif
