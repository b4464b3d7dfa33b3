/*
 * One client of a store, whose transactions are written down in a history as they are done.
 *
 * A key is a document of the table `selftest`: the key is its creation time, and its values, in the
 * order in which they came, are a text in it. Even keys are lists, odd ones registers. A register's
 * document has the group of its value in a field of its own, which is indexed. All calls block. A
 * client belongs to one thread and does not move.
 */
#ifndef SELFTEST_RECORDED_H
#define SELFTEST_RECORDED_H

#include "base/event.h"
#include "history/history.h"
#include "store/store.h"

/* The tenant of everything here; whatever else there may be is left alone. */
#define SELFTEST_TENANT 1

/*
 * Whoever must know of a transaction even if the process dies: told before its commit, when it is
 * unknown, and again with the answer. It is the last of the history. Called by the client's thread.
 */
struct recorded_watch {
    cordon_error *(*call)(void *arg, const struct history *history);
    void *arg;
};

struct recorded_client {
    struct store *store;
    struct store_txn *txn; /* of a lost attempt too, until the next begins */
    struct history *history;
    struct recorded_watch watch;
    struct event woken;
    struct buffer text; /* for documents */
    struct buffer row;
    uint64_t point; /* where it goes back to */
    bool undoes;    /* between a savepoint and going back to it */
    uint64_t process;
    uint32_t table;
};

static inline bool recorded_is_list(uint64_t key)
{
    return key % 2 == 0;
}

/*
 * Makes the table and its index if they are not there. Errors of all of these: those of the store's
 * calls.
 */
CORDON_MUST_USE cordon_error *recorded_prepare(struct store *store);

void recorded_init(
    struct recorded_client *client, struct store *store, struct history *history, uint64_t process);
void recorded_done(struct recorded_client *client);

/* Begins; `again`: as the reserved rerun of the attempt whose commit was lost before. */
CORDON_MUST_USE cordon_error *recorded_begin(struct recorded_client *client, bool again);

/* Reads a key; appends to a list or writes to a register, by what the key is. */
CORDON_MUST_USE cordon_error *recorded_read(struct recorded_client *client, uint64_t key);
CORDON_MUST_USE cordon_error *recorded_put(
    struct recorded_client *client, uint64_t key, uint64_t value);

/*
 * Reads a register and removes it, if there is anything: of one that the transaction has not
 * written to, or between a savepoint and going back to it.
 */
CORDON_MUST_USE cordon_error *recorded_remove(struct recorded_client *client, uint64_t key);

/*
 * What is put and removed between these two is taken back: no read may show it afterwards. Nothing
 * is read between them.
 */
CORDON_MUST_USE cordon_error *recorded_savepoint(struct recorded_client *client);
CORDON_MUST_USE cordon_error *recorded_rollback(struct recorded_client *client);

/* Reads the keys from `low` to before `high` by one scan; those that are not there, too. */
CORDON_MUST_USE cordon_error *recorded_scan(
    struct recorded_client *client, uint64_t low, uint64_t high, enum store_order order);

/* The same of the registers whose values are of a group, by the index; lists are left out. */
CORDON_MUST_USE cordon_error *recorded_scan_group(
    struct recorded_client *client,
    uint64_t group,
    uint64_t low,
    uint64_t high,
    enum store_order order);

/* Commits. `*out_committed` false: it lost, nothing was written, and it may be rerun. */
CORDON_MUST_USE cordon_error *recorded_commit(struct recorded_client *client, bool *out_committed);

#endif
