/*
 * The store of one process: MVCC, optimistic validation, group commit and removal of old versions
 * over a key-value backend. Private to the local_*.c files.
 *
 * local.c opens and closes; local_txn.c begins, reads and ends; local_hold.c has snapshots that are
 * held; local_write.c holds what a transaction wrote; local_scan.c walks, local_group.c where keys
 * were cut; local_table.c names tables; local_index.c has their indexes and fills them;
 * local_commit.c validates and publishes; local_room.c has commits wait for room; local_worker.c
 * makes durable; local_flush.c brings memtables into the backend; local_garbage.c removes old
 * versions.
 *
 * Lock order: flush_lock, commit_lock, then any of the others, which are leaves; but that the lock
 * of the room comes before that of its waiters.
 */
#ifndef STORE_LOCAL_H
#define STORE_LOCAL_H

#include "store/journal.h"
#include "store/kv.h"
#include "store/meta.h"
#include "store/overlay.h"
#include "store/reading.h"
#include "store/readset.h"
#include "store/tables.h"
#include "store/versions.h"
#include "store/vtable.h"
#include "store/waiters.h"
#include "store/writelog.h"

#include "base/buffer.h"

struct local_txn;

/* Transactions that are open, oldest snapshot first. */
struct open_list {
    pthread_mutex_t lock;
    struct local_txn *first;
    struct local_txn *last;
};

/* A thread of the store that sleeps until there is work. */
struct worker {
    bool runs; /* set once, before any commit */
    pthread_t thread;
    pthread_mutex_t lock; /* over the rest */
    pthread_cond_t changed;
    bool wanted;
    bool stop;
};

/* The one that makes commits durable for those who wait. */
struct flusher {
    struct worker worker;
    size_t arrived;         /* who has asked for a sync that has not begun; under the lock */
    size_t expected;        /* worth waiting for, for a moment; under the lock */
    uint64_t last_sync_ns;  /* what the last one took */
    uint64_t rotated_at_ns; /* when a memtable last became due, by the monotonic clock */
};

/* A snapshot that is held; times are of the monotonic clock. */
struct hold {
    struct hold *next;
    uint64_t snapshot;
    uint32_t tenant;
    uint64_t idle_until_ns;
    uint64_t until_ns;
};

enum room_state { TICKET_NONE, TICKET_WAITS, TICKET_PROMISED };

/* Of a commit that had to wait for room. */
struct room_ticket {
    struct room_ticket *next;
    _Atomic int state; /* an enum room_state; changed under the lock of the room */
    uint32_t tenant;
    uint64_t bytes;
    uint64_t begin; /* in bytes of its tenant's, behind those that were let in */
};

/* Who waits for room, and who was let in: see local_room.c. */
struct room {
    pthread_mutex_t lock; /* over the next two */
    struct room_ticket *first;
    uint64_t virtual_bytes;
    _Atomic uint64_t promised;
    _Atomic size_t waiting;
    _Atomic uint64_t rounds; /* in which some were let in; changed under the lock */
    struct waiters waiters;  /* for the next round */
};

/*
 * How far the garbage queue of the backend has been seen to: each row up to `front_ts` is gone, or
 * was kept for a hold of its tenant. Once a hold has ended those are gone over again, in laps.
 */
struct queue_place {
    uint64_t front_ts;
    bool has_kept; /* some row up to there */
    bool in_lap;   /* one is under way, which has come as far as `lap_ts` */
    bool lap_has_kept;
    uint64_t lap_ts;
    uint64_t lap_ended; /* `holds_ended` when the last lap began */
};

struct local {
    struct store base;
    struct kv *kv;
    struct meta meta; /* as it was at opening: whose data, and the format */
    uint64_t window_ns;
    uint64_t disk_reserve_bytes;
    uint64_t checkpoint_ns;

    /* What a commit does is one after the other under this lock: validate, stamp, publish. */
    pthread_mutex_t commit_lock;
    uint64_t last_ts;
    struct writelog log;
    struct local_txn *reserved; /* transactions that others wait for: one for each tenant */
    struct local_txn *expected; /* those that were told to wait for one */
    struct skip audit_heads;    /* by tenant in four bytes; the item is a struct audit_head */
    struct memtable *spare;     /* for the next rotation; there whenever the active one has rows */
    struct batch *unlogged_first; /* with a log: what it does not have, in order of time */
    struct batch *unlogged_last;

    _Atomic uint64_t visible_ts;  /* every commit up to here is in the overlay or the backend */
    _Atomic uint64_t durable_ts;  /* every commit up to here is on the disk */
    _Atomic uint64_t flushed_ts;  /* every commit up to here is in the backend */
    _Atomic uint64_t batches;     /* made so far */
    _Atomic size_t pending_bytes; /* visible but not in the backend */
    _Atomic uint64_t free_bytes;  /* on the disk, when it was asked last */
    _Atomic uint64_t asked_at_ns; /* by the monotonic clock; 0 for never */
    _Atomic bool flush_was_full;  /* the last flush found no room on the disk */
    _Atomic bool rotation_wanted; /* the memtable is due, whatever its size and age */
    _Atomic bool garbage_waits;   /* the backend may hold rows of the garbage queue */

    struct overlay overlay;
    struct table_map tables;
    struct open_list open;
    struct hold *holds;   /* under the lock of the open list, as the next; some may be over */
    uint64_t holds_ended; /* so far */
    uint64_t hold_idle_ns;
    uint64_t hold_ns;
    struct queue_place queue; /* under flush_lock */
    struct waiters waiters;   /* for durable_ts */
    struct waiters settled;   /* for flushed_ts */
    struct room room;
    pthread_mutex_t flush_lock;
    struct journal *journal; /* the log, or NULL; of the flusher, but for claims */
    bool logged;             /* what is answered is in the log first; set once, at opening */
    struct flusher flusher;
    struct worker checkpointer; /* with a log: brings memtables into the backend */
};

enum write_type { WRITE_ROW, WRITE_DOCUMENT, WRITE_ENTRY };

/* What a transaction means to do to one logical key. */
struct write {
    enum write_type type;
    enum layout_kind kind;
    bool existed;           /* the snapshot holds a live version */
    struct skip_node *node; /* its place in the transaction; the key is the logical one */
    struct slice body;      /* of a live row or document */
    size_t old_bytes;       /* of the snapshot's version of a row or document; 0: there is none */
    /* Of a document: */
    struct store_id id;
    double creation_time;
    struct write *entries; /* its places in the orders of its table, old and new */
    /* Of an entry: */
    struct write *document; /* NULL if it is only filled in */
    struct write *next;     /* of the same document */
};

/* What a write of a document was before. */
struct undo {
    struct undo *before;
    struct write *write;
    bool is_first; /* there was none */
    enum layout_kind kind;
    double creation_time;
    struct slice body;
};

/* New indexes of a table. */
struct made_set {
    struct made_set *next;
    uint32_t table;
    struct index_set *set; /* NULL once the map has it */
};

struct local_scan;

enum txn_phase {
    TXN_OPEN,
    TXN_PREPARED, /* the batch is made; waiting for room */
    TXN_VISIBLE,  /* committed, waiting until durable */
    TXN_CONFLICT,
    TXN_FULL, /* the quota had no room */
};

struct local_txn {
    struct store_txn base;
    struct local *store;
    uint32_t tenant;
    uint64_t snapshot;
    _Atomic bool is_lost;    /* versions that it needs may be gone */
    uint64_t seen_ts;        /* newest commit whose content was given out */
    struct local_txn *older; /* in the open list */
    struct local_txn *newer;

    struct arena arena; /* writes and read set */
    struct skip writes; /* by logical key */
    bool keeps_undo;    /* from the first savepoint on */
    struct undo *undo;  /* newest first; in the arena */
    uint64_t undo_count;
    uint64_t document_writes; /* how many there were: what was gathered before is out of date */
    struct readset reads;
    struct view view;
    struct buffer value; /* the last answer */
    struct buffer key;
    struct local_scan *scans;

    /* Of a reserved one: who lost, whose reads others do not write until then, monotonic. */
    struct local_txn *lost;
    uint64_t reserved_until_ns;
    struct local_txn *next_reserved;

    /* Of one that was told to come again for a reserved one: until when the next such waits for it,
     * monotonic; 0: not at all, and it is in no list. With the commit lock held. */
    uint64_t expected_until_ns;
    struct local_txn *next_expected;

    struct tenant_tables *tables; /* NULL until asked for */
    struct tenant_tables made;    /* tables that this transaction makes */
    struct made_set *sets_made;   /* indexes of tables that it makes, newest first */
    uint32_t indexed_table;       /* whose indexes were asked for last; 0: of none */
    const struct index_set *indexed_by;

    enum txn_phase phase;
    struct batch *batch;       /* TXN_PREPARED */
    struct store_quota *quota; /* the same, as the next; NULL: none */
    int64_t grows;             /* by so many bytes of documents and kept results */
    int64_t documents_grow;    /* of documents alone */
    uint64_t audit_grows;      /* and of the audit log */
    struct log_entry *entry;   /* TXN_PREPARED */
    struct room_ticket ticket;
    struct waiter waiter;
    struct waiters *waits_in;          /* where `waiter` was queued last, or NULL */
    struct store_commit_result result; /* once the phase is past TXN_PREPARED */
};

/* -- local.c --------------------------------------------------------------------------------- */

/* Puts the meta record into the batch that the backend is being given. */
CORDON_MUST_USE cordon_error *local_write_meta(struct local *store, uint64_t last_ts);

/* -- local_txn.c ----------------------------------------------------------------------------- */

extern const struct store_txn_ops local_txn_ops;

CORDON_MUST_USE cordon_error *local_begin(
    struct store *store, uint32_t tenant, struct store_wake wake, struct store_txn **out_txn);

CORDON_MUST_USE cordon_error *local_begin_reserved(
    struct store_txn **lost, enum store_step *out_step, struct store_txn **out_txn);

CORDON_MUST_USE cordon_error *local_begin_held(
    struct store *store,
    uint32_t tenant,
    uint64_t snapshot,
    struct store_wake wake,
    struct store_txn **out_txn);

/* It holds nobody up any more. With the commit lock held. */
void local_unreserve(struct local_txn *txn);

/* It is to come again for a reserved one; it has, or never will. With the commit lock held. */
void local_expect(struct local_txn *txn);
void local_unexpect(struct local_txn *txn);

/* The oldest snapshot that is still open, or the newest visible one. */
uint64_t local_oldest_snapshot(struct local *store);

/* A reading over the transaction's view as of now; ended by reading_done. */
struct reading local_reading(struct local_txn *txn);

/* Fails if the snapshot may have lost versions. Asked after a read, before its answer is used. */
CORDON_MUST_USE cordon_error *local_check_snapshot(const struct local_txn *txn);

/* Copies bytes into one of the transaction's answer buffers. */
CORDON_MUST_USE cordon_error *local_answer(
    struct buffer *buffer, struct slice bytes, struct slice *out_copy);

/* The document's text in a version's body, and its creation time as stored. */
CORDON_MUST_USE cordon_error *local_document_text(
    struct slice body, uint64_t *out_ordered_time, struct slice *out_text);

/* -- local_hold.c ---------------------------------------------------------------------------- */

CORDON_MUST_USE cordon_error *local_hold(
    struct store *store, uint32_t tenant, uint64_t *out_snapshot);
void local_release(struct store *store, uint32_t tenant, uint64_t snapshot);

/* Whether a tenant holds a snapshot, and holds it on. With the lock of the open list held. */
bool local_hold_on(struct local *store, uint32_t tenant, uint64_t snapshot);

/* Takes those out of the list that are over. With the same lock. */
void local_holds_end(struct local *store, uint64_t now_ns);

/* All of them, of a store that is closed. */
void local_holds_free(struct local *store);

/* -- local_write.c --------------------------------------------------------------------------- */

/* The transaction's own write of a logical key, or NULL. */
struct write *local_write_find(const struct local_txn *txn, struct slice logical);

CORDON_MUST_USE cordon_error *local_put(
    struct store_txn *txn, const struct store_id *id, double creation_time, struct slice body);
CORDON_MUST_USE cordon_error *local_remove(
    struct store_txn *txn, const struct store_id *id, double creation_time);

CORDON_MUST_USE cordon_error *local_savepoint(struct store_txn *txn, uint64_t *out_point);
CORDON_MUST_USE cordon_error *local_rollback(struct store_txn *txn, uint64_t point);

/* A put or removal of any other row; the key becomes part of the read set. */
CORDON_MUST_USE cordon_error *local_write_row(
    struct local_txn *txn, struct slice logical, enum layout_kind kind, struct slice body);

/* Puts an entry in, or takes it out, that belongs to no write of a document. */
CORDON_MUST_USE cordon_error *local_write_entry(
    struct local_txn *txn, struct slice logical, enum layout_kind kind);

/* -- local_scan.c ---------------------------------------------------------------------------- */

CORDON_MUST_USE cordon_error *local_scan_open(
    struct store_txn *txn, const struct store_range *range, struct store_scan **out_scan);
void local_scan_end_all(struct local_txn *txn);
size_t local_scan_bytes(const struct local_txn *txn);

/* The text of the document that a key of the snapshot names; borrowed from the reading. */
CORDON_MUST_USE cordon_error *local_entry_text(
    const struct local_txn *txn,
    struct reading *reading,
    struct slice logical,
    struct slice *out_text);

/* -- local_group.c --------------------------------------------------------------------------- */

struct local_group;

/* Entries of an index that are alike up to the cut, and what of them a scan wants. */
struct local_group_range {
    const struct store_index *index;
    enum store_order order;
    struct layout_key low; /* of the group: from low, before high */
    struct layout_key high;
    struct slice full_low; /* of the scan, as full keys; borrowed. An empty high is no end */
    struct slice full_high;
};

/* A group that is to be gathered. */
CORDON_MUST_USE cordon_error *local_group_new(
    struct local_txn *txn, const struct local_group_range *range, struct local_group **out_group);

/*
 * The next document in order, the transaction's own writes up to now included. Borrowed until the
 * next call. Errors: CORDON_E_TOO_LARGE if the group has too many bytes to be put in order.
 */
CORDON_MUST_USE cordon_error *local_group_next(
    struct local_group *group, enum store_step *out_step, bool *out_found, struct slice *out_body);

void local_group_free(struct local_group *group); /* NULL accepted */
size_t local_group_bytes(const struct local_group *group);

/* -- local_table.c --------------------------------------------------------------------------- */

CORDON_MUST_USE cordon_error *local_table_find(
    struct store_txn *txn,
    struct slice name,
    enum store_step *out_step,
    bool *out_found,
    uint32_t *out_table);
CORDON_MUST_USE cordon_error *local_table_name(
    struct store_txn *txn,
    uint32_t table,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_name);
CORDON_MUST_USE cordon_error *local_table_ensure(
    struct store_txn *txn, struct slice name, enum store_step *out_step, uint32_t *out_table);
CORDON_MUST_USE cordon_error *local_table_claim(
    struct store_txn *txn,
    struct slice name,
    uint32_t wanted,
    enum store_step *out_step,
    uint32_t *out_table);
CORDON_MUST_USE cordon_error *local_table_next(
    struct store_txn *txn,
    uint32_t after,
    enum store_step *out_step,
    uint32_t *out_table,
    struct slice *out_name);
void local_tables_made_free(struct local_txn *txn);

/* The tables of the tenant, in `txn->tables`. */
CORDON_MUST_USE cordon_error *local_tables_load(struct local_txn *txn);

/* -- local_index.c --------------------------------------------------------------------------- */

/* As store_indexes_get; NULL: the table has none. */
CORDON_MUST_USE cordon_error *local_indexes(
    struct local_txn *txn, uint32_t table, const struct index_set **out_set);

CORDON_MUST_USE cordon_error *local_indexes_get(
    struct store_txn *txn,
    uint32_t table,
    enum store_step *out_step,
    struct store_indexes *out_indexes);
CORDON_MUST_USE cordon_error *local_indexes_put(
    struct store_txn *txn,
    uint32_t table,
    const struct store_index *indexes,
    size_t count,
    enum store_step *out_step);
CORDON_MUST_USE cordon_error *local_index_work(
    struct store_txn *txn,
    enum store_index_share share,
    size_t rows_max,
    enum store_step *out_step,
    size_t *out_rows);
void local_sets_made_free(struct local_txn *txn);

/* -- local_commit.c -------------------------------------------------------------------------- */

CORDON_MUST_USE cordon_error *local_commit(
    struct store_txn *txn,
    const struct store_commit_facts *facts,
    enum store_step *out_step,
    struct store_commit_result *out_result);
void local_audit_heads_free(struct local *store);
CORDON_MUST_USE cordon_error *local_audit_meter(
    struct store *store, uint32_t tenant, uint64_t *out_last, uint64_t *out_appended);

/* -- local_room.c ---------------------------------------------------------------------------- */

void local_room_init(struct room *room);
void local_room_done(struct room *room); /* nobody waits */

/* Whether a commit has to wait for room; then its transaction is woken to ask again. */
CORDON_MUST_USE bool local_room_waits(struct local_txn *txn);

/* It needs none any more: it is visible, or over. */
void local_room_leave(struct local_txn *txn);

/* Lets in whom there is room for; on a full disk all are woken, to be refused. */
void local_room_let_in(struct local *store, bool is_full);

/* -- local_flush.c --------------------------------------------------------------------------- */

/*
 * Brings the memtable that is due into the backend; without a log that is all that is visible, and
 * who waits for it is woken. Errors: CORDON_E_NO_MEMORY and, with a log, CORDON_E_DISK_FULL, with
 * everything still there for another try. Any other failure ends the process.
 */
CORDON_MUST_USE cordon_error *local_flush(struct local *store);

/*
 * Brings everything visible into the backend, or leaves it to the log if the disk is full. No
 * thread may be left, and the log is closed.
 */
void local_flush_all(struct local *store);

/* Says what is wrong and ends the process: going on could answer what is not safe. */
_Noreturn void local_stop_process(const cordon_error *error);

/*
 * Removes rows from the backend, and nothing else, with flush_lock held. Ends the process as a
 * flush does.
 */
struct garbage;
CORDON_MUST_USE cordon_error *local_discard(struct local *store, const struct garbage *garbage);

/* Asks the backend what is free on the disk, and notes it. */
uint64_t local_ask_disk(struct local *store);

/* Moves a timestamp on, never back. */
void local_reach(_Atomic uint64_t *reached, uint64_t ts);

/* -- local_worker.c -------------------------------------------------------------------------- */

CORDON_MUST_USE cordon_error *local_workers_start(struct local *store);
void local_workers_stop(struct local *store);

/* Somebody waits for what is visible now to become durable. */
void local_flusher_poke(struct local *store);

/*
 * Brings what is visible now into the backend, and waits for that. Errors: CORDON_E_DISK_FULL if
 * there is no room for it; those of local_flush() without a flusher.
 */
CORDON_MUST_USE cordon_error *local_settle(struct local *store);

/* -- local_garbage.c ------------------------------------------------------------------------- */

/* Keys of the backend that nobody can read any more. */
struct garbage {
    struct arena arena;
    struct dead_key *first;
    size_t count;
    bool was_looked_for;
    struct queue_place queue; /* where it stands once they are removed */
    bool queue_ended;         /* and nothing is left of it */
};

struct dead_key {
    struct dead_key *next;
    struct slice key;
};

/* Gathers about `count_max` of them, by one reader of the backend, and moves the horizons. */
CORDON_MUST_USE cordon_error *local_garbage_gather(
    struct local *store, size_t count_max, struct garbage *out_garbage);

/* They are removed. */
void local_garbage_removed(struct local *store, const struct garbage *garbage);

/* -- local_prune.c --------------------------------------------------------------------------- */

CORDON_MUST_USE cordon_error *local_audit_prune(
    struct store *store, uint32_t tenant, uint64_t before, bool *out_more);

#endif
