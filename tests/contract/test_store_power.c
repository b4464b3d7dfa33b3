/*
 * Power cuts. Writers commit on a disk that forgets what was not synced (support/disk.h), the power
 * goes at a random write or sync, and the store is opened on what such a disk could hold then. All
 * that was answered is there, each commit is whole or absent, and the audit chain has no gap. So it
 * goes on, on that disk, to the next cut: also while the folder is being made, while the log is
 * being recovered, while old versions are being removed.
 *
 * A store that forgets a sync fails here within a few rounds, as does one under a library in
 * LD_PRELOAD that makes syncs do nothing. The seed is printed; CORDON_TEST_SEED repeats it, though
 * not the turns that threads take.
 */
#include "contract/harness.h"

#include "base/hash.h"
#include "base/random.h"
#include "support/disk.h"
#include "support/seed.h"
#include "support/size.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    TENANT = 7,
    WRITERS = 3,
    CUTS_PER_FOLDER = 6,
    CALLS_MAX = 400,    /* writes and syncs before the power goes */
    FEW_CALLS_MAX = 14, /* the same, while the folder is made or the log recovered */
    TEXT_BYTES_MAX = 30000,
    LAST = 1000000, /* the document that each commit of a writer writes over */
};

struct round {
    uint64_t seed;
    struct folder folder;       /* the disk */
    struct folder left;         /* what is left of it */
    uint64_t answered[WRITERS]; /* documents 0 .. answered - 1 are there */
};

static uint64_t draw(uint64_t seed, uint64_t number, uint64_t below)
{
    return hash_fast(slice_of(&number, sizeof number), seed) % below;
}

static uint64_t draw_calls(uint64_t seed)
{
    return 1 + draw(seed, 2, draw(seed, 3, 3) == 0 ? FEW_CALLS_MAX : CALLS_MAX);
}

static struct store_options options_of(uint64_t seed)
{
    return (struct store_options){
        .flusher_thread = true,
        .map_bytes = (uint64_t)1 << 30,
        .disk_reserve_bytes = 1,
        .window_ms = 20,
        .checkpoint_ms = 1 + draw(seed, 1, 20),
    };
}

/* The text of one document, of a size and content that are its own. */
static void write_text(uint32_t writer, uint64_t n, char text[TEXT_BYTES_MAX + 1])
{
    const uint64_t large = draw(writer, n, 8) == 0 ? TEXT_BYTES_MAX - 100 : 200;
    const size_t size = 20 + (size_t)draw(writer + 100, n, large);
    memset(text, 'a' + (int)(n % 26), size);
    text[size] = '\0';
    const int head = snprintf(text, 20, "%u/%d", writer, (int)n);
    text[head] = '.';
}

/* -- Writing until the power goes -------------------------------------------------------------- */

struct writer {
    struct store *store;
    uint32_t number;
    uint64_t next;
    int told; /* where answers go */
};

/* The embedded store answers at once, but for the commit. */
static cordon_error *write_one(const struct writer *writer, struct store_txn *txn)
{
    char name[8];
    char text[TEXT_BYTES_MAX + 1];
    enum store_step step = STORE_PENDING;
    uint32_t table = 0;
    bool found = false;
    struct slice body = {0};
    (void)snprintf(name, sizeof name, "w%u", writer->number);
    write_text(writer->number, writer->next, text);
    TRY(store_table_ensure(txn, slice_str(name), &step, &table));
    const struct store_id id = doc_id(table, writer->next);
    const struct store_id last = doc_id(table, LAST);
    TRY(store_put(txn, &id, (double)writer->next, slice_str(text)));
    TRY(store_get(txn, &last, &step, &found, &body));
    return store_put(txn, &last, LAST, slice_str(text));
}

/* False if others were faster, with a table's number, or this thread too slow for the window. */
static bool commit_one(const struct writer *writer)
{
    struct client client;
    client_begin(&client, writer->store, TENANT);
    cordon_error *error = write_one(writer, client.txn);
    if (error != NULL) {
        require_error(error, CORDON_E_CONFLICT, "begin again");
        client_end(&client);
        return false;
    }
    return !client_commit(&client, "{}").conflict;
}

static void *write_for_ever(void *arg)
{
    struct writer *writer = arg;
    for (;;) {
        if (commit_one(writer)) {
            const uint64_t report[2] = {writer->number, writer->next};
            REQUIRE(write(writer->told, report, sizeof report) == (ssize_t)sizeof report);
            writer->next++;
        }
    }
    return NULL;
}

/* The child: never returns, as the power goes. */
static _Noreturn void write_until_the_power_goes(const struct round *round, int told)
{
    const struct disk_plan plan = {
        .folder = round->folder.path,
        .power_calls = draw_calls(round->seed),
        .seed = round->seed,
        .left = round->left.path,
    };
    const struct store_options options = options_of(round->seed);
    struct store *store = NULL;
    disk_arm(&plan);
    OK(store_open_lmdb(round->folder.path, &options, &store));
    struct writer writers[WRITERS];
    pthread_t threads[WRITERS];
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){store, i, round->answered[i], told};
        REQUIRE(pthread_create(&threads[i], NULL, write_for_ever, &writers[i]) == 0);
    }
    (void)pthread_join(threads[0], NULL);
    _exit(1);
}

/* -- What is left ------------------------------------------------------------------------------ */

static void copy_file(const struct folder *from, const struct folder *to, const char *name)
{
    char path[600];
    char bytes[1 << 16];
    ssize_t got = 0;
    (void)snprintf(path, sizeof path, "%s/%s", from->path, name);
    const int in = open(path, O_RDONLY | O_CLOEXEC);
    if (in < 0) {
        return; /* its name was not safe */
    }
    (void)snprintf(path, sizeof path, "%s/%s", to->path, name);
    const int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    REQUIRE(out >= 0);
    while ((got = read(in, bytes, sizeof bytes)) > 0) {
        REQUIRE(write(out, bytes, (size_t)got) == got);
    }
    REQUIRE(got == 0 && close(in) == 0 && close(out) == 0);
}

/* So that the next cut finds what this one left, and not what looking at it made of it. */
static void copy_folder(const struct folder *from, const struct folder *to)
{
    static const char *const names[] = {"data.mdb", "new.mdb", "log.0", "log.1"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        copy_file(from, to, names[i]);
    }
}

/* How many commits of a writer are there: all that were answered, and at most one more. */
static uint64_t count_commits(struct client *client, uint32_t writer, uint64_t answered)
{
    static char text[TEXT_BYTES_MAX + 1];
    char name[8];
    uint32_t table = 0;
    uint64_t n = 0;
    (void)snprintf(name, sizeof name, "w%u", writer);
    if (!client_find(client, name, &table)) {
        REQUIRE(answered == 0);
        return 0;
    }
    while (client_has(client, table, n)) {
        write_text(writer, n, text);
        client_expect(client, table, n, text);
        n++;
    }
    REQUIRE(n == answered || n == answered + 1);
    client_expect(client, table, LAST, n == 0 ? NULL : text);
    REQUIRE(!client_has(client, table, n + 1));
    return n;
}

static void check_what_is_left(struct round *round)
{
    struct folder copy;
    struct store *store = NULL;
    struct store_options options = options_of(round->seed);
    options.window_ms = 0; /* nobody hurries here */
    folder_make(&copy);
    copy_folder(&round->left, &copy);
    OK(store_open_lmdb(copy.path, &options, &store));
    struct client client;
    client_begin(&client, store, TENANT);
    uint64_t commits = 0;
    for (uint32_t i = 0; i < WRITERS; i++) {
        round->answered[i] = count_commits(&client, i, round->answered[i]);
        commits += round->answered[i];
    }
    struct audit_record record;
    uint64_t records = 0;
    while (client_audit(&client, records + 1, &record)) {
        records++;
    }
    REQUIRE(records == commits);
    client_end(&client);
    store_close(store);
    folder_remove(&copy);
}

/* -- Rounds ------------------------------------------------------------------------------------ */

/* Takes the answers in until the child is gone. */
static void hear_answers(struct round *round, int told)
{
    uint64_t report[2];
    while (read(told, report, sizeof report) == (ssize_t)sizeof report) {
        REQUIRE(report[0] < WRITERS && report[1] == round->answered[report[0]]);
        round->answered[report[0]]++;
    }
    (void)close(told);
}

static void cut_power_once(struct round *round)
{
    int told[2];
    int status = 0;
    folder_make(&round->left);
    REQUIRE(pipe(told) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        (void)close(told[0]);
        write_until_the_power_goes(round, told[1]);
    }
    (void)close(told[1]);
    hear_answers(round, told[0]);
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == DISK_POWER_WENT);
    check_what_is_left(round);
    folder_remove(&round->folder);
    round->folder = round->left;
}

static void power_cuts_lose_no_answered_commit(void **state)
{
    (void)state;
    const uint64_t seed = test_seed();
    const size_t folders = test_size(25);
    uint64_t commits = 0;
    for (size_t i = 0; i < folders; i++) {
        struct round round = {0};
        folder_make(&round.folder);
        for (uint64_t cut = 0; cut < CUTS_PER_FOLDER; cut++) {
            round.seed = seed + i * CUTS_PER_FOLDER + cut;
            cut_power_once(&round);
        }
        for (uint32_t w = 0; w < WRITERS; w++) {
            commits += round.answered[w];
        }
        folder_remove(&round.folder);
    }
    (void)printf(
        "%zu cuts, %llu commits\n", folders * CUTS_PER_FOLDER, (unsigned long long)commits);
    REQUIRE(commits >= folders); /* there was something to lose */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_cuts_lose_no_answered_commit),
    };
    return cmocka_run_group_tests_name("store/power", tests, NULL, NULL);
}
