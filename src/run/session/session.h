/*
 * Results of mutations with an idempotency key, and until when they are kept.
 *
 * A result is a row of the keyspace of sessions, written in the mutation's own commit under SHA-256
 * of the key. Beside it, in the same commit, goes a row of the keyspace of schedules that begins
 * with the time, so that what is due is found by looking at the first of them, and nothing else is
 * read where nothing is. A result is found as long as it is there: what a call sees depends on the
 * store alone and on no clock. So a key is good for SESSION_KEPT_NS, and until somebody comes to
 * remove it (run/session/session_expiry.h). No client repeats a call for longer, and to keep
 * results for good would let anybody fill a disk.
 */
#ifndef RUN_SESSION_H
#define RUN_SESSION_H

#include "base/hash.h"
#include "store/store.h"

/* 14 days, as Convex has it. */
#define SESSION_KEPT_NS ((uint64_t)14 * 24 * 3600 * 1000000000)

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

/* The row under which a client's key is kept: SHA-256 of it. */
void session_key(struct slice idempotency_key, uint8_t out_key[SHA256_BYTES]);

/*
 * Remembers a result, in the mutation's own commit, from `time_ns` on (ns since 1970). Errors:
 * those of writing rows, and memory.
 */
CORDON_MUST_USE cordon_error *session_put(
    struct store_txn *txn,
    const uint8_t key[SHA256_BYTES],
    uint64_t time_ns,
    const struct session_call *call,
    struct slice value);

/*
 * `*out_same` is false if the key was used for another call. The value is borrowed from `row`.
 * Errors: CORDON_E_STORE for a row that is of no format that this version knows.
 */
CORDON_MUST_USE cordon_error *session_read(
    struct slice row, const struct session_call *call, bool *out_same, struct slice *out_value);

/* -- When it ends --------------------------------------------------------------------------- */

/* The keys of all rows that say when a result was written begin so. */
#define SESSION_TIME_PREFIX "session/"
#define SESSION_TIME_KEY_BYTES (sizeof SESSION_TIME_PREFIX - 1 + 8 + SHA256_BYTES)

/* When a result was written, and under which row. */
struct session_time {
    uint64_t time_ns;
    uint8_t key[SHA256_BYTES];
};

void session_time_write(const struct session_time *time, uint8_t out_row[SESSION_TIME_KEY_BYTES]);

/* False: the row's key is none of these. */
bool session_time_read(struct slice row, struct session_time *out_time);

/*
 * Whether a result says when it was written; those that a version before wrote do not. False for a
 * row of no known format, too.
 */
bool session_has_time(struct slice row, uint64_t *out_time_ns);

#endif
