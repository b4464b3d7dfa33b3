/* What the audit log says of a call: a mutation, in its own commit, or a replay that differs. */
#ifndef RUN_AUDIT_AUDITED_CALL_H
#define RUN_AUDIT_AUDITED_CALL_H

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
CORDON_MUST_USE cordon_error *audited_call_write(
    struct buffer *out, const struct outcome *outcome, const struct audited_call *call);

/*
 * The body of the audit record of a replay that was another run than the recorded one. `difference`
 * holds nothing of what the run saw; `kept` is the id of its record, or empty.
 */
CORDON_MUST_USE cordon_error *audited_call_write_mismatch(
    struct buffer *out,
    const struct audited_call *call,
    struct slice difference,
    struct slice kept);

#endif
