/*
 * Reads never block writers, nor writers reads. Nothing here looks at a clock: where one waits for
 * the other, this test does not end.
 *
 * A transaction that reads stays open, in the middle of a scan, while one thread makes thousands of
 * commits into what it reads. And the disk is held (support/disk.h), so that a commit is under way
 * and cannot end, while the same thread reads that commit, and makes others behind it.
 */
#include "contract/harness.h"

#include "support/disk.h"
#include "support/size.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { TENANT = 7, DOCUMENTS = 40, WAITING = 100 };

static void write_one(struct client *client, struct store *store, uint64_t n, const char *text)
{
    client_begin(client, store, TENANT);
    const uint32_t table = client_table(client, "t");
    client_put(client, table, n, (double)n, text);
}

static void commit_one(struct store *store, uint64_t n, const char *text)
{
    struct client client;
    write_one(&client, store, n, text);
    REQUIRE(!client_commit(&client, NULL).conflict);
}

static void fill(struct store *store)
{
    for (uint64_t n = 0; n < DOCUMENTS; n++) {
        commit_one(store, n, "old");
    }
}

/* One step of a scan, which must find the old text. */
static void expect_old(struct client *reader, struct store_scan *scan)
{
    struct slice body = {0};
    REQUIRE(client_next(reader, scan, &body));
    REQUIRE(slice_equal(body, SLICE("old")));
}

/* -- A reader in the way of writers ------------------------------------------------------------ */

static void scan_while_committing(const struct backend_maker *maker, uint64_t commits)
{
    struct world world;
    struct client reader;
    struct store_scan *scan = NULL;
    struct slice body = {0};
    world_open(&world, maker);
    if (maker->lmdb) {
        world.options.checkpoint_ms = 1; /* so that the database is written meanwhile, too */
        world_reopen(&world);
    }
    fill(world.store);
    client_begin(&reader, world.store, TENANT);
    const uint32_t table = client_table(&reader, "t");
    OK(store_scan_open(reader.txn, STORE_WHOLE_TABLE(table, STORE_ASCENDING), &scan));
    for (uint64_t n = 0; n < DOCUMENTS; n++) {
        expect_old(&reader, scan);
        client_expect(&reader, table, DOCUMENTS - 1 - n, "old");
        for (uint64_t i = 0; i < commits / DOCUMENTS; i++) {
            commit_one(world.store, (n + i) % DOCUMENTS, "new");
        }
    }
    REQUIRE(!client_next(&reader, scan, &body));
    store_scan_close(scan);
    REQUIRE(!client_commit(&reader, NULL).conflict);
    world_close(&world);
}

/* No more than a transaction may be open for, 60 s. */
static uint64_t commits_of(size_t at_100)
{
    const size_t size = test_size(at_100);
    return DOCUMENTS * (size < 4 * at_100 ? size : 4 * at_100);
}

static void an_open_scan_holds_up_no_commit(void **state)
{
    (void)state;
    for (size_t i = 0; i < backend_maker_count; i++) {
        const struct backend_maker *const maker = &backend_makers[i];
        const bool slow = maker->lmdb || maker->delay_ms >= 0;
        scan_while_committing(maker, commits_of(slow ? 20 : 500));
    }
}

/* -- A writer in the way of readers ------------------------------------------------------------ */

static void wait_until_held(void)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    while (disk_held() == 0) {
        (void)nanosleep(&moment, NULL);
    }
}

static void open_held(
    struct folder *folder, const char *only, uint64_t checkpoint_ms, struct store **out_store)
{
    const struct store_options options = {
        .flusher_thread = true,
        .map_bytes = (uint64_t)1 << 30,
        .disk_reserve_bytes = 1,
        .checkpoint_ms = checkpoint_ms,
    };
    folder_make(folder);
    const struct disk_plan plan = {.folder = folder->path, .only = only};
    OK(store_open_lmdb(folder->path, &options, out_store));
    disk_arm(&plan);
    fill(*out_store);
    disk_hold();
}

/* Whole transactions that read, by point and by scan, and find this many new texts. */
static void read_all(struct store *store, size_t new_texts)
{
    struct client client;
    struct store_scan *scan = NULL;
    struct slice body = {0};
    size_t found = 0;
    client_begin(&client, store, TENANT);
    const uint32_t table = client_table(&client, "t");
    OK(store_scan_open(client.txn, STORE_WHOLE_TABLE(table, STORE_DESCENDING), &scan));
    while (client_next(&client, scan, &body)) {
        found += slice_equal(body, SLICE("new"));
    }
    store_scan_close(scan);
    REQUIRE(found == new_texts);
    REQUIRE(client_has(&client, table, 0));
    REQUIRE(client.pending == 0); /* no read had to wait */
    client_end(&client);
}

/* A commit that is visible, and that cannot be durable yet. */
static void begin_to_commit(struct client *client, struct store *store, uint64_t n)
{
    const struct store_commit_facts facts = {0};
    enum store_step step = STORE_DONE;
    struct store_commit_result result = {0};
    const uint64_t before = store_visible_ts(store);
    write_one(client, store, n, "new");
    OK(store_commit(client->txn, &facts, &step, &result));
    REQUIRE(step == STORE_PENDING);
    REQUIRE(store_visible_ts(store) > before);
}

static void finish_commit(struct client *client)
{
    client_wait(client);
    REQUIRE(!client_commit(client, NULL).conflict);
}

static void read_and_commit_behind_a_commit(void)
{
    static struct client clients[WAITING];
    struct folder folder;
    struct store *store = NULL;
    open_held(&folder, "log.", 0, &store);
    const uint64_t durable = store_durable_ts(store);
    begin_to_commit(&clients[0], store, DOCUMENTS);
    wait_until_held();
    for (size_t i = 1; i < WAITING; i++) {
        read_all(store, i);
        begin_to_commit(&clients[i], store, DOCUMENTS + i);
    }
    read_all(store, WAITING);
    REQUIRE(disk_held() > 0 && store_durable_ts(store) == durable);
    disk_release();
    for (size_t i = 0; i < WAITING; i++) {
        finish_commit(&clients[i]);
    }
    REQUIRE(store_durable_ts(store) == store_visible_ts(store));
    store_close(store);
    folder_remove(&folder);
}

static void read_and_commit_behind_the_database(void)
{
    struct folder folder;
    struct store *store = NULL;
    open_held(&folder, "data.mdb", 1, &store);
    commit_one(store, DOCUMENTS, "new");
    wait_until_held();
    for (size_t i = 1; i < WAITING; i++) {
        read_all(store, i);
        commit_one(store, DOCUMENTS + i, "new"); /* durable by the log */
    }
    read_all(store, WAITING);
    REQUIRE(disk_held() > 0); /* and so it was all the time: nobody else lets it go */
    disk_release();
    store_close(store);
    folder_remove(&folder);
}

/* In a process of its own: a disk is armed for one folder. */
static void in_a_child(void (*body)(void))
{
    int status = 0;
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        body();
        _exit(0);
    }
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void reads_and_commits_go_on_behind_a_commit_that_is_being_synced(void **state)
{
    (void)state;
    in_a_child(read_and_commit_behind_a_commit);
}

static void reads_and_commits_go_on_while_the_database_is_being_written(void **state)
{
    (void)state;
    in_a_child(read_and_commit_behind_the_database);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_scan_holds_up_no_commit),
        cmocka_unit_test(reads_and_commits_go_on_behind_a_commit_that_is_being_synced),
        cmocka_unit_test(reads_and_commits_go_on_while_the_database_is_being_written),
    };
    return cmocka_run_group_tests_name("store/reads", tests, NULL, NULL);
}
