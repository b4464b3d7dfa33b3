/*
 * The audit log in the store, for threads that may block: a record of its own, the last record, and
 * records as lines of text.
 */
#ifndef RUN_AUDIT_ROWS_H
#define RUN_AUDIT_ROWS_H

#include "audit/record.h"
#include "store/store.h"

/*
 * Appends a record of its own: what no mutation's commit carries. Blocks until it is durable.
 * Errors: CORDON_E_CONFLICT if that took longer than the store keeps a moment, those of
 * store_commit().
 */
CORDON_MUST_USE cordon_error *audit_rows_add(
    struct store *store, uint32_t tenant, struct slice body);

/* Most that audit_rows_add_all() takes. */
#define AUDIT_ROWS_MAX 64

struct audit_row {
    struct slice body;
    bool is_of_settings; /* its commit has the next start record its settings: settings_row.h */
};

/*
 * Appends records of their own, at most AUDIT_ROWS_MAX, in this order unless the store makes one of
 * them wait, and waits once until all are durable: they share its syncs. `written` says for each
 * whether it is, also on an error, of which the first is the answer. Errors: as audit_rows_add().
 */
CORDON_MUST_USE cordon_error *audit_rows_add_all(
    struct store *store,
    uint32_t tenant,
    const struct audit_row *rows,
    size_t count,
    bool written[AUDIT_ROWS_MAX]);

/* A record without its body, as the log ends with it. */
struct audit_last {
    uint64_t sequence; /* 0: the log is empty */
    uint8_t hash[SHA256_BYTES];
    bool is_checkpoint;
};

/*
 * The last record. `from` is a sequence that is known to be there, or 0: it is looked for from
 * there on, in some 2 log2(n) reads. Errors: CORDON_E_STORE if it is not there, those of the store.
 */
CORDON_MUST_USE cordon_error *audit_rows_last(
    struct store *store, uint32_t tenant, uint64_t from, struct audit_last *out_last);

/*
 * Appends records from `from` on as lines, at most `bytes_max` of them but one in any case, and
 * none that is not durable. One whose row is damaged is a line that says so, which is no record
 * (audit_record_is_damaged()). `*out_next` is where to go on; as `from` if there was none. Does not
 * block on an embedded store. Errors: those of the store and of the buffer.
 */
CORDON_MUST_USE cordon_error *audit_rows_page(
    struct store *store,
    uint32_t tenant,
    uint64_t from,
    size_t bytes_max,
    struct buffer *out,
    uint64_t *out_next);

/* What to say of a log that lacks the checkpoint of this record: CORDON_E_STORE. */
CORDON_MUST_USE cordon_error *audit_rows_cut(uint64_t covered);

#endif
