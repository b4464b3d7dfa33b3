/*
 * The last runs, for whoever follows the functions' logs: one entry for each, and some for lines of
 * one that goes on, with a cursor, in a ring of bounded size. Nobody waits for a reader: the oldest
 * entries make room for new ones, and the running number of each shows a reader how many it missed.
 *
 * A cursor is the time of an entry in microseconds since 1970, made unique: each is greater than
 * all before it. So it goes on being one after the server was started again, and is exact as a
 * number of milliseconds in JavaScript.
 */
#ifndef OBSERVE_EXECUTIONS_H
#define OBSERVE_EXECUTIONS_H

#include "base/buffer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

/*
 * What is kept at most; an entry that is larger alone is lost. Whoever owns them may set less bytes
 * before they are started.
 */
#define EXECUTIONS_MAX 1000
#define EXECUTIONS_BYTES_MAX ((size_t)4 << 20)

/*
 * Who waits at one time at most: an entry wakes all of them, each of whom then has an answer of the
 * loops that the calls of others are read by.
 */
#define EXECUTIONS_WAITERS_MAX 64

struct execution;
struct chunk;

/* Somebody who waits for the next entry: is woken once. */
struct execution_waiter {
    void (*wake)(void *arg); /* called under a lock: must not call back */
    void *arg;
    struct execution_waiter *next;
};

/* Where the memory of entries is counted. Any thread. */
struct execution_purse {
    bool (*take)(void *arg, uint64_t bytes); /* false: there is none */
    void (*give)(void *arg, uint64_t bytes);
    void *arg;
};

struct executions {
    atomic_bool is_kept;
    size_t bytes_max;
    struct execution_purse purse; /* NULL inside: nobody counts; set before they are started */
    pthread_mutex_t lock;         /* guards all below */
    struct execution *first;
    struct execution *last;
    struct chunk *newest; /* with room for entries, maybe; NULL: there is none */
    size_t count;
    size_t bytes;
    uint64_t number;  /* of the entry before the next: all that were made, lost ones too */
    uint64_t last_us; /* the greatest cursor that was given */
    struct execution_waiter *waiters;
    size_t waiter_count;
};

enum executions_wait { EXECUTIONS_NEWS, EXECUTIONS_WAITS, EXECUTIONS_CROWDED };

void executions_init(struct executions *executions);

/* Forgets all entries and wakes who waits. Any thread. */
void executions_clear(struct executions *executions);

/* Nobody may wait. */
void executions_done(struct executions *executions);

/* Begins to keep entries; before, they are let go. Any thread, as all below. */
void executions_start(struct executions *executions);

static inline bool executions_are_kept(const struct executions *executions)
{
    return atomic_load_explicit(&executions->is_kept, memory_order_relaxed);
}

/*
 * Adds an entry, which is copied: the members of a JSON object, without braces. Where the purse has
 * too little, the oldest entries give way. Where that is not enough, or there is no memory for it,
 * it is lost, as one is whose `members` are empty.
 */
void executions_add(struct executions *executions, struct slice members);

/*
 * Appends a JSON array of the entries after a cursor, oldest first, each an object that begins with
 * `number` and `cursor`. `*out_cursor_us` is that of the last one, or, without any, one before all
 * to come. Errors: those of buffer_append().
 */
CORDON_MUST_USE cordon_error *executions_write(
    struct executions *executions, uint64_t after_us, struct buffer *out, uint64_t *out_cursor_us);

/*
 * Waits for an entry after a cursor. Nothing is done if there is one already, or if as many wait as
 * may.
 */
CORDON_MUST_USE enum executions_wait executions_wait(
    struct executions *executions, uint64_t after_us, struct execution_waiter *waiter);

/* Waits no longer, woken or not. After this it is not woken any more. */
void executions_leave(struct executions *executions, struct execution_waiter *waiter);

/* Appends a cursor as milliseconds, with as many digits behind the point as it has. */
CORDON_MUST_USE cordon_error *executions_write_cursor(struct buffer *out, uint64_t cursor_us);

/* Reads milliseconds, a plain decimal number; what is finer than a microsecond is cut off. */
CORDON_MUST_USE bool executions_read_cursor(struct slice text, uint64_t *out_cursor_us);

#endif
