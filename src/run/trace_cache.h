/*
 * Traces that were resolved before.
 *
 * A function that fails does so again and again at the same place, and to read its debug
 * information takes milliseconds. The last few stacks are kept with what they stand for. A
 * module's bytes and places alone decide that, so an entry is never wrong, whoever asks.
 *
 * Whoever fails at new places on purpose makes work for the host that no fuel pays for. So all new
 * stacks together have a purse of processor time, filled at a steady rate; while it is empty none
 * is resolved.
 */
#ifndef RUN_TRACE_CACHE_H
#define RUN_TRACE_CACHE_H

#include "base/hash.h"
#include "run/outcome.h"

#include <pthread.h>

/* Stacks kept, and bytes of each: one that is larger is resolved anew each time. */
#define TRACE_CACHE_ENTRIES 16
#define TRACE_CACHE_ENTRY_BYTES ((size_t)64 << 10)

/* The purse: what it holds at most, and the part of one processor that fills it. */
#define TRACE_PURSE_NS ((uint64_t)1000000000)
#define TRACE_PURSE_SHARE 10

struct trace_key {
    uint8_t hash[SHA256_BYTES];
};

struct trace_entry {
    struct trace_key key;
    struct arena arena;
    struct outcome_frame *frames; /* NULL: free */
    size_t count;
    uint64_t used; /* number of the last use */
};

/* Any thread. */
struct trace_cache {
    pthread_mutex_t lock; /* guards all below */
    struct trace_entry entries[TRACE_CACHE_ENTRIES];
    uint64_t uses;
    uint64_t purse_ns;  /* the last to spend may take more than is left: then it is empty */
    uint64_t filled_ns; /* when it was filled last, monotonic */
};

void trace_cache_init(struct trace_cache *cache);
void trace_cache_done(struct trace_cache *cache);

/* Of the outcome's frames as the engine had them, in the module of that hash. */
struct trace_key trace_key_of(
    const struct outcome *outcome, const uint8_t module_hash[SHA256_BYTES]);

/* Puts the frames that are kept under the key into the outcome. False: there are none. */
bool trace_cache_get(
    struct trace_cache *cache, const struct trace_key *key, struct outcome *outcome);

/* Keeps the outcome's frames, in the place of those that were not used for the longest time. */
void trace_cache_put(
    struct trace_cache *cache, const struct trace_key *key, const struct outcome *outcome);

/* Whether there is time for a new stack; `now_ns` is monotonic. */
bool trace_cache_has_time(struct trace_cache *cache, uint64_t now_ns);

/* Takes the processor time out of the purse that a new stack took. */
void trace_cache_spend(struct trace_cache *cache, uint64_t cpu_ns);

#endif
