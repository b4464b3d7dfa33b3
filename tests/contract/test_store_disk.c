/*
 * Disks that are full, and disks that fail. A full one refuses commits with words that say what to
 * do, while reading goes on, and takes commits again once there is room; a failed write or sync
 * gives no answer and ends the process with one line. Nothing that was answered is lost.
 *
 * Each case is a child process. What fills and fails is the disk of support/disk.h, and where one
 * may be mounted a small tmpfs as well, which knows more of what a kernel does.
 */
#include "contract/harness.h"

#include "base/clock.h"
#include "store/kv.h"
#include "support/disk.h"
#include "support/size.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { TENANT = 7, EXIT_MACHINE_FAILED = 5, PLENTY_BYTES = 64 << 20 };

#define WORDS_BYTES_MAX 4000
#define DEADLINE_NS ((uint64_t)60 * 1000000000u)

static void sleep_ms(long ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

/* -- One commit -------------------------------------------------------------------------------- */

/* The embedded store answers at once, but for the commit. */
static cordon_error *put_and_commit(struct client *client, uint64_t n, struct slice text)
{
    const struct store_commit_facts facts = {.audit_body = SLICE("{}")};
    struct store_commit_result result = {0};
    enum store_step step = STORE_PENDING;
    uint32_t table = 0;
    TRY(store_table_ensure(client->txn, SLICE("t"), &step, &table));
    const struct store_id id = doc_id(table, n);
    TRY(store_put(client->txn, &id, (double)n, text));
    for (step = STORE_PENDING; step == STORE_PENDING;) {
        TRY(store_commit(client->txn, &facts, &step, &result));
        if (step == STORE_PENDING) {
            client_wait(client);
        }
    }
    REQUIRE(!result.conflict);
    return NULL;
}

/* Document n, of so many bytes. */
static cordon_error *try_put(struct store *store, uint64_t n, size_t bytes)
{
    char *text = malloc(bytes);
    REQUIRE(text != NULL);
    memset(text, 'a' + (int)(n % 26), bytes);
    struct client client;
    client_begin(&client, store, TENANT);
    cordon_error *error = put_and_commit(&client, n, slice_of(text, bytes));
    client_end(&client);
    free(text);
    return error;
}

/* Requires documents 0 .. count - 1, and no audit record beyond theirs. Returns how many there are:
 * the last may be one that was written and not answered. */
static uint64_t expect_documents(struct store *store, uint64_t count, bool may_be_one_more)
{
    struct client client;
    struct audit_record record;
    uint32_t table = 0;
    uint64_t n = 0;
    client_begin(&client, store, TENANT);
    if (client_find(&client, "t", &table)) {
        while (client_has(&client, table, n)) {
            n++;
        }
    }
    REQUIRE(n == count || (may_be_one_more && n == count + 1));
    REQUIRE(n == 0 || client_audit(&client, n, &record));
    REQUIRE(!client_audit(&client, n + 1, &record));
    client_end(&client);
    return n;
}

/* -- Children ---------------------------------------------------------------------------------- */

struct child {
    struct folder folder;
    uint64_t answered; /* commits, in order */
    int status;
    char words[WORDS_BYTES_MAX]; /* what it said on stderr */
};

static void read_words(struct child *child, int said)
{
    size_t size = 0;
    ssize_t got = 0;
    while (size < sizeof child->words - 1 &&
           (got = read(said, child->words + size, sizeof child->words - 1 - size)) > 0) {
        size += (size_t)got;
    }
    child->words[size] = '\0';
    (void)close(said);
}

/* The child's `run` gets the folder, and where to tell of each answer. */
static void run_child(
    struct child *child,
    void (*run)(const struct folder *folder, const void *arg, int told),
    const void *arg)
{
    int told[2];
    int said[2];
    *child = (struct child){0};
    folder_make(&child->folder);
    REQUIRE(pipe(told) == 0 && pipe(said) == 0);
    const pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        (void)close(told[0]);
        (void)close(said[0]);
        REQUIRE(dup2(said[1], STDERR_FILENO) == STDERR_FILENO);
        run(&child->folder, arg, told[1]);
        _exit(0);
    }
    (void)close(told[1]);
    (void)close(said[1]);
    uint64_t n = 0;
    while (read(told[0], &n, sizeof n) == (ssize_t)sizeof n) {
        REQUIRE(n == child->answered);
        child->answered++;
    }
    (void)close(told[0]);
    read_words(child, said[0]);
    REQUIRE(waitpid(pid, &child->status, 0) == pid);
}

static void tell(int told, uint64_t n)
{
    REQUIRE(write(told, &n, sizeof n) == (ssize_t)sizeof n);
}

static void fail_with_words(const struct child *child, const char *name)
{
    (void)fprintf(
        stderr, "%s: status %d, %d answered, said: %s\n", name, child->status, (int)child->answered,
        child->words);
    abort();
}

static void require_ended_well(const struct child *child, const char *name)
{
    if (!WIFEXITED(child->status) || WEXITSTATUS(child->status) != 0 || child->words[0] != '\0') {
        fail_with_words(child, name);
    }
}

/* -- Errors ------------------------------------------------------------------------------------ */

enum { COMMITS = 40, ANY = -1 };

enum then {
    ENDS,    /* no answer, one line, exit code 5 */
    REFUSES, /* that one commit; the next are answered */
    GOES_ON, /* as if nothing had been */
};

struct error_case {
    const char *name;
    bool without_thread;
    const char *file;
    enum disk_call call;
    uint64_t at; /* 0: each from the first on */
    int code;
    enum then then;
    int answered; /* before it ends or refuses */
    const char *words;
};

static const struct error_case error_cases[] = {
    {"log, first sync", false, "log.", DISK_SYNC, 1, EIO, ENDS, 0,
     "syncing the log failed: Input/output error; the disk does not work as it should"},
    {"log, third sync", false, "log.", DISK_SYNC, 3, EIO, ENDS, 2, "syncing the log failed"},
    {"log, a sync in the second file", false, "log.1", DISK_SYNC, 1, EIO, ENDS, ANY,
     "syncing the log failed"},
    {"log, sync on a full disk", false, "log.", DISK_SYNC, 2, ENOSPC, ENDS, 1,
     "syncing the log failed: No space left on device; free some space and start again"},
    {"log, write", false, "log.", DISK_WRITE, 2, EIO, ENDS, 1,
     "writing the log failed: Input/output error; the disk does not work as it should"},
    {"log, write on a full disk", false, "log.", DISK_WRITE, 2, ENOSPC, ENDS, 1,
     "writing the log failed: No space left on device; free some space and start again"},
    {"log, write on a disk made read-only", false, "log.", DISK_WRITE, 2, EROFS, ENDS, 1,
     "writing the log failed: Read-only file system; the disk is read-only"},
    {"log, room", false, "log.", DISK_ALLOCATE, 1, ENOSPC, REFUSES, 0,
     "the disk is full: No space left on device; nothing was written, free some space"},
    {"log, quota", false, "log.", DISK_ALLOCATE, 1, EDQUOT, REFUSES, 0, "the disk is full"},
    {"log, room in the second file", false, "log.1", DISK_ALLOCATE, 1, ENOSPC, REFUSES, ANY,
     "the disk is full"},
    {"log, no such call", false, "log.", DISK_ALLOCATE, 1, EOPNOTSUPP, GOES_ON, ANY, ""},
    {"log, room that fails", false, "log.", DISK_ALLOCATE, 1, EIO, REFUSES, 0,
     "the log cannot grow: Input/output error; nothing was written"},
    {"data, each write", false, "data.mdb", DISK_WRITE, 0, EIO, ENDS, ANY,
     "writing to the disk failed: Input/output error; the disk does not work as it should"},
    {"data, a disk made read-only", false, "data.mdb", DISK_WRITE, 0, EROFS, ENDS, ANY,
     "writing to the disk failed: Read-only file system; the disk is read-only"},
    {"data, one write", false, "data.mdb", DISK_WRITE, 1, EIO, GOES_ON, ANY, ""},
    {"data, sync", false, "data.mdb", DISK_SYNC, 1, EIO, ENDS, ANY,
     "writing to the disk failed: Input/output error; the disk does not work as it should"},
    {"data, second sync", false, "data.mdb", DISK_SYNC, 2, EIO, ENDS, ANY, "writing to the disk"},
    {"data, meta page", false, "data.mdb", DISK_WRITE_SYNCED, 1, EIO, ENDS, ANY,
     "writing to the disk failed: Input/output error"},
    {"data, meta page on a full disk", false, "data.mdb", DISK_WRITE_SYNCED, 1, ENOSPC, ENDS, ANY,
     "writing to the disk failed: No space left on device; free some space and start again"},
    {"data, write on a full disk", false, "data.mdb", DISK_WRITE, 1, ENOSPC, GOES_ON, ANY, ""},
    {"data, quota", false, "data.mdb", DISK_WRITE, 1, EDQUOT, GOES_ON, ANY, ""},
    {"data, sync on a full disk", false, "data.mdb", DISK_SYNC, 1, ENOSPC, GOES_ON, ANY, ""},
    {"no thread: write", true, "data.mdb", DISK_WRITE, 1, EIO, ENDS, 0,
     "writing to the disk failed: Input/output error; the disk does not work as it should"},
    {"no thread: sync", true, "data.mdb", DISK_SYNC, 3, EIO, ENDS, 2,
     "writing to the disk failed: Input/output error; the disk does not work as it should"},
    {"no thread: full disk", true, "data.mdb", DISK_WRITE, 1, ENOSPC, ENDS, 0,
     "writing to the disk failed: No space left on device; free some space and start again"},
};

static struct store_options options_for(bool without_thread)
{
    return (struct store_options){
        .flusher_thread = !without_thread,
        .map_bytes = (uint64_t)1 << 30,
        .disk_reserve_bytes = 1,
        .checkpoint_ms = 2,
    };
}

/* A disk that is given up may fail a read before the process has ended, which it must. */
static void require_refused(const struct error_case *error_case, cordon_error *error)
{
    if (error_case->then == ENDS) {
        cordon_error_free(error);
        sleep_ms(10000);
    }
    REQUIRE(error_case->then == REFUSES);
    const bool full = disk_failures() > 0 && error_case->code != EIO;
    require_error(error, full ? CORDON_E_DISK_FULL : CORDON_E_STORE, error_case->words);
}

/* Commits one after the other; what is refused is tried again. */
static void commit_in_turn(const struct folder *folder, const void *arg, int told)
{
    const struct error_case *error_case = arg;
    struct store_options options = options_for(error_case->without_thread);
    const struct disk_plan harmless = {.folder = folder->path};
    const struct disk_plan plan = {
        .folder = folder->path,
        .only = error_case->file,
        .fails = error_case->call,
        .fails_at = error_case->at == 0 ? 1 : error_case->at,
        .fails_on = error_case->at == 0,
        .code = error_case->code,
    };
    struct store *store = NULL;
    if (error_case->answered != ANY) {
        options.checkpoint_ms = 3600000; /* else LMDB may make a commit safe before the log does */
    }
    disk_arm(&harmless);
    OK(store_open_lmdb(folder->path, &options, &store));
    disk_arm(&plan);
    uint64_t refused = 0;
    const uint64_t until = clock_monotonic_ns() + DEADLINE_NS;
    for (uint64_t n = 0; n < COMMITS || disk_failures() == 0;) {
        cordon_error *error = try_put(store, n, 300);
        if (error == NULL) {
            tell(told, n);
            n++;
        } else {
            require_refused(error_case, error);
            REQUIRE(error_case->answered == ANY || (int)n == error_case->answered);
            refused++;
        }
        sleep_ms(1); /* so that the log's files take turns */
        REQUIRE(clock_monotonic_ns() < until);
    }
    sleep_ms(error_case->then == ENDS ? 10000 : 50); /* for what fails behind the answers */
    REQUIRE(disk_failures() == 1);
    REQUIRE(refused == (error_case->then == REFUSES ? 1 : 0));
    store_close(store);
}

static void require_ended(const struct error_case *error_case, const struct child *child)
{
    const char *words = child->words;
    if (!WIFEXITED(child->status) || WEXITSTATUS(child->status) != EXIT_MACHINE_FAILED ||
        strncmp(words, "cordon: the store failed and the process ends", 45) != 0 ||
        strstr(words, error_case->words) == NULL || strstr(words, "start again\n") == NULL ||
        strchr(words, '\n') != words + strlen(words) - 1 ||
        (error_case->answered != ANY && (int)child->answered != error_case->answered)) {
        fail_with_words(child, error_case->name);
    }
}

static void failing_calls_end_or_refuse(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof error_cases / sizeof error_cases[0]; i++) {
        const struct error_case *error_case = &error_cases[i];
        struct child child;
        run_child(&child, commit_in_turn, error_case);
        if (error_case->then == ENDS) {
            require_ended(error_case, &child);
        } else {
            require_ended_well(&child, error_case->name);
        }
        const struct store_options options = options_for(error_case->without_thread);
        struct store *store = NULL;
        OK(store_open_lmdb(child.folder.path, &options, &store));
        const uint64_t count = expect_documents(store, child.answered, error_case->then == ENDS);
        OK(try_put(store, count, 300)); /* and it goes on from there */
        store_close(store);
        folder_remove(&child.folder);
    }
}

static void commit_through_short_writes(const struct folder *folder, const void *arg, int told)
{
    const struct store_options options = options_for(false);
    const struct disk_plan plan = {
        .folder = folder->path, .only = arg, .seed = 1, .shortens = true};
    struct store *store = NULL;
    OK(store_open_lmdb(folder->path, &options, &store));
    disk_arm(&plan);
    for (uint64_t n = 0; n < COMMITS; n++) {
        OK(try_put(store, n, 20000));
        tell(told, n);
    }
    sleep_ms(strcmp(arg, "data.mdb") == 0 ? 10000 : 0); /* it ends meanwhile */
    store_close(store);
}

static void short_writes_are_finished(void **state)
{
    (void)state;
    struct child child;
    run_child(&child, commit_through_short_writes, "log.");
    require_ended_well(&child, "short writes of the log");
    struct store *store = NULL;
    const struct store_options options = options_for(false);
    OK(store_open_lmdb(child.folder.path, &options, &store));
    (void)expect_documents(store, COMMITS, false);
    store_close(store);
    folder_remove(&child.folder);
}

/* LMDB does not finish a short write; where the disk is not full, that is a disk that fails. */
static void short_write_of_the_database_ends(void **state)
{
    (void)state;
    static const struct error_case as = {
        .name = "short writes of the data file", .answered = ANY, .words = "Input/output error"};
    struct child child;
    run_child(&child, commit_through_short_writes, "data.mdb");
    require_ended(&as, &child);
    struct store *store = NULL;
    const struct store_options options = options_for(false);
    OK(store_open_lmdb(child.folder.path, &options, &store));
    (void)expect_documents(store, child.answered, true);
    store_close(store);
    folder_remove(&child.folder);
}

/* -- Full disks -------------------------------------------------------------------------------- */

/* A small disk, that something else fills. */
struct place {
    const char *name;
    bool is_tmpfs;
    uint64_t reserve_bytes;
    void (*fill)(const struct folder *folder);
    void (*empty)(const struct folder *folder);
};

static void fill_simulated(const struct folder *folder)
{
    (void)folder;
    disk_set_room(0);
}

static void empty_simulated(const struct folder *folder)
{
    (void)folder;
    disk_set_room(PLENTY_BYTES);
}

static int open_filler(const struct folder *folder)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/filler", folder->path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    return fd;
}

static void fill_tmpfs(const struct folder *folder)
{
    static const char zeros[1 << 16];
    const int fd = open_filler(folder);
    REQUIRE(lseek(fd, 0, SEEK_END) >= 0);
    while (write(fd, zeros, sizeof zeros) > 0) {
    }
    REQUIRE(errno == ENOSPC && close(fd) == 0);
}

static void empty_tmpfs(const struct folder *folder)
{
    const int fd = open_filler(folder);
    REQUIRE(ftruncate(fd, 0) == 0 && close(fd) == 0);
}

static const struct place places[] = {
    {"simulated", false, 1, fill_simulated, empty_simulated},
    {"simulated, with a reserve", false, 8 << 20, fill_simulated, empty_simulated},
    {"tmpfs", true, 1, fill_tmpfs, empty_tmpfs},
    {"tmpfs, with a reserve", true, 8 << 20, fill_tmpfs, empty_tmpfs},
};

static bool write_line(const char *path, const char *line)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    const bool written = fd >= 0 && write(fd, line, strlen(line)) == (ssize_t)strlen(line);
    return (fd < 0 || close(fd) == 0) && written;
}

/* Name spaces of the process alone, so that nothing is left behind; who is not root is so there. */
static bool enter_name_spaces(void)
{
    char user[32];
    char group[32];
    if (geteuid() == 0) {
        return unshare(CLONE_NEWNS) == 0;
    }
    (void)snprintf(user, sizeof user, "0 %u 1", geteuid());
    (void)snprintf(group, sizeof group, "0 %u 1", getegid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_line("/proc/self/uid_map", user) &&
           write_line("/proc/self/setgroups", "deny") && write_line("/proc/self/gid_map", group);
}

static bool mount_tmpfs(const struct folder *folder)
{
    char size[32];
    (void)snprintf(size, sizeof size, "size=%d,mode=0700", (int)PLENTY_BYTES);
    return enter_name_spaces() && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", folder->path, "tmpfs", MS_NOSUID | MS_NODEV, size) == 0;
}

static void try_mount(const struct folder *folder, const void *arg, int told)
{
    (void)arg;
    if (mount_tmpfs(folder)) {
        tell(told, 0);
    }
}

static bool has_tmpfs(void)
{
    struct child child;
    run_child(&child, try_mount, NULL);
    folder_remove(&child.folder);
    return child.answered == 1;
}

static void prepare(const struct place *place, const struct folder *folder, struct folder *out_data)
{
    if (!place->is_tmpfs) {
        const struct disk_plan plan = {
            .folder = folder->path, .has_room = true, .room_bytes = PLENTY_BYTES};
        disk_arm(&plan);
        *out_data = *folder;
        return;
    }
    REQUIRE(mount_tmpfs(folder));
    (void)snprintf(out_data->path, sizeof out_data->path, "%.200s/data", folder->path);
}

static struct store *open_in(const struct folder *data, uint64_t reserve_bytes)
{
    struct store_options options = options_for(false);
    struct store *store = NULL;
    options.disk_reserve_bytes = reserve_bytes;
    OK(store_open_lmdb(data->path, &options, &store));
    return store;
}

static void require_full(cordon_error *error)
{
    REQUIRE(strstr(cordon_error_get_message(error), "nothing was written") != NULL);
    require_error(error, CORDON_E_DISK_FULL, "free some space and try again");
}

/*
 * Commits on a disk that is full already: by what was allocated before, some may be answered in the
 * moment for which the old figure counts, and none after that.
 */
static uint64_t put_until_refused(struct store *store, uint64_t n)
{
    cordon_error *error = NULL;
    const uint64_t until = clock_monotonic_ns() + DEADLINE_NS;
    while ((error = try_put(store, n, 50000)) == NULL) {
        n++;
        REQUIRE(clock_monotonic_ns() < until);
    }
    require_full(error);
    return n;
}

static void open_on_a_full_disk(
    const struct place *place, const struct folder *folder, const struct folder *data)
{
    struct store_options options = options_for(false);
    struct store *store = NULL;
    cordon_error *error = store_open_lmdb(data->path, &options, &store);
    if (error != NULL) { /* or all that it needs was there already */
        REQUIRE(strstr(cordon_error_get_message(error), "free some space") != NULL);
        cordon_error_free(error);
    }
    place->empty(folder);
    store_close(store);
}

static void live_through_a_full_disk(const struct folder *folder, const void *arg, int told)
{
    const struct place *place = arg;
    struct folder data;
    prepare(place, folder, &data);
    struct store *store = open_in(&data, place->reserve_bytes);
    uint64_t n = 0;
    for (int times = 0; times < 3; times++) {
        OK(try_put(store, n, 300)); /* in the log, and on its way into LMDB */
        n++;
        place->fill(folder);
        n = put_until_refused(store, n);
        (void)expect_documents(store, n, false);
        sleep_ms(times == 0 ? 700 : 150); /* LMDB is tried, and tried again */
        require_full(try_put(store, n, 300));
        (void)expect_documents(store, n, false);
        place->empty(folder);
    }
    OK(try_put(store, n, 300)); /* at once */
    n++;
    place->fill(folder);
    store_close(store);
    open_on_a_full_disk(place, folder, &data);
    store = open_in(&data, place->reserve_bytes);
    (void)expect_documents(store, n, false);
    OK(try_put(store, n, 300));
    store_close(store);
    (void)told;
}

static void run_in_places(
    bool tmpfs, void (*run)(const struct folder *folder, const void *arg, int told))
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct child child;
        if (places[i].is_tmpfs == tmpfs) {
            run_child(&child, run, &places[i]);
            require_ended_well(&child, places[i].name);
            folder_remove(&child.folder);
        }
    }
}

static void full_disk_refuses_commits(void **state)
{
    (void)state;
    run_in_places(false, live_through_a_full_disk);
}

static void full_tmpfs_refuses_commits(void **state)
{
    (void)state;
    if (!has_tmpfs()) {
        skip(); /* it is shown as such; the disk before was simulated */
    }
    run_in_places(true, live_through_a_full_disk);
}

/* Something that fills the disk and frees it, again and again. */
struct filler {
    const struct place *place;
    const struct folder *folder;
    _Atomic bool stop;
};

static void *fill_and_empty(void *arg)
{
    struct filler *filler = arg;
    while (!atomic_load(&filler->stop)) {
        filler->place->fill(filler->folder);
        sleep_ms(5);
        filler->place->empty(filler->folder);
        sleep_ms(5);
    }
    return NULL;
}

static void race_with_a_filler(const struct folder *folder, const void *arg, int told)
{
    struct filler filler = {.place = arg, .folder = folder};
    struct folder data;
    pthread_t thread;
    prepare(filler.place, folder, &data);
    struct store *store = open_in(&data, filler.place->reserve_bytes);
    REQUIRE(pthread_create(&thread, NULL, fill_and_empty, &filler) == 0);
    const uint64_t until = clock_monotonic_ns() + test_size(1000) * 1000000u;
    uint64_t n = 0;
    while (clock_monotonic_ns() < until) {
        cordon_error *error = try_put(store, n, n % 10 == 0 ? 50000 : 300);
        if (error == NULL) {
            n++;
        } else {
            require_full(error);
        }
    }
    atomic_store(&filler.stop, true);
    REQUIRE(pthread_join(thread, NULL) == 0);
    (void)expect_documents(store, n, false);
    store_close(store);
    store = open_in(&data, filler.place->reserve_bytes);
    (void)expect_documents(store, n, false);
    store_close(store);
    (void)told;
}

static void disk_filled_and_freed_loses_nothing(void **state)
{
    (void)state;
    run_in_places(false, race_with_a_filler);
    if (has_tmpfs()) {
        run_in_places(true, race_with_a_filler);
    }
}

/* More readers than before, on a full disk: LMDB notes each in a mapped file. */
static void read_on_a_full_disk(const struct folder *folder, const void *arg, int told)
{
    enum { READERS = 900 };
    struct kv_reader *readers[READERS] = {0};
    struct folder data;
    struct kv *kv = NULL;
    bool is_new = false;
    prepare(arg, folder, &data);
    OK(kv_open_lmdb(data.path, (uint64_t)1 << 30, &is_new, &kv));
    fill_tmpfs(folder);
    for (size_t i = 0; i < READERS; i++) {
        OK(kv->ops->reader_open(kv, &readers[i]));
    }
    for (size_t i = 0; i < READERS; i++) {
        kv_reader_closep(&readers[i]);
    }
    kv_closep(&kv);
    (void)told;
}

static void full_tmpfs_takes_new_readers(void **state)
{
    (void)state;
    if (!has_tmpfs()) {
        skip(); /* a simulated disk does not see what is written into a map */
    }
    run_in_places(true, read_on_a_full_disk);
}

/* -- A disk that is read-only ------------------------------------------------------------------ */

static void require_read_only(const char *folder, const char *words)
{
    const struct store_options options = options_for(false);
    struct store *store = NULL;
    require_error(store_open_lmdb(folder, &options, &store), CORDON_E_SYSTEM, words);
}

static void open_on_a_read_only_disk(const struct folder *folder, const void *arg, int told)
{
    const unsigned long mounted = MS_NOSUID | MS_NODEV | MS_REMOUNT;
    struct folder data;
    struct folder fresh;
    prepare(arg, folder, &data);
    (void)snprintf(fresh.path, sizeof fresh.path, "%.200s/fresh", folder->path);
    struct store *store = open_in(&data, 1);
    for (uint64_t n = 0; n < 3; n++) {
        OK(try_put(store, n, 300));
    }
    store_close(store);
    REQUIRE(mount("none", folder->path, "tmpfs", mounted | MS_RDONLY, NULL) == 0);
    require_read_only(data.path, "the disk is read-only; make it writable and start again, or");
    require_read_only(
        fresh.path,
        "Read-only file system; the disk is read-only: choose another folder, or make it writable");
    REQUIRE(mount("none", folder->path, "tmpfs", mounted, NULL) == 0);
    store = open_in(&data, 1);
    (void)expect_documents(store, 3, false);
    OK(try_put(store, 3, 300));
    store_close(store);
    (void)told;
}

static void read_only_tmpfs_is_named(void **state)
{
    (void)state;
    if (!has_tmpfs()) {
        skip(); /* a simulated disk has no such state; its writes fail above */
    }
    run_in_places(true, open_on_a_read_only_disk);
}

/* -- Waiting for room in memory ---------------------------------------------------------------- */

/* Once there is space, the next try to flush, within a second, makes room. */
static cordon_error *try_put_when_flushed(struct store *store, uint64_t n)
{
    const uint64_t until = clock_monotonic_ns() + DEADLINE_NS;
    cordon_error *error = NULL;
    while ((error = try_put(store, n, 300)) != NULL && clock_monotonic_ns() < until) {
        cordon_error_free(error);
        sleep_ms(10);
    }
    return error;
}

/*
 * LMDB's file cannot grow, though the disk says that it has room: a quota, for one. What waits in
 * memory grows until commits would have to wait for somebody to free space; then they are refused.
 */
static void commit_more_than_may_wait(const struct folder *folder, const void *arg, int told)
{
    enum { LARGE = 4 << 20, COUNT = 16 }; /* a little more than may wait */
    struct disk_plan plan = {
        .folder = folder->path,
        .only = "data.mdb",
        .fails = DISK_WRITE,
        .fails_at = 1,
        .fails_on = true,
        .code = EDQUOT,
    };
    struct store *store = open_in(folder, 1);
    disk_arm(&plan);
    uint64_t n = 0;
    for (; n < COUNT; n++) {
        OK(try_put(store, n, LARGE));
    }
    require_full(try_put(store, n, 300)); /* after a wait for the flush that finds it so */
    require_full(try_put(store, n, 300)); /* at once */
    (void)expect_documents(store, n, false);
    plan.fails = DISK_NOTHING;
    disk_arm(&plan);
    OK(try_put_when_flushed(store, n));
    (void)expect_documents(store, n + 1, false);
    store_close(store);
    (void)arg;
    (void)told;
}

static void commit_that_would_wait_for_space_is_refused(void **state)
{
    (void)state;
    struct child child;
    run_child(&child, commit_more_than_may_wait, NULL);
    require_ended_well(&child, "waiting for room");
    folder_remove(&child.folder);
}

/* -- A limit on the size of files -------------------------------------------------------------- */

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    REQUIRE(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = bytes;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void grow_past_the_limit(const struct folder *folder, const void *arg, int told)
{
    (void)arg;
    (void)told;
    (void)signal(SIGXFSZ, SIG_IGN); /* calls fail with EFBIG instead */
    struct store *store = open_in(folder, 1);
    limit_file_size(1 << 20);
    cordon_error *error = NULL;
    uint64_t n = 0;
    while ((error = try_put(store, n, 50000)) == NULL) {
        n++;
        REQUIRE(n < 10000);
    }
    require_error(error, CORDON_E_DISK_FULL, "File too large; nothing was written");
    (void)expect_documents(store, n, false);
    limit_file_size(RLIM_INFINITY);
    OK(try_put(store, n, 50000));
    store_close(store);
}

static void limit_on_files_refuses_commits(void **state)
{
    (void)state;
    struct child child;
    run_child(&child, grow_past_the_limit, NULL);
    require_ended_well(&child, "a limit on files");
    folder_remove(&child.folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failing_calls_end_or_refuse),
        cmocka_unit_test(short_writes_are_finished),
        cmocka_unit_test(short_write_of_the_database_ends),
        cmocka_unit_test(full_disk_refuses_commits),
        cmocka_unit_test(full_tmpfs_refuses_commits),
        cmocka_unit_test(disk_filled_and_freed_loses_nothing),
        cmocka_unit_test(full_tmpfs_takes_new_readers),
        cmocka_unit_test(read_only_tmpfs_is_named),
        cmocka_unit_test(commit_that_would_wait_for_space_is_refused),
        cmocka_unit_test(limit_on_files_refuses_commits),
    };
    return cmocka_run_group_tests_name("store/disk", tests, NULL, NULL);
}
