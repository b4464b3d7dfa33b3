/*
 * The workloads that prove a store: many threads with transactions over a few hot keys, lists and
 * registers, whose history a checker then looks at.
 *
 * At any time eight keys are in use, and after every few transactions the oldest gives its place to
 * a new one, so that lists stay short however long it goes on. A transaction reads and writes some
 * of them, or walks over all of them or those of a group, or reads a register and writes or removes
 * it, or takes back by a savepoint what it wrote; one in three only reads.
 * One that loses is rerun as runs are: afresh, and after four reruns reserved.
 */
#ifndef SELFTEST_WORKLOAD_H
#define SELFTEST_WORKLOAD_H

#include "selftest/recorded.h"

#include <stdatomic.h>

enum { WORKLOAD_KEYS = 8, WORKLOAD_THREADS_MAX = 64 };

/* What has happened so far; any thread may look on. */
struct workload_counts {
    atomic_uint_fast64_t committed;
    atomic_uint_fast64_t conflicts; /* attempts that lost */
    atomic_uint_fast64_t reserved;  /* reruns that were reserved */
};

struct workload {
    struct store *store; /* prepared by recorded_prepare() */
    uint64_t seed;
    uint32_t threads;       /* from 1 to WORKLOAD_THREADS_MAX */
    uint64_t txns;          /* to commit, of all threads together */
    uint64_t until_ns;      /* of the monotonic clock, when it ends all the same */
    uint64_t generation;    /* of workloads over one folder: names its processes and values */
    uint64_t first_key;     /* where the keys in use begin; below it none is touched */
    uint64_t history_bytes; /* each thread's history may take */
    struct recorded_watch watch;
    struct workload_counts counts; /* what is there already stays part of it */
};

/*
 * Runs it and adds what happened to the history. `*out_next_key` is past every key that was used.
 * Blocks. Errors: those of the store, the first of any thread; CORDON_E_SYSTEM if a thread cannot
 * be started. What the threads did until then is in the history.
 */
CORDON_MUST_USE cordon_error *workload_run(
    struct workload *workload, struct history *history, uint64_t *out_next_key);

/*
 * Reads all keys from `low` to before `high` once, a few dozen in a transaction: what nobody has
 * read is then seen, or seen to be missing.
 */
CORDON_MUST_USE cordon_error *workload_read_all(
    struct store *store, struct history *history, uint64_t process, uint64_t low, uint64_t high);

#endif
