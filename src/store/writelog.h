/*
 * The keys of recent commits, in memory: what a transaction is validated against. Kept as long as
 * an open transaction may need it. Not locked: the commit lock of the store is over it.
 */
#ifndef STORE_WRITELOG_H
#define STORE_WRITELOG_H

#include "base/error.h"
#include "base/slice.h"

struct log_entry {
    uint64_t ts;
    size_t count;
    struct slice keys[]; /* logical keys written; their bytes lie behind, in the same block */
};

struct writelog {
    struct log_entry **ring; /* `count` entries from `first` on, ascending by ts */
    size_t capacity;         /* a power of two, or 0 */
    size_t first;
    size_t count;
    uint64_t floor_ts; /* commits up to here have been dropped */
};

void writelog_done(struct writelog *log);

/* Makes room for one more entry, so that the append cannot fail. */
CORDON_MUST_USE cordon_error *writelog_reserve(struct writelog *log);

/* Takes over an entry, allocated by base/memory.h, with a newer ts than any before. */
void writelog_append(struct writelog *log, struct log_entry *entry);

/* Drops what is no newer than `ts`. */
void writelog_trim(struct writelog *log, uint64_t ts);

/* The number of entries no newer than `ts`. */
size_t writelog_skip(const struct writelog *log, uint64_t ts);

/* The nth entry kept, from 0 for the oldest. */
const struct log_entry *writelog_at(const struct writelog *log, size_t nth);

#endif
