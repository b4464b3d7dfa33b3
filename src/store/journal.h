/*
 * The log before LMDB: what makes a commit durable by one write and one fdatasync. LMDB gets the
 * same rows later, many commits at a time, in order of keys.
 *
 * Two files take turns. Each holds the commits of one memtable; while that memtable is written to
 * LMDB, commits go on into the other file. A file whose commits LMDB has is written over from its
 * start, so its blocks are there already and a sync has no metadata to write.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "store/batch.h"
#include "store/kv.h"

struct journal;

/* Whether there are files of a log that hold anything. */
bool journal_is_there(const char *folder);

/*
 * Opens the two files in `folder`, made if they are missing. `cluster_id` tells these records from
 * another data folder's. Errors: CORDON_E_SYSTEM.
 */
CORDON_MUST_USE cordon_error *journal_open(
    const char *folder, const uint8_t cluster_id[16], struct journal **out_journal);

/*
 * The same for reading alone, in a folder that a server may be using: files that are missing are
 * empty. Nothing else but journal_each() and journal_close() is for it.
 */
CORDON_MUST_USE cordon_error *journal_open_to_read(
    const char *folder, const uint8_t cluster_id[16], struct journal **out_journal);

/* NULL accepted. */
void journal_close(struct journal *journal);

static inline void journal_closep(struct journal **journal)
{
    journal_close(*journal);
    *journal = NULL;
}

/* A whole record of the log. */
struct journal_record {
    uint64_t previous_ts;
    uint64_t ts;
    unsigned file;
    uint64_t at;        /* bytes into the file */
    struct slice bytes; /* header and rows, without the padding; borrowed for the visit */
    struct slice rows;  /* for journal_next_row() */
};

/*
 * Tells of every record after `*last_ts`, in order, and moves `*last_ts` to the newest. Errors:
 * CORDON_E_STORE for a record that is damaged or missing before a good one, before any visit but
 * for one that changes meanwhile; those of `visit`.
 */
CORDON_MUST_USE cordon_error *journal_each(
    struct journal *journal,
    uint64_t *last_ts,
    cordon_error *(*visit)(void *arg, const struct journal_record *record),
    void *arg);

/*
 * How many records the last journal_each() met that begin as one that is newer than all, and are
 * not whole: what a power cut or a kill broke off, what is being written just now, or damage to the
 * last ones, which nothing tells apart.
 */
unsigned journal_unfinished(const struct journal *journal);

/* Takes the next row off the rows of a record; false at their end. */
bool journal_next_row(struct slice *rows, struct kv_row *out_row);

/* Bytes of a record in a file, the padding included, that has so many of header and rows. */
uint64_t journal_padded(uint64_t bytes);

/*
 * Puts the rows of every record after `*last_ts`, in order, into the batch that `kv` is being
 * given, and moves `*last_ts` to the newest. A record that was cut off at the end is one that
 * nobody was told of, and is left out. Errors: CORDON_E_STORE for a record that is damaged or
 * missing before a good one; then nothing may be committed.
 */
CORDON_MUST_USE cordon_error *journal_recover(
    struct journal *journal, struct kv *kv, uint64_t *last_ts);

/*
 * From here on records are appended: the first follows the state of `last_ts`, which `kv` has
 * durably, with everything that was recovered.
 */
void journal_start(struct journal *journal, uint64_t last_ts);

/*
 * Takes the room that a commit will need in the file it will go to, before anybody can see the
 * commit: what was claimed can be appended though the disk gets full. Under the commit lock, as
 * the last thing that may fail. Errors: CORDON_E_DISK_FULL, CORDON_E_STORE; then nothing was
 * claimed.
 */
CORDON_MUST_USE cordon_error *journal_claim(struct journal *journal, const struct batch *batch);

/*
 * What was claimed up to now is appended next; what is claimed from now on comes after it, or goes
 * into the other file if `turns`. Under the commit lock, by the thread that appends.
 */
void journal_take(struct journal *journal, bool turns);

/*
 * Appends the batches of a chain (by `next_unlogged`), for all of which room was claimed and
 * taken, as one record that ends at `ts`. On the disk when it returns. One thread at a time.
 * Errors: CORDON_E_STORE.
 */
CORDON_MUST_USE cordon_error *journal_append(
    struct journal *journal, const struct batch *chain, uint64_t ts);

/* Bytes of the file that is being written. */
uint64_t journal_bytes(const struct journal *journal);

/* Goes over to the other file, whose records LMDB has; after a journal_take() that said so. */
void journal_switch(struct journal *journal);

#endif
