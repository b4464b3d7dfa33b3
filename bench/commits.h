/*
 * Durable commits, for the programs that measure them: of the store, by clients as a server has
 * them, and of bare LMDB with the same puts. Each commit inserts documents with random ids into one
 * table. Each document has an audit record of its own, but for those that are loaded, of which a
 * thousand share one. Whatever goes wrong ends the program.
 */
#ifndef BENCH_COMMITS_H
#define BENCH_COMMITS_H

#include "base/random.h"
#include "store/layout.h"
#include "store/store.h"

#include <lmdb.h>
#include <pthread.h>

enum {
    CLIENTS = 64,
    BODY_BYTES = 100, /* of a document */
    AUDIT_BYTES = 300,
    LOAD_GROUP = 1000, /* documents of one commit, when they are loaded */
    FILLER_BYTES = LAYOUT_SEAL_BYTES + LAYOUT_AUDIT_HEAD_BYTES + AUDIT_BYTES,
};

/* What stands in all rows. */
extern uint8_t commits_filler[FILLER_BYTES];

/* Ends the program, naming what failed, or what the error says. */
void must(bool condition, const char *what);
void must_ok(cordon_error *error);

/* Ids follow from the seed and the creation time, as a document's does; times go up from 1. */
void commits_seed(const uint8_t seed[RANDOM_SEED_BYTES]);
struct store_id commits_new_id(double creation_time);
double commits_next_time(void);

/* -- Bare LMDB ------------------------------------------------------------------------------- */

struct bare {
    MDB_env *env;
    MDB_dbi dbi;
    uint64_t sequence; /* of the last document; from the clock, so that it goes on over openings */
    bool never_syncs;
};

/* Opens or makes the folder; a new one is loaded with so many documents. */
void bare_open(struct bare *bare, const char *folder, bool never_syncs, size_t documents);
void bare_close(struct bare *bare);

/* Adds documents, a thousand at a time, syncing once at the end. */
void bare_load(struct bare *bare, size_t documents);

/*
 * One commit with the puts of so many mutations that insert one document each: document, index
 * entry, audit record; and the meta record once.
 */
void bare_commit(struct bare *bare, size_t documents);

/* -- The store ------------------------------------------------------------------------------- */

/* Clients as a server has them: one thread drives them all, and wakes only fill its queue. */
struct crowd {
    struct store *store;
    pthread_mutex_t lock;
    pthread_cond_t rung;
    struct crowd_client *ready; /* woken */
};

struct crowd_client {
    struct crowd *crowd;
    struct crowd_client *next;
    struct store_txn *txn;
};

/* Over LMDB in a folder, or in memory if that is NULL; loads so many documents more. */
void crowd_open(struct crowd *crowd, const char *folder, bool flusher_thread, size_t documents);

/* Brings all there is into LMDB. */
void crowd_close(struct crowd *crowd);

/* Adds documents, a thousand at a time. */
void crowd_load(struct crowd *crowd, size_t documents);

/* `commits` in all, of one document each, by `clients` that each wait for their own. */
void crowd_drive(struct crowd *crowd, size_t clients, size_t commits);

/* One client by hand: begins; begins and inserts a document; commits; waits for who is woken. */
void crowd_begin_empty(struct crowd_client *client);
void crowd_begin(struct crowd_client *client);
enum store_step crowd_commit(struct crowd_client *client);
struct crowd_client *crowd_wait(struct crowd *crowd);

#endif
