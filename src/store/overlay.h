/*
 * Commits that are visible but may not be durable yet: memtables in front of the key-value
 * backend. Commits go into the active one; the flusher turns it into the flushing one, writes it
 * to the backend, and drops it whole.
 *
 * A view holds the memtables that existed at one moment. It is brought up to date at the start of
 * each read, so an idle transaction pins at most what was unflushed when it read last.
 */
#ifndef STORE_OVERLAY_H
#define STORE_OVERLAY_H

#include "store/batch.h"

#include <pthread.h>
#include <stdatomic.h>

struct memtable {
    _Atomic uint32_t references;
    struct skip rows;      /* physical keys; written under the commit lock, read without */
    struct batch *batches; /* own the rows; written under the commit lock */
    size_t bytes;          /* of keys and values; the same */
    uint64_t last_ts;      /* of the newest commit in it; the same */
    bool has_garbage;      /* it holds rows of the garbage queue; the same */
};

struct overlay {
    pthread_mutex_t lock; /* over the two pointers */
    struct memtable *active;
    struct memtable *flushing;   /* NULL when no flush is under way */
    _Atomic uint64_t generation; /* moves with every change of the pointers */
};

#define VIEW_TABLES 2

/* All zeros is an empty view. */
struct view {
    struct memtable *tables[VIEW_TABLES]; /* newest first; unused ones NULL */
    uint64_t generation;
};

CORDON_MUST_USE cordon_error *memtable_new(struct memtable **out_table);
void memtable_ref(struct memtable *table);
void memtable_unref(struct memtable *table); /* NULL accepted */

/* Adopts a finished batch of the commit at `ts`. Under the commit lock; cannot fail. */
void memtable_add(struct memtable *table, struct batch *batch, uint64_t ts);

CORDON_MUST_USE cordon_error *overlay_init(struct overlay *overlay);
void overlay_done(struct overlay *overlay);

/* Makes the active memtable the flushing one and `fresh` active. Under the commit lock. */
void overlay_rotate(struct overlay *overlay, struct memtable *fresh);

/* The flushing memtable, or NULL. Whoever flushes alone may use it, until it drops it. */
struct memtable *overlay_flushing(struct overlay *overlay);

/* Drops the flushing memtable, whose rows the backend has by now. */
void overlay_drop(struct overlay *overlay);

/* Brings a view up to date. Any thread; the view is one thread's. */
void view_refresh(struct view *view, struct overlay *overlay);
void view_done(struct view *view);

#endif
