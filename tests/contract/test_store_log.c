/*
 * The log before LMDB: what a process that ended without closing leaves in it is there after the
 * next opening, a record cut off at the end is left out, and any other damage is named.
 */
#include "contract/harness.h"

#include "base/memory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { TENANT = 7, DOCUMENTS = 10, PAGE_BYTES = 4096 };

/* With a checkpoint by bytes alone, however slow the machine is. */
static const struct store_options options = {
    .flusher_thread = true,
    .map_bytes = (uint64_t)1 << 30,
    .disk_reserve_bytes = 1,
    .checkpoint_ms = 3600000,
};

/* Commits documents `from` .. `to` - 1, one commit each, and ends without closing. */
static void commit_and_vanish(const struct folder *folder, uint64_t from, uint64_t to)
{
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        struct store *store = NULL;
        OK(store_open_lmdb(folder->path, &options, &store));
        for (uint64_t n = from; n < to; n++) {
            struct client client;
            client_begin(&client, store, TENANT);
            client_put(&client, client_table(&client, "t"), n, (double)n, "logged");
            REQUIRE(!client_commit(&client, "{}").conflict);
        }
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Requires documents 0 .. count - 1 and no other, and as many audit records. */
static void expect_documents(struct store *store, uint64_t count)
{
    struct client client;
    struct audit_record record;
    uint32_t table = 0;
    client_begin(&client, store, TENANT);
    REQUIRE(client_find(&client, "t", &table) == (count > 0));
    for (uint64_t n = 0; n <= 2 * DOCUMENTS && count > 0; n++) {
        client_expect(&client, table, n, n < count ? "logged" : NULL);
    }
    REQUIRE(count == 0 || client_audit(&client, count, &record));
    REQUIRE(!client_audit(&client, count + 1, &record));
    client_end(&client);
}

static void open_and_expect(const struct folder *folder, uint64_t count)
{
    struct store *store = NULL;
    OK(store_open_lmdb(folder->path, &options, &store));
    expect_documents(store, count);
    store_close(store);
}

static int open_log(const struct folder *folder, unsigned number)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/log.%u", folder->path, number);
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    REQUIRE(fd >= 0);
    return fd;
}

static void flip(const struct folder *folder, off_t at)
{
    const int fd = open_log(folder, 0);
    uint8_t byte = 0;
    REQUIRE(pread(fd, &byte, 1, at) == 1);
    byte ^= 0x10;
    REQUIRE(pwrite(fd, &byte, 1, at) == 1 && close(fd) == 0);
}

static void cut(const struct folder *folder, off_t size)
{
    const int fd = open_log(folder, 0);
    REQUIRE(ftruncate(fd, size) == 0 && close(fd) == 0);
}

static void vanished_process_loses_nothing(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    commit_and_vanish(&folder, 0, 4);
    commit_and_vanish(&folder, 4, DOCUMENTS); /* recovers the first, and vanishes too */
    commit_and_vanish(&folder, 0, 0);         /* recovers, writes nothing */
    open_and_expect(&folder, DOCUMENTS);
    open_and_expect(&folder, DOCUMENTS);
    folder_remove(&folder);
}

static void log_is_read_without_a_thread_too(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    commit_and_vanish(&folder, 0, DOCUMENTS);
    struct store_options alone = options;
    alone.flusher_thread = false;
    struct store *store = NULL;
    OK(store_open_lmdb(folder.path, &alone, &store));
    expect_documents(store, DOCUMENTS);
    struct client client;
    client_begin(&client, store, TENANT); /* and what is written past the log stays */
    client_put(&client, client_table(&client, "t"), DOCUMENTS, DOCUMENTS, "logged");
    REQUIRE(!client_commit(&client, "{}").conflict);
    store_close(store);
    commit_and_vanish(&folder, DOCUMENTS + 1, DOCUMENTS + 3);
    open_and_expect(&folder, DOCUMENTS + 3);
    folder_remove(&folder);
}

/* Each commit is one record of one page here, so a cut at page n keeps n of them. */
static void record_cut_off_is_left_out(void **state)
{
    (void)state;
    static const off_t into_page[] = {0, 1, 47, 48, 200};
    for (size_t i = 0; i < sizeof into_page / sizeof into_page[0]; i++) {
        for (uint64_t kept = 1; kept < DOCUMENTS; kept += 4) {
            struct folder folder;
            folder_make(&folder);
            commit_and_vanish(&folder, 0, DOCUMENTS);
            cut(&folder, (off_t)kept * PAGE_BYTES + into_page[i]);
            open_and_expect(&folder, kept);
            commit_and_vanish(&folder, kept, DOCUMENTS); /* and it goes on from there */
            open_and_expect(&folder, DOCUMENTS);
            folder_remove(&folder);
        }
    }
}

/* Of the last record's page, the part behind its rows holds nothing. */
static void padding_cut_off_loses_nothing(void **state)
{
    (void)state;
    enum { KEPT = 5 };
    struct folder folder;
    folder_make(&folder);
    commit_and_vanish(&folder, 0, DOCUMENTS);
    cut(&folder, KEPT * PAGE_BYTES - 1000);
    open_and_expect(&folder, KEPT);
    open_and_expect(&folder, KEPT); /* then and later */
    commit_and_vanish(&folder, KEPT, DOCUMENTS);
    open_and_expect(&folder, DOCUMENTS);
    folder_remove(&folder);
}

static void last_record_damaged_is_as_cut_off(void **state)
{
    (void)state;
    static const off_t offsets[] = {0, 8, 16, 24, 32, 40, 48, 60, 100, 250};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        struct folder folder;
        folder_make(&folder);
        commit_and_vanish(&folder, 0, DOCUMENTS);
        flip(&folder, (DOCUMENTS - 1) * PAGE_BYTES + offsets[i]);
        open_and_expect(&folder, DOCUMENTS - 1);
        folder_remove(&folder);
    }
}

static void record_damaged_in_between_is_named(void **state)
{
    (void)state;
    static const off_t offsets[] = {0, 9, 20, 25, 33, 47, 50, 57, 200};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        struct folder folder;
        struct store *store = NULL;
        folder_make(&folder);
        commit_and_vanish(&folder, 0, DOCUMENTS);
        const off_t at = (off_t)(i % (DOCUMENTS - 1)) * PAGE_BYTES + offsets[i];
        flip(&folder, at);
        require_error(
            store_open_lmdb(folder.path, &options, &store), CORDON_E_STORE,
            "the log of the data folder is damaged: commits between");
        flip(&folder, at); /* nothing was changed, so the repaired log is whole */
        open_and_expect(&folder, DOCUMENTS);
        folder_remove(&folder);
    }
}

/* A log that came from another data folder holds nothing of this one. */
static void foreign_log_is_passed_over(void **state)
{
    (void)state;
    struct folder ours;
    struct folder theirs;
    folder_make(&ours);
    folder_make(&theirs);
    commit_and_vanish(&ours, 0, 3);
    open_and_expect(&ours, 3); /* its log is in LMDB now */
    commit_and_vanish(&theirs, 0, DOCUMENTS);
    const int from = open_log(&theirs, 0);
    const int to = open_log(&ours, 0);
    char page[PAGE_BYTES];
    while (read(from, page, sizeof page) == (ssize_t)sizeof page) {
        REQUIRE(write(to, page, sizeof page) == (ssize_t)sizeof page);
    }
    REQUIRE(close(from) == 0 && close(to) == 0);
    open_and_expect(&ours, 3);
    folder_remove(&ours);
    folder_remove(&theirs);
}

/* Commits over many pages and both files, with checkpoints between; then a vanishing. */
static void files_take_turns(void **state)
{
    (void)state;
    enum { COMMITS = 12, LARGE = 2500000 };
    struct folder folder;
    folder_make(&folder);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        char *text = malloc(LARGE + 1);
        REQUIRE(text != NULL);
        struct store *store = NULL;
        OK(store_open_lmdb(folder.path, &options, &store));
        for (uint64_t n = 0; n < COMMITS; n++) {
            struct client client;
            memset(text, 'a' + (int)n, LARGE);
            text[LARGE] = '\0';
            client_begin(&client, store, TENANT);
            client_put(&client, client_table(&client, "t"), n, (double)n, text);
            REQUIRE(!client_commit(&client, NULL).conflict);
        }
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    const int fd = open_log(&folder, 1);
    struct stat info;
    REQUIRE(fstat(fd, &info) == 0 && info.st_size > LARGE); /* the second file had its turn */
    REQUIRE(close(fd) == 0);
    struct store *store = NULL;
    OK(store_open_lmdb(folder.path, &options, &store));
    struct client client;
    client_begin(&client, store, TENANT);
    for (uint64_t n = 0; n < COMMITS; n++) {
        const struct store_id id = doc_id(10001, n);
        bool found = false;
        struct slice body = {0};
        OK(client_try_get(&client, &id, &found, &body));
        REQUIRE(found && body.size == LARGE);
        REQUIRE(body.data[0] == 'a' + n && body.data[LARGE - 1] == 'a' + n);
    }
    client_end(&client);
    store_close(store);
    folder_remove(&folder);
}

static void recovery_runs_out_of_memory(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    commit_and_vanish(&folder, 0, DOCUMENTS);
    struct store_options alone = options;
    alone.flusher_thread = false; /* faults are for one thread */
    bool failed = true;
    for (uint64_t nth = 1; failed; nth++) {
        struct store *store = NULL;
        (void)mem_fail_nth(nth);
        cordon_error *error = store_open_lmdb(folder.path, &alone, &store);
        (void)mem_fail_nth(0);
        failed = error != NULL;
        if (failed) {
            require_error(error, CORDON_E_NO_MEMORY, "memory");
        } else {
            expect_documents(store, DOCUMENTS);
        }
        store_close(store);
        REQUIRE(nth < 1000);
    }
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vanished_process_loses_nothing),
        cmocka_unit_test(log_is_read_without_a_thread_too),
        cmocka_unit_test(record_cut_off_is_left_out),
        cmocka_unit_test(padding_cut_off_loses_nothing),
        cmocka_unit_test(last_record_damaged_is_as_cut_off),
        cmocka_unit_test(record_damaged_in_between_is_named),
        cmocka_unit_test(foreign_log_is_passed_over),
        cmocka_unit_test(files_take_turns),
        cmocka_unit_test(recovery_runs_out_of_memory),
    };
    return cmocka_run_group_tests_name("store/log", tests, NULL, NULL);
}
