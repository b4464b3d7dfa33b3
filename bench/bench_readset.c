/*
 * What it costs to commit after having read much: a transaction with 10,000 intervals in its read
 * set, none beside another, that writes one document, after a few hundred commits of others
 * since its snapshot. Timed is the commit alone, until it is visible and until it is durable.
 * Beside it the same with a single interval.
 *
 *     bench_readset FOLDER     over LMDB in a new folder there, and in memory
 *
 * Prints one JSON object a line.
 */
#include "base/clock.h"
#include "base/random.h"
#include "store/store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    TENANT = 1,
    INTERVALS = 10000,
    /* Commits since the snapshot, of one document each: what 12,000 a second bring while so many
     * intervals are read at 2 us each. */
    OTHERS = 240,
    ROUNDS = 51,
    BODY_BYTES = 100,
    AUDIT_BYTES = 300,
};

static const uint8_t filler[AUDIT_BYTES];
static struct random_stream random_ids;
static double next_time = 1.0;
static uint32_t table;

static void must(cordon_error *error)
{
    if (error != NULL) {
        (void)fprintf(stderr, "bench_readset: %s\n", cordon_error_get_message(error));
        exit(1);
    }
}

static void must_hold(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "bench_readset: %s\n", what);
        exit(1);
    }
}

/* -- Transactions --------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t rung = PTHREAD_COND_INITIALIZER;

struct client {
    struct store_txn *txn;
    bool woken; /* since its last pending answer; under the lock */
};

static void wake(void *arg)
{
    struct client *client = arg;
    (void)pthread_mutex_lock(&lock);
    client->woken = true;
    (void)pthread_cond_broadcast(&rung);
    (void)pthread_mutex_unlock(&lock);
}

static void wait_woken(struct client *client)
{
    (void)pthread_mutex_lock(&lock);
    while (!client->woken) {
        (void)pthread_cond_wait(&rung, &lock);
    }
    client->woken = false;
    (void)pthread_mutex_unlock(&lock);
}

static void begin(struct client *client, struct store *store)
{
    *client = (struct client){0};
    must(store_begin(store, TENANT, (struct store_wake){wake, client}, &client->txn));
}

/* Visible when it comes back; durable only if that is true. */
static bool commit_begun(struct client *client)
{
    const struct store_commit_facts facts = {.audit_body = slice_of(filler, AUDIT_BYTES)};
    struct store_commit_result result = {0};
    enum store_step step = STORE_LATER;
    must(store_commit(client->txn, &facts, &step, &result));
    must_hold(step != STORE_LATER && !result.conflict, "a commit was refused");
    return step == STORE_DONE;
}

/* Waits until a commit that was begun is durable. */
static void finish(struct client *client)
{
    do {
        wait_woken(client);
    } while (!commit_begun(client));
}

static void commit(struct client *client)
{
    if (!commit_begun(client)) {
        finish(client);
    }
}

static struct store_id random_id(void)
{
    struct store_id id = {.table = table};
    random_stream_fill(&random_ids, id.internal, sizeof id.internal);
    return id;
}

static void put(struct store_txn *txn)
{
    const struct store_id id = random_id();
    must(store_put(txn, &id, next_time++, slice_of(filler, BODY_BYTES)));
}

/* -- Measuring ------------------------------------------------------------------------------ */

static void make_table(struct store *store)
{
    enum store_step step = STORE_PENDING;
    struct client client;
    begin(&client, store);
    must(store_table_ensure(client.txn, SLICE("bench"), &step, &table));
    must_hold(step == STORE_DONE, "the table was not made at once");
    commit(&client);
    store_end(&client.txn);
}

/* Reads of ids that are not there count as any other. */
static void read_intervals(struct store_txn *txn, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct store_id id = random_id();
        enum store_step step = STORE_PENDING;
        bool found = false;
        struct slice body = {0};
        must(store_get(txn, &id, &step, &found, &body));
        must_hold(step == STORE_DONE && !found, "a read was not answered at once");
    }
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Commits of others, made durable together. */
static void commit_others(struct store *store)
{
    static struct client others[OTHERS];
    bool durable[OTHERS];
    for (size_t i = 0; i < OTHERS; i++) {
        begin(&others[i], store);
        put(others[i].txn);
        durable[i] = commit_begun(&others[i]);
    }
    for (size_t i = 0; i < OTHERS; i++) {
        if (!durable[i]) {
            finish(&others[i]);
        }
        store_end(&others[i].txn);
    }
}

struct sample {
    double visible_us; /* validated and in order */
    double durable_us; /* that, and on the disk */
};

static struct sample measure_one(struct store *store, size_t intervals)
{
    struct client client;
    begin(&client, store);
    read_intervals(client.txn, intervals);
    commit_others(store);
    put(client.txn);
    const uint64_t began = clock_monotonic_ns();
    const bool durable = commit_begun(&client);
    const uint64_t visible = clock_monotonic_ns();
    if (!durable) {
        finish(&client);
    }
    const uint64_t ended = clock_monotonic_ns();
    store_end(&client.txn);
    return (struct sample){(double)(visible - began) / 1000, (double)(ended - began) / 1000};
}

static void measure(struct store *store, const char *where, size_t intervals)
{
    double visible[ROUNDS];
    double durable[ROUNDS];
    for (size_t i = 0; i < ROUNDS; i++) {
        const struct sample sample = measure_one(store, intervals);
        visible[i] = sample.visible_us;
        durable[i] = sample.durable_us;
    }
    qsort(visible, ROUNDS, sizeof visible[0], by_size);
    qsort(durable, ROUNDS, sizeof durable[0], by_size);
    printf(
        "{\"name\": \"%s_%zu\", \"intervals\": %zu, \"others\": %d, \"visible_us\": %.1f, "
        "\"durable_us\": %.1f, \"longest_us\": %.1f}\n",
        where, intervals, intervals, OTHERS, visible[ROUNDS / 2], durable[ROUNDS / 2],
        durable[ROUNDS - 1]);
    (void)fflush(stdout);
}

static void measure_store(struct store *store, const char *where)
{
    make_table(store);
    measure(store, where, 1);
    measure(store, where, INTERVALS);
    store_close(store);
}

int main(int argc, char **argv)
{
    static const uint8_t seed[RANDOM_SEED_BYTES] = {1};
    const struct store_options options = {.flusher_thread = true};
    char folder[4096];
    if (argc != 2) {
        (void)fprintf(stderr, "usage: bench_readset FOLDER\n");
        return 2;
    }
    random_stream_init(&random_ids, seed, 0);
    const int size = snprintf(folder, sizeof folder, "%s/readset-XXXXXX", argv[1]);
    must_hold(size > 0 && (size_t)size < sizeof folder, "the folder's path is too long");
    must_hold(mkdtemp(folder) != NULL, "no folder can be made there");
    struct store *store = NULL;
    must(store_open_memory(&options, &store));
    measure_store(store, "memory");
    must(store_open_lmdb(folder, &options, &store));
    measure_store(store, "lmdb");
    return 0;
}
