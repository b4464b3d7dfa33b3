/*
 * Whether a store is sound, as far as its bytes can tell: every page and row of the data file,
 * every record of the log, and whether rows that speak of each other agree. Nothing is mended and
 * nothing is guessed: what is wrong is told with its place.
 */
#ifndef UPKEEP_VERIFY_H
#define UPKEEP_VERIFY_H

#include "store/journal.h"
#include "upkeep/snapshot.h"

/* One thing that is wrong. Borrowed for the call. */
struct verify_damage {
    const char *file; /* "data.mdb" or "log" */
    bool has_offset;
    uint64_t offset;  /* in bytes */
    struct slice key; /* of the row; empty: it is no row's */
    const char *words;
};

struct verify_counts {
    struct image_counts image;
    uint64_t rows;
    uint64_t documents; /* that are live */
    uint64_t entries;   /* of indexes, that are live */
    uint64_t tables;
    uint64_t audit_records;
    uint64_t log_records; /* that the data file does not have yet */
    uint64_t log_rows;
    uint64_t log_unfinished; /* records that are not whole behind all that are */
    uint64_t damages;
    bool skipped_agreement; /* because of damage before it */
};

struct verify {
    void *arg;
    cordon_error *(*damage)(void *arg, const struct verify_damage *damage);
    /* So many of the data file's rows are done; may be NULL. */
    void (*progress)(void *arg, uint64_t done, uint64_t total);
    struct verify_counts counts;
};

/*
 * Pages and rows of the data file and, if they are sound, whether documents, indexes, tables and
 * times agree in the state after its newest commit. Errors: those of the callback; no memory.
 */
CORDON_MUST_USE cordon_error *verify_snapshot(
    struct verify *verify, const struct snapshot *snapshot);

/* The pages and rows alone. */
CORDON_MUST_USE cordon_error *verify_rows(
    struct verify *verify, const struct snapshot *snapshot, const struct meta *meta);

/*
 * A whole folder, log and data file, also while a server writes to it. Must be the business of a
 * process that has not got the folder open (kv.h). Errors as above; CORDON_E_NOT_FOUND without a
 * data file, CORDON_E_SYSTEM.
 */
CORDON_MUST_USE cordon_error *verify_folder(struct verify *verify, const char *folder);

/*
 * Tells `visit` of each record of the log in `folder` that the data file has not got, and leaves
 * the data file's state, which is at least as new, in `*out_snapshot`. A server may be writing
 * both. What was durable when this was called is in one or the other. `restart` is called before
 * each try: what was visited before it does not count. `*out_unfinished` is journal_unfinished().
 * Errors: CORDON_E_STORE for a log that is
 * damaged, also after many tries.
 */
CORDON_MUST_USE cordon_error *verify_take_log(
    const char *folder,
    cordon_error *(*restart)(void *arg),
    cordon_error *(*visit)(void *arg, const struct journal_record *record),
    void *arg,
    unsigned *out_unfinished,
    struct snapshot *out_snapshot);

/* Words on what a row is, such as "document k5… of table 10001", for people. */
#define VERIFY_NAME_BYTES 200
void verify_name_row(struct slice key, char out_name[VERIFY_NAME_BYTES]);

#endif
