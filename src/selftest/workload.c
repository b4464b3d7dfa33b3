/* Threads that do transactions at random; see workload.h. */
#include "selftest/workload.h"

#include "base/clock.h"
#include "base/hash.h"

#include <sched.h>

/*
 * After so many commits the oldest key goes. With one to two writes in a transaction, a key is
 * written to some twenty times before.
 */
enum { COMMITS_PER_KEY = 12 };

/* As a run does; the next attempt is reserved. */
enum { RERUNS_BEFORE_RESERVED = 4 };

enum { READ_AT_ONCE = 48 };

/* No two processes write one value; one that had more would be told by the checker. */
#define VALUES_PER_PROCESS ((uint64_t)10000000)

struct worker {
    struct workload *workload;
    struct history history;
    struct recorded_client client;
    uint64_t number;
    uint64_t draws;
    uint64_t next_value;
    cordon_error *error;
    atomic_bool *stop; /* somebody has failed */
};

static uint64_t draw(struct worker *worker, uint64_t below)
{
    const uint64_t what[2] = {worker->number, worker->draws};
    worker->draws++;
    return hash_fast(slice_of(what, sizeof what), worker->workload->seed) % below;
}

/* The oldest key in use. */
static uint64_t oldest_key(struct workload *workload)
{
    return workload->first_key +
           atomic_load_explicit(&workload->counts.committed, memory_order_relaxed) /
               COMMITS_PER_KEY;
}

/* -- Transactions ------------------------------------------------------------------------------ */

/* Lets others in now and then, or a transaction in memory would be over before another begins. */
static void let_others_in(struct worker *worker)
{
    if (draw(worker, 4) == 0) {
        (void)sched_yield();
    }
}

static cordon_error *put(struct worker *worker, uint64_t key)
{
    worker->next_value++;
    return recorded_put(&worker->client, key, worker->next_value);
}

static cordon_error *scan(struct worker *worker, uint64_t oldest)
{
    const enum store_order order = draw(worker, 2) == 0 ? STORE_ASCENDING : STORE_DESCENDING;
    const uint64_t low = oldest + draw(worker, WORKLOAD_KEYS / 2);
    return recorded_scan(&worker->client, low, oldest + WORKLOAD_KEYS, order);
}

/* By the index alone: what comes into the group, or leaves it, is to be a conflict. */
static cordon_error *scan_group(struct worker *worker, uint64_t oldest)
{
    const enum store_order order = draw(worker, 2) == 0 ? STORE_ASCENDING : STORE_DESCENDING;
    const uint64_t low = oldest + draw(worker, WORKLOAD_KEYS / 2);
    const uint64_t group = draw(worker, HISTORY_GROUPS);
    return recorded_scan_group(&worker->client, group, low, oldest + WORKLOAD_KEYS, order);
}

static cordon_error *scan_groups(struct worker *worker, uint64_t oldest, bool writes)
{
    TRY(scan_group(worker, oldest));
    let_others_in(worker);
    if (writes) {
        return put(worker, oldest + draw(worker, WORKLOAD_KEYS));
    }
    return scan_group(worker, oldest);
}

static cordon_error *remove_one(struct worker *worker, uint64_t oldest)
{
    const uint64_t key = oldest + draw(worker, WORKLOAD_KEYS);
    return recorded_is_list(key) ? recorded_read(&worker->client, key)
                                 : recorded_remove(&worker->client, key);
}

/* Writes that are taken back, with others before and behind; the same keys are read then. */
static cordon_error *write_and_undo(struct worker *worker, uint64_t oldest)
{
    const uint64_t key = oldest + draw(worker, WORKLOAD_KEYS);
    const uint64_t other = oldest + draw(worker, WORKLOAD_KEYS);
    if (draw(worker, 2) == 0) {
        TRY(put(worker, key));
    }
    TRY(recorded_savepoint(&worker->client));
    TRY(put(worker, key));
    TRY(put(worker, other));
    if (!recorded_is_list(other) && draw(worker, 2) == 0) {
        TRY(recorded_remove(&worker->client, other));
    }
    TRY(recorded_rollback(&worker->client));
    TRY(recorded_read(&worker->client, key));
    TRY(scan_group(worker, oldest));
    return draw(worker, 2) == 0 ? put(worker, other) : recorded_read(&worker->client, other);
}

static cordon_error *read_and_write(struct worker *worker, uint64_t oldest)
{
    const uint64_t key = oldest + draw(worker, WORKLOAD_KEYS);
    TRY(recorded_read(&worker->client, key));
    let_others_in(worker);
    return put(worker, key);
}

static cordon_error *some_ops(struct worker *worker, uint64_t oldest, bool writes)
{
    for (uint64_t left = 1 + draw(worker, 4); left > 0; left--) {
        const uint64_t key = oldest + draw(worker, WORKLOAD_KEYS);
        let_others_in(worker);
        if (writes && draw(worker, 2) == 0) {
            TRY(put(worker, key));
        } else {
            TRY(recorded_read(&worker->client, key));
        }
    }
    return NULL;
}

static cordon_error *do_ops(struct worker *worker, uint64_t oldest)
{
    const uint64_t choice = draw(worker, 16);
    if (choice < 3) {
        return some_ops(worker, oldest, false);
    }
    if (choice == 3) {
        return scan(worker, oldest);
    }
    if (choice == 4) {
        TRY(scan(worker, oldest));
        return put(worker, oldest + draw(worker, WORKLOAD_KEYS));
    }
    if (choice < 7) {
        return scan_groups(worker, oldest, choice == 5);
    }
    if (choice == 7) {
        return remove_one(worker, oldest);
    }
    if (choice == 8) {
        return write_and_undo(worker, oldest);
    }
    return choice < 12 ? read_and_write(worker, oldest) : some_ops(worker, oldest, true);
}

/* Begins, does and commits. A read can lose, too: then the snapshot was too old. */
static cordon_error *attempt(
    struct worker *worker, uint64_t oldest, bool reserved, bool *out_committed)
{
    TRY(recorded_begin(&worker->client, reserved));
    cordon_error *const error = do_ops(worker, oldest);
    if (error != NULL && cordon_error_get_code(error) == CORDON_E_CONFLICT) {
        cordon_error_free(error);
        store_end(&worker->client.txn);
        history_end(&worker->history, HISTORY_ABORTED, clock_monotonic_ns());
        *out_committed = false;
        return NULL;
    }
    TRY(error);
    return recorded_commit(&worker->client, out_committed);
}

/* The same keys in each attempt, as a rerun has, but values of its own. */
static cordon_error *run_one(struct worker *worker)
{
    struct workload_counts *const counts = &worker->workload->counts;
    const uint64_t oldest = oldest_key(worker->workload);
    const uint64_t draws = worker->draws;
    bool committed = false;
    for (unsigned reruns = 0; !committed; reruns++) {
        const bool reserved = reruns > RERUNS_BEFORE_RESERVED && worker->client.txn != NULL;
        worker->draws = draws;
        TRY(attempt(worker, oldest, reserved, &committed));
        (void)atomic_fetch_add(&counts->conflicts, !committed);
        (void)atomic_fetch_add(&counts->reserved, reserved);
    }
    (void)atomic_fetch_add(&counts->committed, 1);
    return NULL;
}

/* -- Threads ----------------------------------------------------------------------------------- */

static bool goes_on(const struct worker *worker)
{
    const struct workload *const workload = worker->workload;
    return atomic_load(&workload->counts.committed) < workload->txns &&
           clock_monotonic_ns() < workload->until_ns && !atomic_load(worker->stop);
}

static void *work(void *arg)
{
    struct worker *const worker = arg;
    while (worker->error == NULL && goes_on(worker)) {
        worker->error = run_one(worker);
    }
    if (worker->error != NULL) {
        atomic_store(worker->stop, true);
    }
    return NULL;
}

static void init_worker(struct worker *worker, struct workload *workload, uint32_t number)
{
    const uint64_t process = workload->generation * WORKLOAD_THREADS_MAX + number;
    history_init(&worker->history, workload->history_bytes);
    recorded_init(&worker->client, workload->store, &worker->history, process);
    worker->client.watch = workload->watch;
    worker->workload = workload;
    worker->number = number;
    worker->next_value = process * VALUES_PER_PROCESS;
}

static cordon_error *start(struct worker *workers, pthread_t *threads, uint32_t *started)
{
    const uint32_t wanted = workers->workload->threads;
    for (; *started < wanted; (*started)++) {
        if (pthread_create(&threads[*started], NULL, work, &workers[*started]) != 0) {
            atomic_store(workers->stop, true);
            return cordon_error_new(CORDON_E_SYSTEM, "no thread can be started; try fewer of them");
        }
    }
    return NULL;
}

/* The first error of any is kept. */
static void keep_error(cordon_error **kept, cordon_error *error)
{
    if (*kept == NULL) {
        *kept = error;
    } else {
        cordon_error_free(error);
    }
}

cordon_error *workload_run(
    struct workload *workload, struct history *history, uint64_t *out_next_key)
{
    struct worker workers[WORKLOAD_THREADS_MAX] = {0};
    pthread_t threads[WORKLOAD_THREADS_MAX];
    atomic_bool stop = false;
    uint32_t started = 0;
    CORDON_ASSERT(workload->threads > 0 && workload->threads <= WORKLOAD_THREADS_MAX);
    for (uint32_t i = 0; i < workload->threads; i++) {
        init_worker(&workers[i], workload, i);
        workers[i].stop = &stop;
    }
    cordon_error *error = start(workers, threads, &started);
    for (uint32_t i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
        keep_error(&error, workers[i].error);
    }
    for (uint32_t i = 0; i < workload->threads; i++) {
        keep_error(&error, history_join(history, &workers[i].history, 0));
        recorded_done(&workers[i].client);
        history_done(&workers[i].history);
    }
    *out_next_key = oldest_key(workload) + WORKLOAD_KEYS;
    return error;
}

/* -- Reading all ------------------------------------------------------------------------------- */

cordon_error *workload_read_all(
    struct store *store, struct history *history, uint64_t process, uint64_t low, uint64_t high)
{
    CORDON_CLEANUP(recorded_done) struct recorded_client client;
    recorded_init(&client, store, history, process);
    bool committed = false;
    for (uint64_t key = low; key < high;) {
        TRY(recorded_begin(&client, false));
        for (unsigned i = 0; i < READ_AT_ONCE && key < high; i++, key++) {
            TRY(recorded_read(&client, key));
        }
        TRY(recorded_commit(&client, &committed));
    }
    return NULL;
}
