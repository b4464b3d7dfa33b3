/*
 * Another process that reads a snapshot of the data file and does not go on: it is seen as long as
 * it is there, is told of with its number, and a reader of one's own is none.
 */
#include "contract/harness.h"

#include "run/pin_watch.h"
#include "store/kv.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define TENANT 7
#define NS_PER_S ((uint64_t)1000000000)
#define START_NS (1000 * NS_PER_S)
#define HOUR_S 3600u

static const struct store_options options = {
    .map_bytes = (uint64_t)1 << 30, .disk_reserve_bytes = 1};

static void commit(struct store *store, const char *text)
{
    struct client client;
    client_begin(&client, store, TENANT);
    OK(store_row_put(client.txn, KEYSPACE_QUOTA, SLICE("row"), slice_str(text)));
    REQUIRE(!client_commit(&client, NULL).conflict);
}

/* Has a snapshot, and is stopped as a person or a supervisor stops a process. */
static pid_t stop_reader(const char *folder)
{
    const pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        struct kv_pin *pin = NULL;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        OK(kv_pin_open(folder, &pin));
        (void)raise(SIGSTOP);
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    return pid;
}

/* How often the log has a text. */
static unsigned count_in(int fd, const char *text)
{
    static char log[65536];
    const ssize_t size = pread(fd, log, sizeof log - 1, 0);
    REQUIRE(size >= 0);
    log[size] = '\0';
    unsigned count = 0;
    for (const char *at = log; (at = strstr(at, text)) != NULL; at++) {
        count++;
    }
    return count;
}

static void who_stops_is_told_of(void **state)
{
    (void)state;
    struct folder folder;
    struct store *store = NULL;
    struct log *log = NULL;
    struct pin_watch watch = {0};
    folder_make(&folder);
    OK(store_open_lmdb(folder.path, &options, &store));
    commit(store, "before");
    store_close(store);
    const int fd = memfd_create("log", MFD_CLOEXEC);
    REQUIRE(fd >= 0);
    OK(log_new(fd, LOG_JSON, &log));

    const pid_t pid = stop_reader(folder.path);
    OK(store_open_lmdb(folder.path, &options, &store));
    for (unsigned i = 0; i < 5; i++) {
        commit(store, "while somebody reads");
    }
    const struct {
        uint64_t at_s;
        uint64_t age_s;
        unsigned lines;
    } looks[] = {
        {0, 0, 0}, {7, 7, 0}, {599, 599, 0}, {600, 600, 1}, {700, 700, 1}, {600 + HOUR_S, 4200, 2},
    };
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
        const uint64_t now_ns = START_NS + looks[i].at_s * NS_PER_S;
        REQUIRE(pin_watch_look(&watch, store, log, now_ns) == looks[i].age_s);
        REQUIRE(count_in(fd, "data_file_pinned") == looks[i].lines);
    }
    char words[64];
    (void)snprintf(words, sizeof words, "kill -CONT %d) or end it (kill -KILL %d)", pid, pid);
    REQUIRE(count_in(fd, words) == 2);

    REQUIRE(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
    REQUIRE(pin_watch_look(&watch, store, log, START_NS + 9000 * NS_PER_S) == 0);
    REQUIRE(watch.pid == 0);
    log_free(log);
    store_close(store);
    (void)close(fd);
    folder_remove(&folder);
}

static void ones_own_readers_are_none(void **state)
{
    (void)state;
    struct folder folder;
    struct store *store = NULL;
    struct pin_watch watch = {0};
    struct client client;
    struct slice value = {0};
    folder_make(&folder);
    OK(store_open_lmdb(folder.path, &options, &store));
    commit(store, "a");
    client_begin(&client, store, TENANT);
    (void)client_row_get(&client, KEYSPACE_QUOTA, SLICE("row"), &value);
    REQUIRE(pin_watch_look(&watch, store, NULL, START_NS) == 0 && watch.pid == 0);
    client_end(&client);
    store_close(store);
    OK(store_open_memory(&options, &store));
    REQUIRE(pin_watch_look(&watch, store, NULL, START_NS) == 0 && watch.pid == 0);
    store_close(store);
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_stops_is_told_of),
        cmocka_unit_test(ones_own_readers_are_none),
    };
    return cmocka_run_group_tests_name("store/pin_watch", tests, NULL, NULL);
}
