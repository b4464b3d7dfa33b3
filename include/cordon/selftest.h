/*
 * The proof of a store, on the machine at hand: many threads with transactions over a few hot
 * documents, and a look at what they did and saw. docs/transactions.md says what is looked for.
 *
 *     cordon_selftest_options options = {.size = sizeof options, .transactions = 20000};
 *     cordon_selftest *selftest = NULL;
 *     cordon_error *error = cordon_selftest_run(&options, &selftest);
 *
 * The transactions are made at the store, where isolation is decided, and not by functions of a
 * module: a sandbox in each of them would make the same reads and writes, hundreds of times slower.
 */
#ifndef CORDON_SELFTEST_H
#define CORDON_SELFTEST_H

#include <cordon/error.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What was done, and what came of it. A history that was only checked has no times. */
typedef struct cordon_selftest_summary {
    uint64_t transactions; /* that took place */
    uint64_t conflicts;    /* attempts that lost and were made again */
    uint64_t reserved;     /* of those that were made again, the reserved ones */
    uint64_t anomalies;
    uint64_t work_ms;  /* while transactions were made */
    uint64_t check_ms; /* while their history was checked */
} cordon_selftest_summary;

#define CORDON_SELFTEST_THREADS_MAX 64

/*
 * Options, with `size` = sizeof the struct as the caller was compiled; a field beyond it has its
 * zero value. All are borrowed during the call.
 */
typedef struct cordon_selftest_options {
    size_t size;
    const char *data_folder; /* a new one, or one without a store; NULL: a store in memory */
    uint64_t transactions;   /* 0: 100,000 */
    uint32_t seconds;        /* ends after so many even so; 0: it does not */
    uint32_t threads;        /* at most CORDON_SELFTEST_THREADS_MAX; 0: 8 */
    uint64_t seed;           /* chooses what the threads do, though not the turns they take */
    /* Told of how far it is, at most once a second, by the thread that called; or NULL. */
    void (*progress)(void *arg, const cordon_selftest_summary *so_far);
    void *arg;
} cordon_selftest_options;

/* What a run or a check has found. */
typedef struct cordon_selftest cordon_selftest;

/*
 * Runs until all transactions are made, the time is up, or an anomaly is found. That one was found
 * is no error. In a data folder the store is left as it was then. Blocks. Errors:
 * CORDON_E_INVALID for options, among them a folder that has a store; those of opening a store;
 * CORDON_E_SYSTEM, CORDON_E_DISK_FULL, CORDON_E_NO_MEMORY.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_selftest_run(
    const cordon_selftest_options *options, cordon_selftest **out_selftest);

/*
 * Checks a recorded history, JSON lines as docs/transactions.md has them. Errors: CORDON_E_BAD_JSON
 * and CORDON_E_INVALID for what is no history; CORDON_E_TOO_LARGE for one that takes over 8 GiB to
 * check; CORDON_E_NO_MEMORY.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_selftest_check(
    const char *lines, size_t size, cordon_selftest **out_selftest);

/* NULL accepted. */
CORDON_API void cordon_selftest_free(cordon_selftest *selftest);

/* The numbers of a run or a check. */
CORDON_API cordon_selftest_summary cordon_selftest_get_summary(const cordon_selftest *selftest);

/* One kind of anomaly; `count` is how often it was found. The texts are static. */
typedef struct cordon_selftest_anomaly {
    const char *name;
    const char *meaning;
    uint64_t count;
} cordon_selftest_anomaly;

/* The kind with that index, from 0. False past the last. */
CORDON_API bool cordon_selftest_get_anomaly(
    const cordon_selftest *selftest, size_t index, cordon_selftest_anomaly *out_anomaly);

/*
 * One anomaly in words, lines of text, by index from 0; NULL past the last. Of each kind the first
 * five have words. Lives as long as the result.
 */
CORDON_API const char *cordon_selftest_get_finding(const cordon_selftest *selftest, size_t index);

/*
 * The history in which something was found, JSON lines for a file; NULL if nothing was, or if the
 * history came from the caller. Lives as long as the result.
 */
CORDON_API const char *cordon_selftest_get_history(
    const cordon_selftest *selftest, size_t *out_size);

#ifdef __cplusplus
}
#endif

#endif
