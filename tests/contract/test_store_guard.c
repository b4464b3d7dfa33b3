/*
 * Damage that is met at opening and while a store is open: it is looked for before LMDB opens the
 * file, and a fault in the map ends the process with one line and exit code 5, where every other
 * fault goes where it went before.
 */
#include "contract/harness.h"

#include "store/kv.h"
#include "support/disk.h"
#include "support/size.h"
#include "upkeep/check.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { TENANT = 7, PAGE = 4096, SMALL = 40, TEXT_BYTES = 3000, OURS = 42, WORDS_BYTES = 2000 };

static const struct store_options options = {
    .map_bytes = (uint64_t)1 << 30, .disk_reserve_bytes = 1, .guard_faults = true};

/* Without the handlers, which are for good: each child is to have them from the start. */
static const struct store_options unguarded = {
    .map_bytes = (uint64_t)1 << 30, .disk_reserve_bytes = 1};

/* Documents 0 .. count - 1, all of them in the data file. */
static void make_data(struct folder *folder, uint64_t count)
{
    char text[TEXT_BYTES];
    struct store *store = NULL;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    folder_make(folder);
    OK(store_open_lmdb(folder->path, &unguarded, &store));
    for (uint64_t n = 0; n < count;) {
        struct client client;
        client_begin(&client, store, TENANT);
        const uint32_t table = client_table(&client, "t");
        for (const uint64_t end = n + 50; n < count && n < end; n++) {
            client_put(&client, table, n, (double)n, text);
        }
        REQUIRE(!client_commit(&client, NULL).conflict);
    }
    store_close(store);
}

static void path_of(const struct folder *folder, char out_path[600])
{
    (void)snprintf(out_path, 600, "%s/data.mdb", folder->path);
}

static size_t size_of(const char *path)
{
    struct stat info;
    REQUIRE(stat(path, &info) == 0);
    return (size_t)info.st_size;
}

static void overwrite(const char *path, size_t at, const void *bytes, size_t size)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    REQUIRE(fd >= 0 && pwrite(fd, bytes, size, (off_t)at) == (ssize_t)size && close(fd) == 0);
}

/* -- Faults ------------------------------------------------------------------------------------ */

static void read_all(struct store *store)
{
    struct client client;
    client_begin(&client, store, TENANT);
    for (uint64_t n = 0; n < SMALL; n++) {
        (void)client_has(&client, 10001, n);
    }
    client_end(&client);
}

/* The file is cut under the store's feet. */
static void fault_in_map(const struct folder *folder)
{
    char path[600];
    struct store *store = NULL;
    path_of(folder, path);
    OK(store_open_lmdb(folder->path, &options, &store));
    read_all(store);
    REQUIRE(truncate(path, (off_t)2 * PAGE) == 0);
    read_all(store);
}

static void fault_in_map_of_second(const struct folder *folder)
{
    struct folder other;
    struct store *store = NULL;
    make_data(&other, 1);
    OK(store_open_lmdb(other.path, &options, &store));
    folder_remove(&other);
    fault_in_map(folder);
}

/* A commit that only the log has, of a process that ended at once. */
static void leave_log(const struct folder *folder)
{
    const pid_t child = fork();
    int status = 0;
    REQUIRE(child >= 0);
    if (child == 0) {
        struct store_options logging = unguarded;
        struct store *store = NULL;
        struct client client;
        logging.flusher_thread = true;
        logging.checkpoint_ms = 3600000;
        OK(store_open_lmdb(folder->path, &logging, &store));
        client_begin(&client, store, TENANT);
        client_put(&client, client_table(&client, "t"), SMALL, SMALL, "in the log");
        REQUIRE(!client_commit(&client, NULL).conflict);
        _exit(0);
    }
    REQUIRE(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void *cut_when_held(void *arg)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    while (disk_held() == 0) {
        (void)nanosleep(&moment, NULL);
    }
    REQUIRE(truncate(arg, 0) == 0);
    disk_release();
    return NULL;
}

/* The file is cut while the log is brought into it. */
static void fault_while_opening(const struct folder *folder)
{
    const struct disk_plan plan = {.folder = folder->path, .only = "data.mdb"};
    char path[600];
    pthread_t thread;
    struct store *store = NULL;
    leave_log(folder);
    path_of(folder, path);
    disk_arm(&plan);
    disk_hold();
    REQUIRE(pthread_create(&thread, NULL, cut_when_held, path) == 0);
    REQUIRE(pthread_detach(thread) == 0); /* the process ends before it */
    OK(store_open_lmdb(folder->path, &options, &store));
}

static void fault_elsewhere(void)
{
    volatile int *nowhere =
        (volatile int *)mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *nowhere = 1;
}

static void open_and_fault_elsewhere(const struct folder *folder)
{
    struct store *store = NULL;
    OK(store_open_lmdb(folder->path, &options, &store));
    fault_elsewhere();
}

static void be_told(int signal_number)
{
    _exit(signal_number == SIGSEGV ? OURS : 1);
}

static void be_told_where(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    _exit(signal_number == SIGSEGV && info->si_addr != NULL ? OURS : 1);
}

static void fault_with_a_handler(const struct folder *folder)
{
    const struct sigaction action = {.sa_handler = be_told};
    REQUIRE(sigaction(SIGSEGV, &action, NULL) == 0);
    open_and_fault_elsewhere(folder);
}

static void fault_with_a_handler_for_places(const struct folder *folder)
{
    const struct sigaction action = {.sa_sigaction = be_told_where, .sa_flags = SA_SIGINFO};
    REQUIRE(sigaction(SIGSEGV, &action, NULL) == 0);
    open_and_fault_elsewhere(folder);
}

static void be_sent_a_signal(const struct folder *folder)
{
    struct store *store = NULL;
    OK(store_open_lmdb(folder->path, &options, &store));
    (void)raise(SIGBUS);
}

static void close_and_fault(const struct folder *folder)
{
    struct store *store = NULL;
    for (int i = 0; i < 100; i++) { /* more than may be watched at one time */
        OK(store_open_lmdb(folder->path, &options, &store));
        store_close(store);
    }
    fault_elsewhere();
}

static const struct {
    void (*run)(const struct folder *folder);
    int code;   /* -1: a signal ended it */
    int signal; /* then */
} faults[] = {
    {fault_in_map, 5, 0},
    {fault_in_map_of_second, 5, 0},
    {fault_while_opening, 5, 0},
    {open_and_fault_elsewhere, -1, SIGSEGV},
    {fault_with_a_handler, OURS, 0},
    {fault_with_a_handler_for_places, OURS, 0},
    {be_sent_a_signal, -1, SIGBUS},
    {close_and_fault, -1, SIGSEGV},
};

/* What the child said, and how it ended. */
static int run_child(
    void (*run)(const struct folder *folder), const struct folder *folder, char words[WORDS_BYTES])
{
    static const int all[] = {SIGSEGV, SIGBUS};
    int said[2];
    REQUIRE(pipe(said) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        for (size_t i = 0; i < 2; i++) { /* those of cmocka, or of a sanitizer */
            (void)signal(all[i], SIG_DFL);
        }
        REQUIRE(dup2(said[1], STDERR_FILENO) == STDERR_FILENO);
        run(folder);
        _exit(0);
    }
    (void)close(said[1]);
    size_t size = 0;
    ssize_t got = 0;
    while (size < WORDS_BYTES - 1 &&
           (got = read(said[0], words + size, WORDS_BYTES - 1 - size)) > 0) {
        size += (size_t)got;
    }
    words[size] = '\0';
    (void)close(said[0]);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    return status;
}

static void faults_go_where_they_belong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct folder folder;
        char words[WORDS_BYTES];
        char wanted[600];
        make_data(&folder, SMALL);
        const int status = run_child(faults[i].run, &folder, words);
        const bool as_wanted = faults[i].code >= 0
                                   ? WIFEXITED(status) && WEXITSTATUS(status) == faults[i].code
                                   : WIFSIGNALED(status) && WTERMSIG(status) == faults[i].signal;
        (void)snprintf(
            wanted, sizeof wanted,
            "cordon: reading data.mdb in the data folder '%s' failed, and the process ends: the "
            "disk fails, or the file was cut or damaged; `cordon verify` says more\n",
            folder.path);
        if (!as_wanted || strcmp(words, faults[i].code == 5 ? wanted : "") != 0) {
            (void)fprintf(stderr, "case %zu: status %x, said: %s\n", i, (unsigned)status, words);
        }
        REQUIRE(as_wanted);
        REQUIRE(strcmp(words, faults[i].code == 5 ? wanted : "") == 0);
        folder_remove(&folder);
    }
}

/* -- Before opening ---------------------------------------------------------------------------- */

static void sound_and_new_folders_pass(void **state)
{
    (void)state;
    struct folder folder;
    struct store *store = NULL;
    folder_make(&folder);
    OK(check_before_opening(folder.path));
    OK(check_before_opening("/nowhere/at/all"));
    folder_remove(&folder);
    make_data(&folder, SMALL);
    OK(check_before_opening(folder.path));
    OK(store_open_lmdb(folder.path, &unguarded, &store)); /* whose lock is left alone */
    OK(check_before_opening(folder.path));
    store_close(store);
    OK(check_before_opening(folder.path));
    folder_remove(&folder);
}

/* Each page of a small file, lost: it is told, or nothing needs it and all documents are there. */
static void lost_pages_are_met(void **state)
{
    (void)state;
    struct folder folder;
    char path[600];
    char kept[PAGE];
    static const char zeros[PAGE];
    size_t told = 0;
    make_data(&folder, SMALL);
    path_of(&folder, path);
    const size_t pages = size_of(path) / PAGE;
    for (size_t page = 0; page < pages; page++) {
        const int fd = open(path, O_RDONLY | O_CLOEXEC);
        REQUIRE(fd >= 0 && pread(fd, kept, PAGE, (off_t)(page * PAGE)) == PAGE && close(fd) == 0);
        overwrite(path, page * PAGE, zeros, PAGE);
        cordon_error *error = check_before_opening(folder.path);
        if (error != NULL) {
            require_error(error, CORDON_E_STORE, "the data file is");
            told++;
        } else {
            struct store *store = NULL;
            struct client client;
            OK(store_open_lmdb(folder.path, &unguarded, &store));
            client_begin(&client, store, TENANT);
            for (uint64_t n = 0; n < SMALL; n++) {
                REQUIRE(client_has(&client, 10001, n));
            }
            client_end(&client);
            store_close(store);
        }
        overwrite(path, page * PAGE, kept, PAGE);
    }
    REQUIRE(told > SMALL / 2);
    OK(check_before_opening(folder.path));
    REQUIRE(truncate(path, (off_t)(pages / 2 * PAGE)) == 0);
    require_error(check_before_opening(folder.path), CORDON_E_STORE, "it was cut short");
    folder_remove(&folder);
}

static void change_something(const struct folder *folder, double time)
{
    struct store *store = NULL;
    struct client client;
    OK(store_open_lmdb(folder->path, &unguarded, &store));
    client_begin(&client, store, TENANT);
    client_put(&client, client_table(&client, "t"), SMALL + (uint64_t)time, time, "more");
    REQUIRE(!client_commit(&client, NULL).conflict);
    store_close(store);
}

static void require_documents(const struct folder *folder)
{
    struct store *store = NULL;
    struct client client;
    OK(store_open_lmdb(folder->path, &unguarded, &store));
    client_begin(&client, store, TENANT);
    const uint32_t table = client_table(&client, "t");
    for (uint64_t n = 0; n < SMALL / 2; n++) {
        REQUIRE(client_has(&client, table, n));
    }
    client_end(&client);
    store_close(store);
}

/*
 * A transaction's pages at the end that it has given back are never written. So a file may be
 * shorter than its pages, by free ones: it gets its length, and no more of it may be lacking.
 */
static void free_pages_at_the_end_may_be_missing(void **state)
{
    (void)state;
    struct folder folder;
    struct store *store = NULL;
    struct client client;
    char path[600];
    make_data(&folder, SMALL);
    OK(store_open_lmdb(folder.path, &unguarded, &store));
    client_begin(&client, store, TENANT);
    for (uint64_t n = SMALL / 2; n < SMALL; n++) {
        client_remove(&client, client_table(&client, "t"), n, (double)n);
    }
    REQUIRE(!client_commit(&client, NULL).conflict);
    store_close(store);
    for (double time = 1; time < 6; time++) {
        change_something(&folder, time); /* what is written moves to pages that were freed before */
    }
    path_of(&folder, path);
    const size_t pages = size_of(path) / PAGE;
    size_t left = pages - 1;
    REQUIRE(truncate(path, (off_t)(left * PAGE)) == 0);
    cordon_error *error = check_before_opening(folder.path);
    while (error == NULL) {
        REQUIRE(size_of(path) == pages * PAGE);
        require_documents(&folder);
        left--;
        REQUIRE(truncate(path, (off_t)(left * PAGE)) == 0);
        error = check_before_opening(folder.path);
    }
    REQUIRE(left < pages - 1);
    require_error(error, CORDON_E_STORE, "it was cut short");
    REQUIRE(size_of(path) == left * PAGE);
    folder_remove(&folder);
}

/* A file that is too large to be walked over: half of its pages are gone. */
static void large_files_are_sampled(void **state)
{
    (void)state;
    enum { LARGE = 4000, WALKED_PAGES_MAX = 2048 };
    struct folder folder;
    char path[600];
    static const char zeros[PAGE];
    make_data(&folder, LARGE);
    path_of(&folder, path);
    const size_t pages = size_of(path) / PAGE;
    REQUIRE(pages > WALKED_PAGES_MAX);
    OK(check_before_opening(folder.path));
    for (size_t page = 2; page < pages; page += 2) {
        overwrite(path, page * PAGE, zeros, PAGE);
    }
    for (size_t i = 0; i < test_size(10); i++) {
        require_error(
            check_before_opening(folder.path), CORDON_E_STORE, "the data file is damaged");
    }
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_go_where_they_belong),
        cmocka_unit_test(sound_and_new_folders_pass),
        cmocka_unit_test(lost_pages_are_met),
        cmocka_unit_test(free_pages_at_the_end_may_be_missing),
        cmocka_unit_test(large_files_are_sampled),
    };
    return cmocka_run_group_tests_name("store/guard", tests, NULL, NULL);
}
