/*
 * What a durable commit costs, beside the least the same disk can do in the same run: a bare
 * fdatasync, a bare LMDB commit of the same puts, and a log before LMDB (prototyped here: an append
 * to a preallocated file, and LMDB without its sync). Rounds of all of them take turns, so that a
 * slow minute of the disk is shared.
 *
 *     bench_commit [FOLDER [DOCUMENTS]]     FOLDER (default .) is on the disk to measure;
 *                                           DOCUMENTS are loaded beforehand (default 1000)
 *     bench_commit --bare FOLDER [DOCUMENTS]
 *                                           bare LMDB commits of one client, and bare appends to a
 *                                           log, for who takes turns with them; the folder is
 *                                           filled by the first such call and kept for the next
 *
 * Prints one JSON object a line.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "store/layout.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ROUNDS = 20,
    COMMITS_PER_ROUND = 40, /* of one client */
    GROUPS_PER_ROUND = 10,  /* of 64 documents */
    CLIENTS = 64,
    BODY_BYTES = 100, /* of a document */
    AUDIT_BYTES = 300,
    LOG_BYTES = 256 << 20, /* preallocated */
    LOAD_GROUP = 1000,
    READS = 200000,
};

#define MAP_BYTES ((size_t)64 << 30)

static uint8_t filler[LAYOUT_SEAL_BYTES + LAYOUT_AUDIT_HEAD_BYTES + AUDIT_BYTES];
static struct random_stream ids;
static double next_time = 1.0;

static void must(bool condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "bench_commit: %s failed\n", what);
        exit(1);
    }
}

static void must_ok(cordon_error *error)
{
    if (error != NULL) {
        (void)fprintf(stderr, "bench_commit: %s\n", cordon_error_get_message(error));
        exit(1);
    }
}

/* -- Samples --------------------------------------------------------------------------------- */

struct samples {
    const char *name;
    size_t documents; /* in each sample */
    size_t count;
    double us[ROUNDS * COMMITS_PER_ROUND];
};

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_samples(struct samples *samples)
{
    double sum = 0;
    for (size_t i = 0; i < samples->count; i++) {
        sum += samples->us[i];
    }
    qsort(samples->us, samples->count, sizeof samples->us[0], compare_doubles);
    printf(
        "{\"name\": \"%s\", \"documents\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f, "
        "\"mean_us\": %.1f, \"documents_per_s\": %.0f}\n",
        samples->name, samples->documents, samples->us[samples->count / 2],
        samples->us[samples->count * 99 / 100], sum / (double)samples->count,
        (double)(samples->documents * samples->count) / sum * 1e6);
    (void)fflush(stdout);
}

static void add_sample(struct samples *samples, uint64_t began_ns)
{
    must(samples->count < sizeof samples->us / sizeof samples->us[0], "counting");
    samples->us[samples->count++] = (double)(clock_monotonic_ns() - began_ns) / 1000.0;
}

/* -- The disk alone -------------------------------------------------------------------------- */

struct disk {
    int append_fd;
    int log_fd;
    off_t log_at;
};

static void append_once(struct disk *disk)
{
    must(write(disk->append_fd, filler, sizeof filler) == (ssize_t)sizeof filler, "append");
    must(lseek(disk->append_fd, 4096 - (off_t)sizeof filler, SEEK_CUR) > 0, "seek");
    must(fdatasync(disk->append_fd) == 0, "fdatasync");
}

/* One record of a log: whole pages of a file whose blocks are there already. */
static void log_once(struct disk *disk, size_t documents)
{
    static uint8_t record[CLIENTS * 1024];
    const size_t size = (documents * 700 + 4095) / 4096 * 4096;
    if (disk->log_at + (off_t)size > LOG_BYTES) {
        disk->log_at = 0;
    }
    must(pwrite(disk->log_fd, record, size, disk->log_at) == (ssize_t)size, "pwrite");
    must(fdatasync(disk->log_fd) == 0, "fdatasync");
    disk->log_at += (off_t)size;
}

static void open_disk(struct disk *disk)
{
    disk->append_fd = open("append", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    disk->log_fd = open("log", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    must(disk->append_fd >= 0 && disk->log_fd >= 0, "open");
    if (lseek(disk->log_fd, 0, SEEK_END) == LOG_BYTES) {
        return;
    }
    uint8_t *zeros = mem_new(1 << 20);
    must(zeros != NULL, "memory");
    for (off_t at = 0; at < LOG_BYTES; at += 1 << 20) {
        must(pwrite(disk->log_fd, zeros, 1 << 20, at) == 1 << 20, "preallocation");
    }
    mem_free(zeros);
    must(fsync(disk->log_fd) == 0, "fsync");
}

/* -- Bare LMDB ------------------------------------------------------------------------------- */

struct bare {
    MDB_env *env;
    MDB_dbi dbi;
    uint64_t sequence;
};

static void bare_put(struct bare *bare, MDB_txn *txn, const struct layout_key *key, size_t size)
{
    MDB_val k = {.mv_size = key->size, .mv_data = (void *)(uintptr_t)key->bytes};
    MDB_val v = {.mv_size = size, .mv_data = filler};
    must(mdb_put(txn, bare->dbi, &k, &v, 0) == 0, "mdb_put");
}

static struct store_id random_id(void)
{
    struct store_id id = {.table = 10001};
    random_stream_fill(&ids, id.internal, sizeof id.internal);
    return id;
}

/* The puts of mutations that insert one document each: document, index entry, audit record; and
 * the meta record once. */
static void bare_commit(struct bare *bare, size_t documents)
{
    MDB_txn *txn = NULL;
    struct layout_key key;
    must(mdb_txn_begin(bare->env, NULL, 0, &txn) == 0, "mdb_txn_begin");
    for (size_t i = 0; i < documents; i++) {
        const struct store_id id = random_id();
        bare->sequence++;
        layout_document(&key, 1, &id);
        layout_append_ts(&key, bare->sequence);
        bare_put(bare, txn, &key, LAYOUT_SEAL_BYTES + LAYOUT_TIME_BYTES + BODY_BYTES);
        layout_entry(&key, 1, &id, 0, (struct slice){0}, (double)bare->sequence);
        layout_append_ts(&key, bare->sequence);
        bare_put(bare, txn, &key, LAYOUT_SEAL_BYTES);
        layout_audit(&key, 1, bare->sequence);
        bare_put(bare, txn, &key, sizeof filler);
    }
    layout_meta(&key);
    bare_put(bare, txn, &key, LAYOUT_SEAL_BYTES + 36);
    must(mdb_txn_commit(txn) == 0, "mdb_txn_commit");
}

/* Fills it with so many documents if it is new. */
static void open_bare(struct bare *bare, const char *folder, unsigned flags, size_t documents)
{
    const bool is_new = mkdir(folder, 0700) == 0;
    must(is_new || errno == EEXIST, "mkdir");
    must(mdb_env_create(&bare->env) == 0, "mdb_env_create");
    must(mdb_env_set_mapsize(bare->env, MAP_BYTES) == 0, "mdb_env_set_mapsize");
    must(mdb_env_open(bare->env, folder, MDB_NOTLS | MDB_NOSYNC, 0600) == 0, "mdb_env_open");
    MDB_txn *txn = NULL;
    must(mdb_txn_begin(bare->env, NULL, 0, &txn) == 0, "mdb_txn_begin");
    must(mdb_dbi_open(txn, NULL, 0, &bare->dbi) == 0, "mdb_dbi_open");
    must(mdb_txn_commit(txn) == 0, "mdb_txn_commit");
    for (size_t done = 0; is_new && done < documents; done += LOAD_GROUP) {
        bare_commit(bare, LOAD_GROUP);
    }
    must(mdb_env_sync(bare->env, 1) == 0, "mdb_env_sync");
    must(mdb_env_set_flags(bare->env, MDB_NOSYNC, (flags & MDB_NOSYNC) != 0) == 0, "flags");
}

/* -- The store ------------------------------------------------------------------------------- */

/* Clients as a server has them: one thread drives them all, and wakes only fill its queue. */
struct crowd {
    struct store *store;
    pthread_mutex_t lock;
    pthread_cond_t rung;
    struct crowd_client *ready; /* woken */
};

struct crowd_client {
    struct crowd *crowd;
    struct crowd_client *next;
    struct store_txn *txn;
};

static void ring(void *arg)
{
    struct crowd_client *client = arg;
    struct crowd *crowd = client->crowd;
    (void)pthread_mutex_lock(&crowd->lock);
    client->next = crowd->ready;
    crowd->ready = client;
    (void)pthread_cond_signal(&crowd->rung);
    (void)pthread_mutex_unlock(&crowd->lock);
}

static void put_document(struct store_txn *txn)
{
    const struct store_id id = random_id();
    must_ok(store_put(txn, &id, next_time++, slice_of(filler, BODY_BYTES)));
}

static void make_table(struct store_txn *txn)
{
    enum store_step step = STORE_PENDING;
    uint32_t table = 0;
    must_ok(store_table_ensure(txn, SLICE("bench"), &step, &table));
    must(step == STORE_DONE && table == 10001, "making the table");
}

static enum store_step commit_once(struct crowd_client *client)
{
    const struct store_commit_facts facts = {.audit_body = slice_of(filler, AUDIT_BYTES)};
    struct store_commit_result result = {0};
    enum store_step step = STORE_PENDING;
    must_ok(store_commit(client->txn, &facts, &step, &result));
    must(!result.conflict, "committing without a conflict");
    return step;
}

static void begin(struct crowd_client *client)
{
    must_ok(store_begin(client->crowd->store, 1, (struct store_wake){ring, client}, &client->txn));
    put_document(client->txn);
}

static struct crowd_client *wait_ready(struct crowd *crowd)
{
    (void)pthread_mutex_lock(&crowd->lock);
    while (crowd->ready == NULL) {
        (void)pthread_cond_wait(&crowd->rung, &crowd->lock);
    }
    struct crowd_client *client = crowd->ready;
    crowd->ready = client->next;
    (void)pthread_mutex_unlock(&crowd->lock);
    return client;
}

/* `commits` in all, by `clients` that each wait for their own before the next. */
static void drive(struct crowd *crowd, size_t clients, size_t commits)
{
    static struct crowd_client all[CLIENTS];
    size_t begun = 0;
    size_t done = 0;
    for (; begun < clients && begun < commits; begun++) {
        all[begun] = (struct crowd_client){.crowd = crowd};
        begin(&all[begun]);
        if (commit_once(&all[begun]) == STORE_DONE) {
            ring(&all[begun]);
        }
    }
    while (done < commits) {
        struct crowd_client *client = wait_ready(crowd);
        if (commit_once(client) == STORE_PENDING) {
            continue;
        }
        store_end(&client->txn);
        done++;
        if (begun < commits) {
            begun++;
            begin(client);
            if (commit_once(client) == STORE_DONE) {
                ring(client);
            }
        }
    }
}

static void load(struct crowd *crowd, size_t documents)
{
    struct crowd_client client = {.crowd = crowd};
    for (size_t done = 0; done < documents; done += LOAD_GROUP) {
        begin(&client);
        if (done == 0) {
            make_table(client.txn);
        }
        for (size_t i = 1; i < LOAD_GROUP; i++) {
            put_document(client.txn);
        }
        while (commit_once(&client) == STORE_PENDING) {
            (void)wait_ready(crowd);
        }
        store_end(&client.txn);
    }
}

static void open_store(
    struct crowd *crowd, const char *folder, bool flusher_thread, size_t documents)
{
    const struct store_options options = {.flusher_thread = flusher_thread, .map_bytes = MAP_BYTES};
    *crowd = (struct crowd){0};
    (void)pthread_mutex_init(&crowd->lock, NULL);
    (void)pthread_cond_init(&crowd->rung, NULL);
    if (folder == NULL) {
        must_ok(store_open_memory(&options, &crowd->store));
    } else {
        must_ok(store_open_lmdb(folder, &options, &crowd->store));
    }
    load(crowd, documents);
}

/* -- Reading --------------------------------------------------------------------------------- */

/* Point reads of known documents, and a walk over the table. */
static void read_store(struct crowd *crowd, const char *name)
{
    enum { KNOWN = 512 };
    static struct store_id known[KNOWN];
    struct crowd_client client = {.crowd = crowd};
    begin(&client);
    for (size_t i = 0; i < KNOWN; i++) {
        known[i] = random_id();
        must_ok(store_put(client.txn, &known[i], next_time++, slice_of(filler, BODY_BYTES)));
    }
    while (commit_once(&client) == STORE_PENDING) {
        (void)wait_ready(crowd);
    }
    store_end(&client.txn);

    enum store_step step = STORE_DONE;
    bool found = false;
    struct slice body = {0};
    must_ok(store_begin(crowd->store, 1, (struct store_wake){ring, &client}, &client.txn));
    uint64_t began = clock_monotonic_ns();
    for (size_t i = 0; i < READS; i++) {
        must_ok(store_get(client.txn, &known[i % KNOWN], &step, &found, &body));
        must(found && body.size == BODY_BYTES, "reading");
    }
    const double get_ns = (double)(clock_monotonic_ns() - began) / READS;

    struct store_scan *scan = NULL;
    size_t walked = 0;
    began = clock_monotonic_ns();
    must_ok(store_scan_open(client.txn, STORE_WHOLE_TABLE(10001, STORE_ASCENDING), &scan));
    for (found = true; found && walked < READS; walked++) {
        must_ok(store_scan_next(scan, &step, &found, &body));
    }
    const double scan_ns = (double)(clock_monotonic_ns() - began) / (double)walked;
    store_end(&client.txn);
    printf(
        "{\"name\": \"%s\", \"get_ns\": %.0f, \"scan_ns_per_document\": %.0f}\n", name, get_ns,
        scan_ns);
}

/* The processor time of one commit, everything but the disk. */
static void commit_in_memory(size_t documents)
{
    enum { COMMITS = 50000 };
    struct crowd crowd;
    open_store(&crowd, NULL, false, documents);
    const uint64_t began = clock_thread_cpu_ns();
    drive(&crowd, 1, COMMITS);
    printf(
        "{\"name\": \"store_memory_commit\", \"cpu_us\": %.2f}\n",
        (double)(clock_thread_cpu_ns() - began) / 1000.0 / COMMITS);
    read_store(&crowd, "store_memory_read");
    store_close(crowd.store);
}

/* -- All of it ------------------------------------------------------------------------------- */

#define SAMPLES(id, documents_each)                                                                \
    static struct samples id = {.name = #id, .documents = (documents_each)}

SAMPLES(fdatasync_append_4k, 1);
SAMPLES(log_append, 1);
SAMPLES(lmdb_commit, 1);
SAMPLES(lmdb_commit_no_sync, 1);
SAMPLES(store_one_client, 1);
SAMPLES(store_one_client_no_thread, 1);
SAMPLES(log_append_64, CLIENTS);
SAMPLES(lmdb_commit_64, CLIENTS);
SAMPLES(lmdb_commit_no_sync_64, CLIENTS);
SAMPLES(store_64_clients, CLIENTS *GROUPS_PER_ROUND);

#define SAMPLE(samples, call)                                                                      \
    do {                                                                                           \
        const uint64_t began_ = clock_monotonic_ns();                                              \
        call;                                                                                      \
        add_sample(&(samples), began_);                                                            \
    } while (0)

struct bench {
    struct disk disk;
    struct bare synced;
    struct bare unsynced;
    struct crowd threaded;
    struct crowd unthreaded;
};

static void one_round(struct bench *bench)
{
    for (size_t i = 0; i < COMMITS_PER_ROUND; i++) {
        SAMPLE(fdatasync_append_4k, append_once(&bench->disk));
        SAMPLE(log_append, log_once(&bench->disk, 1));
        SAMPLE(lmdb_commit, bare_commit(&bench->synced, 1));
        SAMPLE(lmdb_commit_no_sync, bare_commit(&bench->unsynced, 1));
        SAMPLE(store_one_client, drive(&bench->threaded, 1, 1));
        SAMPLE(store_one_client_no_thread, drive(&bench->unthreaded, 1, 1));
    }
    for (size_t i = 0; i < GROUPS_PER_ROUND; i++) {
        SAMPLE(log_append_64, log_once(&bench->disk, CLIENTS));
        SAMPLE(lmdb_commit_64, bare_commit(&bench->synced, CLIENTS));
        SAMPLE(lmdb_commit_no_sync_64, bare_commit(&bench->unsynced, CLIENTS));
    }
    SAMPLE(store_64_clients, drive(&bench->threaded, CLIENTS, CLIENTS * GROUPS_PER_ROUND));
}

static void print_all(void)
{
    struct samples *const all[] = {
        &fdatasync_append_4k, &log_append,       &lmdb_commit,
        &lmdb_commit_no_sync, &store_one_client, &store_one_client_no_thread,
        &log_append_64,       &lmdb_commit_64,   &lmdb_commit_no_sync_64,
        &store_64_clients,
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        print_samples(all[i]);
    }
    printf(
        "{\"name\": \"ratios\", \"store_one_client_to_lmdb\": %.2f, "
        "\"store_one_client_to_fdatasync\": %.2f, \"log_to_lmdb\": %.2f}\n",
        store_one_client.us[store_one_client.count / 2] / lmdb_commit.us[lmdb_commit.count / 2],
        store_one_client.us[store_one_client.count / 2] / log_append.us[log_append.count / 2],
        log_append.us[log_append.count / 2] / lmdb_commit.us[lmdb_commit.count / 2]);
}

static void enter_new_folder(const char *parent, char *name)
{
    must(chdir(parent) == 0, "entering the folder");
    must(mkdtemp(name) != NULL && chdir(name) == 0, "making a folder");
}

/* Ids that no call before drew, and sequences after theirs. */
static int bare_alone(const char *folder, size_t documents)
{
    enum { COMMITS = 300 };
    uint8_t seed[RANDOM_SEED_BYTES];
    struct disk disk = {0};
    struct bare bare = {.sequence = clock_monotonic_ns()};
    random_system(seed, sizeof seed);
    random_stream_init(&ids, seed, 0);
    must(chdir(folder) == 0, "entering the folder");
    open_disk(&disk);
    open_bare(&bare, "bare", 0, documents);
    for (size_t i = 0; i < COMMITS; i++) {
        SAMPLE(lmdb_commit, bare_commit(&bare, 1));
        SAMPLE(log_append, log_once(&disk, 1));
    }
    print_samples(&lmdb_commit);
    print_samples(&log_append);
    mdb_env_close(bare.env);
    return 0;
}

int main(int argc, char **argv)
{
    static const uint8_t seed[RANDOM_SEED_BYTES] = {1};
    const bool bare = argc > 1 && strcmp(argv[1], "--bare") == 0;
    const int at = bare ? 3 : 2;
    const size_t documents = argc > at ? strtoul(argv[at], NULL, 10) : LOAD_GROUP;
    char folder[] = "bench-commit-XXXXXX";
    struct bench bench = {0};
    random_stream_init(&ids, seed, 0);
    if (bare) {
        return bare_alone(argc > 2 ? argv[2] : ".", documents);
    }
    enter_new_folder(argc > 1 ? argv[1] : ".", folder);

    commit_in_memory(documents);
    open_disk(&bench.disk);
    open_bare(&bench.synced, "synced", 0, documents);
    open_bare(&bench.unsynced, "unsynced", MDB_NOSYNC, documents);
    open_store(&bench.threaded, "threaded", true, documents);
    open_store(&bench.unthreaded, "unthreaded", false, documents);
    for (size_t i = 0; i < ROUNDS; i++) {
        one_round(&bench);
    }
    print_all();
    read_store(&bench.threaded, "store_lmdb_read");

    store_close(bench.threaded.store);
    store_close(bench.unthreaded.store);
    mdb_env_close(bench.synced.env);
    mdb_env_close(bench.unsynced.env);
    printf("{\"name\": \"folder\", \"path\": \"%s\"}\n", folder);
    return 0;
}
