/*
 * One read: the memtables of a view and, opened only when they do not answer, a reader of the
 * backend; and a cursor that shows them as one ordered sequence of physical rows.
 */
#ifndef STORE_READING_H
#define STORE_READING_H

#include "store/kv.h"
#include "store/overlay.h"

/* Lives within one call; rows are borrowed until reading_done. */
struct reading {
    struct kv *kv;
    const struct view *view;
    struct kv_reader *reader; /* NULL until it was needed */
};

/*
 * Begins a read over a view that has just been refreshed. The order matters and is kept here: the
 * memtables were taken before the reader of the backend will be opened. A row that is in none of
 * them had been dropped from the overlay by then, so its batch had returned from its commit to
 * the backend, so a reader opened later sees it. The other way round a flush could slip in between
 * and hide a row from both.
 */
static inline struct reading reading_begin(struct kv *kv, const struct view *view)
{
    return (struct reading){.kv = kv, .view = view};
}

static inline void reading_done(struct reading *reading)
{
    kv_reader_closep(&reading->reader);
}

/* The backend's reader, opened at the first use. */
CORDON_MUST_USE cordon_error *reading_reader(
    struct reading *reading, struct kv_reader **out_reader);

#define CURSOR_SOURCES (VIEW_TABLES + 1)

/* All zeros with a reading is ready for a seek. Moves one way only: the way of the last seek. */
struct cursor {
    struct reading *reading;
    struct skip_node *nodes[VIEW_TABLES]; /* where each memtable stands, NULL at its end */
    bool kv_found;                        /* whether the backend stands on `kv_row` */
    struct kv_row kv_row;
    bool found; /* whether there is a `row` */
    struct kv_row row;
};

/* To the first row >= `key`; cursor_next() goes on from there. */
CORDON_MUST_USE cordon_error *cursor_seek(struct cursor *cursor, struct slice key);
CORDON_MUST_USE cordon_error *cursor_next(struct cursor *cursor);

/* To the last row < `key`; cursor_previous() goes on from there. */
CORDON_MUST_USE cordon_error *cursor_seek_before(struct cursor *cursor, struct slice key);
CORDON_MUST_USE cordon_error *cursor_previous(struct cursor *cursor);

#endif
