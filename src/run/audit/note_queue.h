/*
 * Notes: records that wait for their turn to be written to a tenant's audit log, in memory, in
 * order, so many bytes of them at most. They stay until they are durable.
 */
#ifndef RUN_NOTE_QUEUE_H
#define RUN_NOTE_QUEUE_H

#include "run/audit/audit_rows.h"

#include <pthread.h>

struct note;

struct note_queue {
    pthread_mutex_t lock; /* guards all below; for short */
    struct note *first;
    struct note **last;
    size_t bytes;
};

void note_queue_init(struct note_queue *queue);

/* Those that still wait are gone. */
void note_queue_done(struct note_queue *queue);

/*
 * Has a record wait, the body of which, a JSON object, is copied. False: with it more than
 * `bytes_max` bytes would, or there is no memory. Any thread.
 */
bool note_queue_add(struct note_queue *queue, const struct audit_row *row, size_t bytes_max);

/* How many bytes wait. Any thread. */
size_t note_queue_bytes(struct note_queue *queue);

/*
 * Writes those that have waited longest, 64 KiB and AUDIT_ROWS_MAX of them at most but one in any
 * case, and waits once until all are durable. `*out_bytes` is how many bytes of them were written,
 * also on an error, after which the others still wait. One thread at a time. Errors: those of
 * audit_rows_add_all().
 */
CORDON_MUST_USE cordon_error *note_queue_write(
    struct note_queue *queue, struct store *store, uint32_t tenant, size_t *out_bytes);

#endif
