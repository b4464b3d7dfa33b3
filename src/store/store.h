/*
 * The transactional store, as the rest of the program sees it.
 *
 * Rows are versioned by commit timestamp above an ordered key-value backend; a snapshot is a
 * number. A transaction reads one snapshot plus its own writes, remembers what it read as key
 * intervals, and commits only if no newer commit wrote into them (first committer wins).
 *
 * Commits become visible to later transactions at once and durable a little later, many by one
 * sync. store_commit() is done only when everything the transaction wrote *and read* is durable,
 * so whoever waits for it before answering never lets out what a power cut could take back.
 *
 * Done or pending: a call that may have to wait says so in `*out_step`. After STORE_PENDING the
 * caller waits for the transaction's wake and then makes the same call with the same arguments
 * again. One call of a transaction may be pending at a time. Two calls may also be told
 * STORE_LATER: nobody wakes for that. An embedded backend answers reads at once; a remote one, and
 * the delaying wrapper of the tests, do not.
 *
 * After an error of any call but a check of its arguments a transaction can only be ended.
 *
 * Threads: a store is used from any thread; a transaction by one thread at a time, though not
 * always the same one. The wake is called from any thread.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "audit/record.h"
#include "base/buffer.h"
#include "value/id.h"
#include "value/value.h"

#include <cordon/store.h>
#include <stdatomic.h>

struct store;
struct store_txn;
struct store_scan;
struct upgrade_table;

/* STORE_LATER: a reserved transaction is in the way; the same call again in STORE_LATER_MS. */
enum store_step { STORE_DONE, STORE_PENDING, STORE_LATER };

#define STORE_LATER_MS 5

/* Called once after a STORE_PENDING, from any thread, holding no lock of the store. */
struct store_wake {
    void (*call)(void *arg);
    void *arg;
};

/* Keyspaces of a tenant; numbers are part of the on-disk layout (docs/layout.md). */
enum store_keyspace {
    KEYSPACE_META = 0,
    KEYSPACE_DOCUMENT = 1,
    KEYSPACE_INDEX = 2,
    KEYSPACE_TABLE = 3,  /* tables and schema */
    KEYSPACE_MODULE = 4, /* modules and deploys */
    KEYSPACE_SESSION = 5,
    KEYSPACE_SCHEDULE = 6, /* reserved */
    KEYSPACE_AUDIT = 7,
    KEYSPACE_QUOTA = 8,   /* reserved */
    KEYSPACE_GARBAGE = 9, /* superseded versions waiting for removal */
};

struct store_options {
    /*
     * False: whoever calls store_commit() does the durable write itself, and no thread exists.
     * True: threads of the store do it (one, or two over LMDB), many commits by one sync.
     */
    bool flusher_thread;
    /* Address space reserved for the map of the embedded backend, in bytes; 0 is 1 TiB. */
    uint64_t map_bytes;
    /*
     * How long superseded versions stay readable, in ms; 0 is 30,000. A transaction open for more
     * than twice as long loses its snapshot: its reads fail and its commit is a conflict.
     */
    uint64_t window_ms;
    /*
     * Commits are refused with CORDON_E_DISK_FULL while less than this is free on the disk, in
     * bytes, so that what was accepted can always be written; 0 is 64 MiB.
     */
    uint64_t disk_reserve_bytes;
    /*
     * How long commits may be in the log of the embedded backend alone before they are brought
     * into its database, in ms; 0 is 1,000. A few MiB of them are brought there at once.
     */
    uint64_t checkpoint_ms;
    /*
     * How long a snapshot is held (store_hold()) after it was last begun on, and in all, in ms;
     * 0 is 120,000 and 14,400,000.
     */
    uint64_t hold_idle_ms;
    uint64_t hold_ms;
    /*
     * Handlers for SIGBUS and SIGSEGV are added, for good, that end the process with one line
     * should reading the embedded backend's map fault, and pass everything else on.
     */
    bool guard_faults;
    /* Steps from older formats of the embedded backend; NULL: the program's own. For tests. */
    const struct upgrade_table *upgrades;
};

/* A store that lives and dies with the process. */
CORDON_MUST_USE cordon_error *store_open_memory(
    const struct store_options *options, struct store **out_store);

/*
 * Opens or creates the data folder (mode 0700). Errors, each one line that says what to do:
 * CORDON_E_STORE for a folder in use, of another format version or damaged; CORDON_E_DISK_FULL if
 * there is no room to bring what the log holds into the database; CORDON_E_SYSTEM for what the
 * operating system refused.
 */
CORDON_MUST_USE cordon_error *store_open_lmdb(
    const char *folder, const struct store_options *options, struct store **out_store);

/*
 * A store over the functions of an embedding program, which are complete; `arg` is taken over,
 * also on failure. Errors: those of the program; CORDON_E_STORE for rows that are of another
 * format or of none.
 */
CORDON_MUST_USE cordon_error *store_open_program(
    const cordon_store_functions *functions,
    void *arg,
    const struct store_options *options,
    struct store **out_store);

/* True if a store was made in that folder, whether it is open, good or damaged. */
bool store_is_there(const char *folder);

/*
 * Flushes what is visible, stops the flusher, frees. On a full disk what the log has is left there
 * for the next opening. No transaction may be open. NULL accepted.
 */
void store_close(struct store *store);

/* The newest visible and the newest durable commit timestamp, ns. Any thread. */
uint64_t store_visible_ts(const struct store *store);
uint64_t store_durable_ts(const struct store *store);

/* 16 random bytes made with the data folder (or the memory store): names this cluster of data. */
void store_cluster_id(const struct store *store, uint8_t out_id[16]);

/*
 * The process with the oldest snapshot that another one, such as a backup, reads of the data file:
 * pages that it may need are given to nobody, so that the file grows by what is written. `*out_pid`
 * is 0 if there is none. `*out_snapshot` tells one from a later one of the same process. What has
 * ended is none. Any thread.
 */
void store_pin_elsewhere(struct store *store, uint32_t *out_pid, uint64_t *out_snapshot);

/* -- Transactions --------------------------------------------------------------------------- */

/* Begins on the newest visible snapshot. `wake` is called after each pending answer. */
CORDON_MUST_USE cordon_error *store_begin(
    struct store *store, uint32_t tenant, struct store_wake wake, struct store_txn **out_txn);

/*
 * Begins a reserved transaction for the rerun of one that lost by a conflict, on the newest
 * snapshot: from then on, for STORE_RESERVED_MS or until it commits or ends, commits of others in
 * the tenant that would write what the lost one had read are told STORE_LATER. So a rerun that
 * reads the same cannot lose again. There is one such at a time in a tenant: STORE_LATER while
 * there is another, and until those that it held up have come again, for STORE_EXPECTED_MS at most:
 * so a commit is held up by one at most, however many follow. Once done, `*lost` is taken over and
 * cleared. Errors as store_begin.
 */
#define STORE_RESERVED_MS 1000
#define STORE_EXPECTED_MS 100 /* since they were told last */

CORDON_MUST_USE cordon_error *store_begin_reserved(
    struct store_txn **lost, enum store_step *out_step, struct store_txn **out_txn);

/*
 * Snapshots that are held: for an operator who reads one moment in many transactions, over longer
 * than the window. The newest visible one is held until it is released, until nobody has begun on
 * it for a while, or until it was held for long (`hold_idle_ms`, `hold_ms`); versions that it
 * needs stay on the disk that long, those of its tenant alone. A hold is its tenant's: no other
 * begins on it or lets go of it. There are STORE_HOLDS_OF_TENANT_MAX of a tenant at one time, in
 * the memory of the process; while all tenants have STORE_HOLDS_MAX or more, a tenant has
 * STORE_HOLDS_OWN all the same, whatever others hold. Any thread. Errors: CORDON_E_OVERLOADED if
 * there are as many.
 */
#define STORE_HOLDS_OF_TENANT_MAX 8
#define STORE_HOLDS_MAX 64
#define STORE_HOLDS_OWN 2 /* one to read by, and one for what the server counts */

CORDON_MUST_USE cordon_error *store_hold(
    struct store *store, uint32_t tenant, uint64_t *out_snapshot);

/* Does nothing for one that the tenant does not hold. */
void store_release(struct store *store, uint32_t tenant, uint64_t snapshot);

/*
 * As store_begin, on a snapshot that the tenant holds, for reading. Errors: also
 * CORDON_E_NOT_FOUND if it is held no longer.
 */
CORDON_MUST_USE cordon_error *store_begin_held(
    struct store *store,
    uint32_t tenant,
    uint64_t snapshot,
    struct store_wake wake,
    struct store_txn **out_txn);

/* The commit timestamp whose state this transaction reads, ns. */
uint64_t store_txn_snapshot(const struct store_txn *txn);

/*
 * Before the first read or write: a number that whoever chooses keys does not know. What its memory
 * looks like follows from it, so that no choice of keys makes it slow; with the same number and
 * keys it has the same bytes.
 */
void store_txn_seed(struct store_txn *txn, uint64_t seed);

/* True once something was written. */
bool store_txn_has_writes(const struct store_txn *txn);

/*
 * Ends a transaction and frees it; what was not committed is gone. Safe while a commit is pending:
 * that commit then happens or not, unseen. NULL inside is accepted; `*txn` is cleared.
 */
void store_end(struct store_txn **txn);

/* Bytes of host memory the transaction holds (writes, read set), to be charged to its run. */
size_t store_txn_bytes(const struct store_txn *txn);

/* What a row of the keyspace of sessions counts beside its value: keys, and the row of its time. */
#define STORE_SESSION_ROW_BYTES 128

/*
 * How much all documents of a tenant, and rows of the keyspace of sessions, may have, and have, in
 * bytes of their values; sessions as above. `used` is kept up by every commit that
 * brings this along, from when its caller begins to; what was there before the caller counts and
 * adds (run/tenant/tenant_quota.h). Once that is done and `is_counted` set, a commit that would
 * pass `allowed` is refused, unless it makes them fewer bytes, or removes documents and has a
 * result of at most a KiB kept; until then one that would add more than STORE_UNCOUNTED_BYTES_MAX
 * together with those before it. `changes` goes up by one before a
 * commit is visible and by one once it is in `used`: a snapshot that was begun on while it was
 * even, and stayed the same, has just the commits that `used` had.
 */
#define STORE_UNCOUNTED_BYTES_MAX ((uint64_t)16 << 20)

struct store_quota {
    atomic_ullong allowed;
    atomic_llong used;
    atomic_ullong changes;
    atomic_bool is_counted;
    atomic_bool is_unbounded; /* documents are: only the log is bounded */
    /*
     * The same of the audit log, in bytes as AUDIT_RECORD_BYTES says, if `bounds_audit`. What the
     * store has appended since it was opened it knows itself (store_audit_meter()), whoever has had
     * it appended; `audit_before` is what is there beside that, less what was pruned.
     */
    atomic_bool bounds_audit;
    atomic_ullong audit_allowed;
    atomic_llong audit_before;
    atomic_bool audit_is_counted;
};

/* What a commit carries beside the writes. All slices are borrowed during the first call. */
struct store_commit_facts {
    /* The body of the audit record, JSON; the store adds sequence, previous hash and hash. An
     * empty slice writes no record. */
    struct slice audit_body;
    /* Of the tenant; NULL: none. Lives until the transaction has ended. */
    struct store_quota *quota;
};

struct store_commit_result {
    bool conflict;      /* nothing was written; begin again */
    bool is_full;       /* nothing was written: the quota has no room */
    bool is_uncounted;  /* the same, but there may be room: what was there is yet to be counted */
    bool is_audit_full; /* with `is_full`: it is the log that has none */
    uint64_t full_used; /* with that: what documents or log would have had, and might have */
    uint64_t full_allowed;
    uint64_t ts; /* of the commit, or of the snapshot if nothing was written */
    /* On conflict: what both touched, for the error text. Owned by the transaction. */
    uint32_t conflict_table; /* table number, 0 if it was not a document */
    bool conflict_has_id;
    uint8_t conflict_id[16];
};

/*
 * Validates, orders, makes visible and waits until durable. Without writes it only waits until the
 * snapshot is durable. Errors: CORDON_E_DISK_FULL and CORDON_E_NO_MEMORY (nothing was written; the
 * store goes on, and a later commit may succeed), CORDON_E_STORE (the store has failed).
 */
CORDON_MUST_USE cordon_error *store_commit(
    struct store_txn *txn,
    const struct store_commit_facts *facts,
    enum store_step *out_step,
    struct store_commit_result *out_result);

/* -- Documents ------------------------------------------------------------------------------ */

struct store_id {
    uint32_t table; /* table number, from 10001 for user tables */
    uint8_t internal[16];
};

/* The same document, as the store names it. */
static inline struct store_id store_id_of(const struct document_id *id)
{
    struct store_id out = {.table = id->table};
    memcpy(out.internal, id->internal, sizeof out.internal);
    return out;
}

/*
 * The number of a table, by name. Not found is no error: a read of the absence is remembered, so
 * that a commit that makes the table conflicts with this one.
 */
CORDON_MUST_USE cordon_error *store_table_find(
    struct store_txn *txn,
    struct slice name,
    enum store_step *out_step,
    bool *out_found,
    uint32_t *out_table);

/* The name of a table, by number; borrowed until the transaction ends. */
CORDON_MUST_USE cordon_error *store_table_name(
    struct store_txn *txn,
    uint32_t table,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_name);

/* Convex: tables are kept in memory, and are never removed. */
#define STORE_TABLES_MAX 10000

/*
 * As store_table_find, but makes the table with the next free number if it is missing. Errors:
 * CORDON_E_INVALID for a name that no table can have, CORDON_E_TOO_LARGE for a table more than
 * STORE_TABLES_MAX.
 */
CORDON_MUST_USE cordon_error *store_table_ensure(
    struct store_txn *txn, struct slice name, enum store_step *out_step, uint32_t *out_table);

/*
 * As store_table_ensure, but a table that is made gets `wanted` for its number, for documents that
 * come with their ids. `*out_table` is the number that the table of that name has, be it another;
 * 0 if it would have to be made and another table has the number. Errors: those of
 * store_table_ensure, and CORDON_E_INVALID for a number that no table can have.
 */
CORDON_MUST_USE cordon_error *store_table_claim(
    struct store_txn *txn,
    struct slice name,
    uint32_t wanted,
    enum store_step *out_step,
    uint32_t *out_table);

/*
 * The table with the next number after `after`; `*out_table` is 0 behind the last. The name is
 * borrowed until the transaction ends.
 */
CORDON_MUST_USE cordon_error *store_table_next(
    struct store_txn *txn,
    uint32_t after,
    enum store_step *out_step,
    uint32_t *out_table,
    struct slice *out_name);

/*
 * One document as this transaction sees it: canonical encoded JSON with its system fields.
 * `*out_body` is borrowed until the next call on `txn`. A missing document is not an error.
 */
CORDON_MUST_USE cordon_error *store_get(
    struct store_txn *txn,
    const struct store_id *id,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_body);

/*
 * Writes a document, new or not. `creation_time` (ms, as in `_creationTime`) orders it in its
 * table and must be the same in every version of one document. The body is copied.
 */
CORDON_MUST_USE cordon_error *store_put(
    struct store_txn *txn, const struct store_id *id, double creation_time, struct slice body);

/* Removes a document that was read through this transaction before. */
CORDON_MUST_USE cordon_error *store_remove(
    struct store_txn *txn, const struct store_id *id, double creation_time);

/*
 * A point in a transaction to which documents can be brought back: what was written after it is
 * then as if it never had been, and reads stay read. Points after it are gone. A table that was
 * made since stays, without documents.
 */
CORDON_MUST_USE cordon_error *store_savepoint(struct store_txn *txn, uint64_t *out_point);
CORDON_MUST_USE cordon_error *store_rollback(struct store_txn *txn, uint64_t point);

enum store_order { STORE_ASCENDING, STORE_DESCENDING };

/* The orders that every table has beside its own indexes. */
#define STORE_BY_CREATION 0u
#define STORE_BY_ID UINT32_MAX

/*
 * A part of a table in the order of an index. The ends are keys as store_index_key() writes them,
 * or the first bytes of such: from `low`, before `high`. An empty `high` is the end of the index.
 * `most` only saves work: a store may fetch so many at a time, and more when more are asked for.
 */
struct store_range {
    uint32_t table;
    uint32_t index; /* its number; STORE_BY_CREATION, STORE_BY_ID */
    enum store_order order;
    struct slice low;
    struct slice high;
    uint64_t most; /* documents that will be asked for, at most; 0: nobody knows */
};

/* A pointer to the range of a whole table in creation order; lives as long as the block. */
#define STORE_WHOLE_TABLE(number, way)                                                             \
    (&(struct store_range){.table = (number), .index = STORE_BY_CREATION, .order = (way)})

/*
 * Reads a range, as of the snapshot and the transaction's own writes up to each step. Only what
 * was really walked over is in the read set: a scan closed early conflicts only with commits
 * before where it stopped. The range is borrowed during the call. Closed by store_scan_close or
 * with the transaction. Errors: CORDON_E_INVALID for an index that the table does not have or that
 * is not enabled.
 */
CORDON_MUST_USE cordon_error *store_scan_open(
    struct store_txn *txn, const struct store_range *range, struct store_scan **out_scan);

/* The next document, or `*out_found` false at the end. The body is borrowed until the next call. */
CORDON_MUST_USE cordon_error *store_scan_next(
    struct store_scan *scan, enum store_step *out_step, bool *out_found, struct slice *out_body);

/* Whether the next document is at hand, so that the next step takes no time to speak of. */
bool store_scan_is_ready(const struct store_scan *scan);

void store_scan_close(struct store_scan *scan);

/* -- Indexes -------------------------------------------------------------------------------- */

#define STORE_INDEXES_MAX 64      /* of a table */
#define STORE_INDEX_FIELDS_MAX 16 /* of an index; both are Convex's */

enum store_index_state {
    STORE_INDEX_FILLING = 1, /* kept up by every write, but documents from before are missing */
    STORE_INDEX_ENABLED = 2,
};

/* An index on fields of a table's documents; ties are in creation order, then by id. */
struct store_index {
    uint32_t number; /* unique in the table, never given twice; from 1 */
    enum store_index_state state;
    bool staged; /* filled and kept up like any other; whether it may be used is the caller's */
    struct slice name;
    struct slice fields[STORE_INDEX_FIELDS_MAX]; /* paths, as value_at() takes them */
    size_t field_count;
};

struct store_indexes {
    const struct store_index *items;
    size_t count;
};

/*
 * The indexes of a table as this transaction sees them; borrowed until it ends. That they were
 * asked for is remembered: a commit that changes them conflicts with this one.
 */
CORDON_MUST_USE cordon_error *store_indexes_get(
    struct store_txn *txn,
    uint32_t table,
    enum store_step *out_step,
    struct store_indexes *out_indexes);

/*
 * Makes these the indexes of a table. One with the name and the fields of one that is there keeps
 * its number and what is filled of it, and is staged as said here; others get a new number,
 * whatever `number` says, and are filling, unless the table has no documents. The entries of one
 * that is left out are dropped later, by store_index_work(). A transaction that does this writes
 * no documents.
 */
CORDON_MUST_USE cordon_error *store_indexes_put(
    struct store_txn *txn,
    uint32_t table,
    const struct store_index *indexes,
    size_t count,
    enum store_step *out_step);

enum store_index_share {
    STORE_INDEX_ALL,    /* all that changed indexes have left to do */
    STORE_INDEX_WANTED, /* only filling those that somebody waits for: that are not staged */
};

/*
 * Does at most `rows_max` rows of the work that changed indexes have left to do: fills one, which
 * is enabled with its last document, or drops entries of one that is gone. Begins where the last
 * commit of such work ended. `*out_rows` is what was done; 0: there is nothing left of that share.
 * A transaction that does this does nothing else; on a conflict the same is tried again.
 */
CORDON_MUST_USE cordon_error *store_index_work(
    struct store_txn *txn,
    enum store_index_share share,
    size_t rows_max,
    enum store_step *out_step,
    size_t *out_rows);

/*
 * Appends the key of a document in an index: the sort keys of its fields, the creation time (eight
 * bytes in the order of numbers) and the 16 bytes of its id. Errors are those of buffer_append().
 */
CORDON_MUST_USE cordon_error *store_index_key(
    const struct store_index *index,
    const struct store_id *id,
    double creation_time,
    const struct value *document,
    struct buffer *out);

/* -- System rows ---------------------------------------------------------------------------- */

/*
 * Versioned rows of the other keyspaces (modules, sessions), in the same transactions and under
 * the same rules. Keys are up to 400 bytes, values up to 64 MiB. `*out_value` is borrowed until
 * the next call on `txn`.
 */
CORDON_MUST_USE cordon_error *store_row_get(
    struct store_txn *txn,
    enum store_keyspace keyspace,
    struct slice key,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_value);

CORDON_MUST_USE cordon_error *store_row_put(
    struct store_txn *txn, enum store_keyspace keyspace, struct slice key, struct slice value);

CORDON_MUST_USE cordon_error *store_row_remove(
    struct store_txn *txn, enum store_keyspace keyspace, struct slice key);

/*
 * The first row of a keyspace whose key is >= `from` (or > if `after`); both slices are borrowed
 * until the next call on `txn`.
 */
CORDON_MUST_USE cordon_error *store_row_next(
    struct store_txn *txn,
    enum store_keyspace keyspace,
    struct slice from,
    bool after,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_key,
    struct slice *out_value);

/* -- Audit ---------------------------------------------------------------------------------- */

/*
 * The audit record with the lowest sequence >= `sequence`, as of now; its body is borrowed until
 * the next call on the transaction. If its row is damaged, that is CORDON_E_STORE, and the record's
 * sequence is told all the same.
 */
CORDON_MUST_USE cordon_error *store_audit_read(
    struct store_txn *txn,
    uint64_t sequence,
    enum store_step *out_step,
    bool *out_found,
    struct audit_record *out_record);

/*
 * What the audit log of a tenant ends with now, visible and maybe not durable yet, and the bytes of
 * all records that were appended since the store was opened. Any thread. Errors: those of reading;
 * CORDON_E_INVALID for a store that counts none.
 */
CORDON_MUST_USE cordon_error *store_audit_meter(
    struct store *store, uint32_t tenant, uint64_t *out_last, uint64_t *out_appended);

/*
 * Removes audit records of a tenant before the sequence `before`, for good: some of them, the
 * oldest first, so that no call is long; `*out_more` tells whether there may be others. The last
 * record that there is always stays. That they may go is the
 * caller's to know. Blocks. Errors: CORDON_E_INVALID of a store that keeps all; CORDON_E_STORE,
 * CORDON_E_DISK_FULL, no memory. Any thread.
 */
CORDON_MUST_USE cordon_error *store_audit_prune(
    struct store *store, uint32_t tenant, uint64_t before, bool *out_more);

#endif
