/*
 * The rows of one commit, made ready outside every lock: all memory is there and the long hashing
 * is done, so that under the commit lock only the timestamp has to be stamped in.
 */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#include "audit/record.h"
#include "base/arena.h"
#include "store/layout.h"
#include "store/skip.h"

/* What goes into the last eight bytes of a key. */
enum batch_stamp {
    STAMP_VERSION, /* the inverted timestamp */
    STAMP_TIME,    /* the timestamp as it is: garbage rows */
    STAMP_AUDIT,   /* the sequence; the value also gets the chain */
};

/* In front of each row's key: the sizes of key and value, four bytes each, for the log. */
#define BATCH_FRAME_BYTES 8

struct batch_row {
    struct batch_row *next;
    struct skip_node *node; /* its frame, key and value lie in the batch's arena, in that order */
    uint8_t *key;
    uint8_t *value;
    uint64_t body_hash;
    enum batch_stamp stamp;
};

struct batch {
    struct batch *next;          /* in the memtable that adopted it */
    struct batch *next_unlogged; /* in the chain of what the log does not have */
    struct batch_row *first;
    struct batch_row *last;
    size_t count;
    size_t bytes;    /* of keys and values */
    uint64_t random; /* for the heights of nodes */
    struct arena arena;
};

/* The end of one tenant's audit chain. */
struct audit_head {
    uint64_t sequence; /* 0 before the first record */
    uint8_t hash[SHA256_BYTES];
    uint64_t appended; /* bytes, since it was read (store_audit_meter()) */
};

/*
 * `seed` is another for each batch. The heights of its rows in the memtable come from it and not
 * from their keys: those of all audit records of a tenant are the same until they are stamped, and
 * rows of one height are a plain list.
 */
CORDON_MUST_USE cordon_error *batch_new(uint64_t seed, struct batch **out_batch);

/* NULL accepted. */
void batch_free(struct batch *batch);

static inline void batch_freep(struct batch **batch)
{
    batch_free(*batch);
    *batch = NULL;
}

/*
 * Adds a row whose body is the parts one after the other. `key` comes without its last eight
 * bytes. Rows are at most LAYOUT_AUDIT_HEAD_BYTES longer than the parts (for STAMP_AUDIT, whose
 * parts are the record's text).
 */
CORDON_MUST_USE cordon_error *batch_add(
    struct batch *batch,
    enum batch_stamp stamp,
    struct slice key,
    enum layout_kind kind,
    const struct slice *parts,
    size_t part_count);

/* Completes every row for the timestamp and moves the chain on. Cannot fail. */
void batch_finish(struct batch *batch, uint64_t ts, struct audit_head *head);

/* Frame, key and value of a row. */
static inline struct slice batch_row_frame(const struct batch_row *row)
{
    return slice_of(
        row->key - BATCH_FRAME_BYTES,
        BATCH_FRAME_BYTES + row->node->key.size + row->node->value.size);
}

/*
 * The record of an audit row, from the body of its value, which is LAYOUT_AUDIT_HEAD_BYTES long at
 * least; its text is borrowed from there.
 */
struct audit_record batch_audit_record(struct slice key, struct slice body);

#endif
