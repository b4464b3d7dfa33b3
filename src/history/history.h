/*
 * A history: what clients of a store did and saw, transaction by transaction, for a checker that
 * looks at nothing else.
 *
 * Keys are numbers. A key is either a list, to which transactions append values and which they read
 * whole, or a register, which they write, read and remove. No value is written twice to one key, so
 * that each read says which writes it saw. Values are in groups, by their remainder: a register
 * that is looked for in one of them and not found has no value, or one of another group.
 *
 * A client knows of its transaction when it asked (`begin`), when it was answered (`end`) and the
 * answer: committed, aborted, or none, as the store died: then the transaction may have happened or
 * not, and if it did, at any time later. Times are of one clock that never steps, in any unit.
 *
 * A store that claims an order of its own says where in it a transaction stands: its timestamp. One
 * that wrote has its own, and comes after all lower ones; one that only read may have that of a
 * writer, whom it follows.
 *
 * A history grows by one thread at a time. Each thread has one of its own while it works, and they
 * are joined afterwards; the order of transactions in a history means nothing.
 */
#ifndef HISTORY_HISTORY_H
#define HISTORY_HISTORY_H

#include "base/account.h"

enum history_status { HISTORY_COMMITTED, HISTORY_ABORTED, HISTORY_UNKNOWN };

enum history_op_kind {
    HISTORY_APPEND, /* of a value to a list */
    HISTORY_LIST,   /* a list was read */
    HISTORY_WRITE,  /* of a value to a register */
    HISTORY_READ,   /* a register was read */
    HISTORY_REMOVE, /* of a register's value */
    HISTORY_MISS,   /* a register was looked for among those of a group, and was not there */
    HISTORY_UNDONE, /* a value was appended or written, and taken back by a savepoint */
};

/* How many groups of values there are. */
enum { HISTORY_GROUPS = 4 };

static inline uint64_t history_group(uint64_t value)
{
    return value % HISTORY_GROUPS;
}

struct history_op {
    enum history_op_kind kind;
    bool found; /* HISTORY_READ: there was a value */
    uint64_t key;
    uint64_t value; /* appended, written, read or undone; HISTORY_MISS: the group */
    size_t first;   /* HISTORY_LIST: its values among the items of the history */
    size_t count;
};

struct history_txn {
    uint64_t process; /* who did it; for the reader of a report */
    uint64_t begin;
    uint64_t end; /* UINT64_MAX if it was never answered */
    uint64_t ts;  /* the store's own place for it, or 0 if that was not told */
    enum history_status status;
    size_t first; /* its operations, in the order in which they were done */
    size_t count;
};

/* Fewer than 2^32 of each. */
struct history {
    struct account account;
    struct history_txn *txns;
    size_t txn_count;
    size_t txn_capacity;
    struct history_op *ops;
    size_t op_count;
    size_t op_capacity;
    uint64_t *items;
    size_t item_count;
    size_t item_capacity;
};

/* Whether an operation leaves something for others, and whether any of a transaction's does. */
static inline bool history_op_writes(const struct history_op *op)
{
    return op->kind == HISTORY_APPEND || op->kind == HISTORY_WRITE || op->kind == HISTORY_REMOVE;
}
bool history_txn_writes(const struct history *history, const struct history_txn *txn);

/* Holds at most so many bytes of memory; what would need more is CORDON_E_TOO_LARGE. */
void history_init(struct history *history, uint64_t bytes_max);
void history_done(struct history *history);

/* Forgets all transactions, keeps the memory. */
void history_clear(struct history *history);

/*
 * Begins a transaction; the operations that follow are its own, until history_end(). One that is
 * never ended stays unknown. Errors of these: CORDON_E_TOO_LARGE, CORDON_E_NO_MEMORY, after which
 * the history can only be cleared or done.
 */
CORDON_MUST_USE cordon_error *history_begin(
    struct history *history, uint64_t process, uint64_t begin);
CORDON_MUST_USE cordon_error *history_append(struct history *history, uint64_t key, uint64_t value);
CORDON_MUST_USE cordon_error *history_write(struct history *history, uint64_t key, uint64_t value);
/* `found` false: the register had no value, and `value` is not looked at. */
CORDON_MUST_USE cordon_error *history_read(
    struct history *history, uint64_t key, bool found, uint64_t value);
CORDON_MUST_USE cordon_error *history_remove(struct history *history, uint64_t key);
/* `group` is below HISTORY_GROUPS. */
CORDON_MUST_USE cordon_error *history_miss(struct history *history, uint64_t key, uint64_t group);
CORDON_MUST_USE cordon_error *history_undone(struct history *history, uint64_t key, uint64_t value);
/* An empty list now, which history_item() makes longer until the next operation. */
CORDON_MUST_USE cordon_error *history_list(struct history *history, uint64_t key);
CORDON_MUST_USE cordon_error *history_item(struct history *history, uint64_t value);
/* HISTORY_UNKNOWN has no end, whatever `end` says. */
void history_end(struct history *history, enum history_status status, uint64_t end);

/* The timestamp of the transaction that was ended last; only of a committed one, and not 0. */
void history_stamp(struct history *history, uint64_t ts);

/* Adds copies of the transactions `from`, `from` + 1 … of another. Errors as above. */
CORDON_MUST_USE cordon_error *history_join(
    struct history *history, const struct history *other, size_t from);

#define CORDON_CLEANUP_HISTORY CORDON_CLEANUP(history_done)

#endif
