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
#include "append.h"
#include "commits.h"

#include "base/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    ROUNDS = 20,
    COMMITS_PER_ROUND = 40, /* of one client */
    GROUPS_PER_ROUND = 10,  /* of 64 documents */
    RECORD_BYTES = 700,     /* of one document in the log */
    READS = 200000,
};

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
    int growing_fd;
    struct append log;
};

static void grow_once(struct disk *disk)
{
    must(
        write(disk->growing_fd, commits_filler, sizeof commits_filler) ==
            (ssize_t)sizeof commits_filler,
        "append");
    must(lseek(disk->growing_fd, 4096 - (off_t)sizeof commits_filler, SEEK_CUR) > 0, "seek");
    must(fdatasync(disk->growing_fd) == 0, "fdatasync");
}

static void open_disk(struct disk *disk)
{
    disk->growing_fd = open("append", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(disk->growing_fd >= 0, "open");
    append_open(&disk->log, "log");
}

/* -- Reading --------------------------------------------------------------------------------- */

/* Point reads of known documents, and a walk over the table. */
static void read_store(struct crowd *crowd, const char *name)
{
    enum { KNOWN = 512 };
    static struct store_id known[KNOWN];
    struct crowd_client client = {.crowd = crowd};
    crowd_begin(&client);
    for (size_t i = 0; i < KNOWN; i++) {
        const double time = commits_next_time();
        known[i] = commits_new_id(time);
        must_ok(store_put(client.txn, &known[i], time, slice_of(commits_filler, BODY_BYTES)));
    }
    while (crowd_commit(&client) == STORE_PENDING) {
        (void)crowd_wait(crowd);
    }
    store_end(&client.txn);

    enum store_step step = STORE_DONE;
    bool found = false;
    struct slice body = {0};
    crowd_begin_empty(&client);
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
    crowd_open(&crowd, NULL, false, documents);
    const uint64_t began = clock_thread_cpu_ns();
    crowd_drive(&crowd, 1, COMMITS);
    printf(
        "{\"name\": \"store_memory_commit\", \"cpu_us\": %.2f}\n",
        (double)(clock_thread_cpu_ns() - began) / 1000.0 / COMMITS);
    read_store(&crowd, "store_memory_read");
    crowd_close(&crowd);
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
        SAMPLE(fdatasync_append_4k, grow_once(&bench->disk));
        SAMPLE(log_append, append_once(&bench->disk.log, RECORD_BYTES));
        SAMPLE(lmdb_commit, bare_commit(&bench->synced, 1));
        SAMPLE(lmdb_commit_no_sync, bare_commit(&bench->unsynced, 1));
        SAMPLE(store_one_client, crowd_drive(&bench->threaded, 1, 1));
        SAMPLE(store_one_client_no_thread, crowd_drive(&bench->unthreaded, 1, 1));
    }
    for (size_t i = 0; i < GROUPS_PER_ROUND; i++) {
        SAMPLE(log_append_64, append_once(&bench->disk.log, CLIENTS * RECORD_BYTES));
        SAMPLE(lmdb_commit_64, bare_commit(&bench->synced, CLIENTS));
        SAMPLE(lmdb_commit_no_sync_64, bare_commit(&bench->unsynced, CLIENTS));
    }
    SAMPLE(store_64_clients, crowd_drive(&bench->threaded, CLIENTS, CLIENTS * GROUPS_PER_ROUND));
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
    struct append log;
    struct bare bare;
    random_system(seed, sizeof seed);
    commits_seed(seed);
    must(chdir(folder) == 0, "entering the folder");
    append_open(&log, "log");
    bare_open(&bare, "bare", false, documents);
    for (size_t i = 0; i < COMMITS; i++) {
        SAMPLE(lmdb_commit, bare_commit(&bare, 1));
        SAMPLE(log_append, append_once(&log, RECORD_BYTES));
    }
    print_samples(&lmdb_commit);
    print_samples(&log_append);
    bare_close(&bare);
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
    commits_seed(seed);
    if (bare) {
        return bare_alone(argc > 2 ? argv[2] : ".", documents);
    }
    enter_new_folder(argc > 1 ? argv[1] : ".", folder);

    commit_in_memory(documents);
    open_disk(&bench.disk);
    bare_open(&bench.synced, "synced", false, documents);
    bare_open(&bench.unsynced, "unsynced", true, documents);
    crowd_open(&bench.threaded, "threaded", true, documents);
    crowd_open(&bench.unthreaded, "unthreaded", false, documents);
    for (size_t i = 0; i < ROUNDS; i++) {
        one_round(&bench);
    }
    print_all();
    read_store(&bench.threaded, "store_lmdb_read");

    crowd_close(&bench.threaded);
    crowd_close(&bench.unthreaded);
    bare_close(&bench.synced);
    bare_close(&bench.unsynced);
    printf("{\"name\": \"folder\", \"path\": \"%s\"}\n", folder);
    return 0;
}
