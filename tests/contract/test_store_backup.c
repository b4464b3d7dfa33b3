/*
 * Backups: taken while another process commits, each is one moment and has all that was answered
 * before it began; what is damaged becomes no backup and no folder; a restored store goes on after
 * the newest commit of its backup, whatever the clock says.
 */
#include "contract/harness.h"

#include "base/child.h"
#include "base/clock.h"
#include "store/layout.h"
#include "support/size.h"
#include "upkeep/backup.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define TENANT 7
#define MAP_BYTES ((uint64_t)1 << 30)
#define DEADLINE_MS 60000

enum { ACCOUNTS = 10, BALANCE = 1000, WRITERS = 3, COUNTER_AT = 100, PATH_BYTES = 600 };

static const struct store_options options = {
    .flusher_thread = true,
    .map_bytes = MAP_BYTES,
    .disk_reserve_bytes = 1,
    .checkpoint_ms = 3600000,
};

/* -- Accounts -------------------------------------------------------------------------------- */

static bool read_number(struct client *client, uint64_t n, uint64_t *out_number)
{
    const struct store_id id = doc_id(10001, n);
    bool found = false;
    struct slice body = {0};
    char text[32] = "";
    OK(client_try_get(client, &id, &found, &body));
    REQUIRE(body.size < sizeof text);
    if (found) {
        memcpy(text, body.data, body.size);
        *out_number = strtoull(text, NULL, 10);
    }
    return found;
}

static void write_number(struct client *client, uint64_t n, uint64_t number)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    client_put(client, 10001, n, (double)n, text);
}

static void open_accounts(struct store *store)
{
    struct client client;
    client_begin(&client, store, TENANT);
    REQUIRE(client_table(&client, "accounts") == 10001);
    for (uint64_t n = 0; n < ACCOUNTS; n++) {
        write_number(&client, n, BALANCE);
    }
    for (uint64_t writer = 0; writer < WRITERS; writer++) {
        write_number(&client, COUNTER_AT + writer, 0);
    }
    REQUIRE(!client_commit(&client, "{}").conflict);
}

/* Moves one from an account to another and counts; false on a conflict. */
static bool transfer(struct store *store, uint64_t writer, uint64_t count)
{
    struct client client;
    uint64_t from = 0;
    uint64_t to = 0;
    const uint64_t a = (writer + count * 3) % ACCOUNTS;
    const uint64_t b = (a + 1 + count % (ACCOUNTS - 1)) % ACCOUNTS;
    client_begin(&client, store, TENANT);
    REQUIRE(read_number(&client, a, &from) && read_number(&client, b, &to));
    if (from > 0) {
        write_number(&client, a, from - 1);
        write_number(&client, b, to + 1);
    }
    write_number(&client, COUNTER_AT + writer, count);
    return !client_commit(&client, count % 5 == 0 ? "{}" : NULL).conflict;
}

/* What the writers of another process were answered. */
struct answered {
    _Atomic uint64_t counts[WRITERS];
};

struct writer {
    struct store *store;
    struct answered *answered;
    uint64_t number;
};

static void *write_all_the_time(void *arg)
{
    const struct writer *writer = arg;
    for (uint64_t count = 1;; count++) {
        while (!transfer(writer->store, writer->number, count)) {
        }
        atomic_store(&writer->answered->counts[writer->number], count);
    }
    return NULL;
}

/* Never returns. Checkpoints come often, so that the log's files take turns under the backups. */
static void write_for_ever(const struct folder *folder, struct answered *answered)
{
    struct store_options busy = options;
    struct store *store = NULL;
    struct writer writers[WRITERS];
    busy.checkpoint_ms = 3;
    busy.window_ms = 50;
    OK(store_open_lmdb(folder->path, &busy, &store));
    open_accounts(store);
    for (uint64_t i = 0; i < WRITERS; i++) {
        pthread_t thread;
        writers[i] = (struct writer){store, answered, i};
        REQUIRE(pthread_create(&thread, NULL, write_all_the_time, &writers[i]) == 0);
    }
    (void)pause();
    _exit(0);
}

/* -- Backups, in children ---------------------------------------------------------------------- */

struct order {
    const char *folder;
    const char *file;
};

static void no_progress(void *arg, const char *phase, uint64_t done, uint64_t total)
{
    (void)arg;
    (void)phase;
    (void)done;
    (void)total;
}

static const struct backup_progress quiet = {.tell = no_progress};

static cordon_error *back_up_in_child(void *arg, struct child *child, struct buffer *out)
{
    (void)child;
    const struct order *order = arg;
    struct backup_info info;
    const int fd = open(order->file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    TRY(backup_write(order->folder, fd, &quiet, &info));
    return buffer_append(out, slice_of((const uint8_t *)&info, sizeof info));
}

static cordon_error *restore_in_child(void *arg, struct child *child, struct buffer *out)
{
    (void)child;
    const struct order *order = arg;
    struct backup_info info;
    const int fd = open(order->file, O_RDONLY | O_CLOEXEC);
    REQUIRE(fd >= 0);
    TRY(backup_read(fd, &quiet, &info));
    TRY(backup_restore(fd, &info, order->folder, &quiet));
    return buffer_append(out, slice_of((const uint8_t *)&info, sizeof info));
}

static cordon_error *in_child(
    cordon_error *(*run)(void *arg, struct child *child, struct buffer *out),
    struct order order,
    struct backup_info *out_info)
{
    const struct child_work work = {
        .what = "the work",
        .run = run,
        .arg = &order,
        .deadline_ms = DEADLINE_MS,
        .answer_bytes_max = sizeof *out_info,
    };
    struct buffer answer;
    buffer_init(&answer, sizeof *out_info);
    cordon_error *error = child_run(&work, &answer);
    if (error == NULL) {
        REQUIRE(answer.size == sizeof *out_info);
        memcpy(out_info, answer.data, sizeof *out_info);
    }
    buffer_done(&answer);
    return error;
}

static void path_in(const struct folder *folder, const char *name, char out_path[PATH_BYTES])
{
    (void)snprintf(out_path, PATH_BYTES, "%s/%s", folder->path, name);
}

/* Requires whole accounts, and counts that are not before those; and goes on from there. */
static void expect_one_moment(
    const char *path, const uint64_t counts[WRITERS], const struct backup_info *info)
{
    struct store *store = NULL;
    struct client client;
    uint64_t sum = 0;
    OK(store_open_lmdb(path, &options, &store));
    REQUIRE(store_visible_ts(store) == info->last_ts);
    client_begin(&client, store, TENANT);
    for (uint64_t n = 0; n < ACCOUNTS; n++) {
        uint64_t balance = 0;
        REQUIRE(read_number(&client, n, &balance));
        sum += balance;
    }
    REQUIRE(sum == (uint64_t)ACCOUNTS * BALANCE);
    for (uint64_t writer = 0; writer < WRITERS; writer++) {
        uint64_t count = 0;
        REQUIRE(read_number(&client, COUNTER_AT + writer, &count));
        if (count < counts[writer]) {
            (void)fprintf(
                stderr, "writer %llu: %llu was answered, the backup has %llu\n",
                (unsigned long long)writer, (unsigned long long)counts[writer],
                (unsigned long long)count);
        }
        REQUIRE(count >= counts[writer]);
    }
    client_end(&client);
    REQUIRE(transfer(store, 0, UINT32_MAX));
    REQUIRE(store_visible_ts(store) > info->last_ts);
    store_close(store);
}

static void backups_under_load_are_one_moment(void **state)
{
    (void)state;
    struct folder folder;
    struct folder kept;
    char file[PATH_BYTES];
    folder_make(&folder);
    folder_make(&kept);
    path_in(&kept, "backup", file);
    struct answered *answered =
        mmap(NULL, sizeof *answered, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(answered != MAP_FAILED);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        write_for_ever(&folder, answered);
    }
    uint64_t with_log = 0;
    for (size_t i = 0; i < test_size(40) + 5; i++) {
        struct folder restored;
        struct backup_info info;
        uint64_t counts[WRITERS];
        for (size_t writer = 0; writer < WRITERS; writer++) {
            do {
                counts[writer] = atomic_load(&answered->counts[writer]);
            } while (counts[writer] == 0);
        }
        OK(in_child(back_up_in_child, (struct order){folder.path, file}, &info));
        with_log += info.log_bytes > 0 ? 1 : 0;
        folder_make(&restored); /* one that is empty may be there */
        OK(in_child(restore_in_child, (struct order){restored.path, file}, &info));
        expect_one_moment(restored.path, counts, &info);
        folder_remove(&restored);
    }
    REQUIRE(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
    (void)printf("%llu backups had something in the log\n", (unsigned long long)with_log);
    REQUIRE(with_log > 0);
    REQUIRE(munmap(answered, sizeof *answered) == 0);
    folder_remove(&folder);
    folder_remove(&kept);
}

/* -- Snapshots that are left behind ---------------------------------------------------------- */

/* Writes the same keys again and again; each batch needs pages for all of them. */
static off_t write_over(struct kv *kv, const char *data, int rounds)
{
    static uint8_t value[3000];
    struct stat info;
    for (int round = 0; round < rounds; round++) {
        value[0] = (uint8_t)round;
        OK(kv->ops->write_begin(kv));
        for (uint32_t n = 0; n < 20; n++) {
            uint8_t key[8] = {0};
            layout_store32(key, n);
            OK(kv->ops->write_put(kv, slice_of(key, sizeof key), slice_of(value, sizeof value)));
        }
        OK(kv->ops->write_commit(kv));
    }
    REQUIRE(stat(data, &info) == 0);
    return info.st_size;
}

/* While a backup reads, pages of its snapshot are kept; once it was killed, they are not. */
static void killed_backups_keep_no_pages(void **state)
{
    (void)state;
    struct folder folder;
    char data[PATH_BYTES];
    int ready[2];
    bool is_new = false;
    struct kv *kv = NULL;
    folder_make(&folder);
    path_in(&folder, "data.mdb", data);
    OK(kv_open_lmdb(folder.path, MAP_BYTES, &is_new, &kv));
    const off_t first = write_over(kv, data, 50);
    REQUIRE(write_over(kv, data, 50) == first);
    REQUIRE(pipe(ready) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        struct kv_pin *pin = NULL;
        OK(kv_pin_open(folder.path, &pin));
        REQUIRE(write(ready[1], "x", 1) == 1);
        (void)pause();
        _exit(0);
    }
    char byte = 0;
    REQUIRE(read(ready[0], &byte, 1) == 1);
    const off_t held = write_over(kv, data, 50);
    REQUIRE(held > first);
    REQUIRE(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
    REQUIRE(write_over(kv, data, 100) == held);
    (void)close(ready[0]);
    (void)close(ready[1]);
    kv_closep(&kv);
    folder_remove(&folder);
}

/* -- What was backed up is as it was ----------------------------------------------------------- */

static void make_accounts(struct folder *folder, bool closes)
{
    folder_make(folder);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        struct store *store = NULL;
        OK(store_open_lmdb(folder->path, &options, &store));
        open_accounts(store);
        for (uint64_t count = 1; count <= 20; count++) {
            REQUIRE(transfer(store, count % WRITERS, count));
        }
        if (closes) {
            store_close(store);
        }
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Of a store that was closed, of one whose process was gone, and of a backup of a backup. */
static void stores_nobody_uses_are_backed_up(void **state)
{
    (void)state;
    static const uint64_t counts[WRITERS] = {18, 19, 20};
    for (int closes = 0; closes < 2; closes++) {
        struct folder folder;
        struct folder kept;
        char file[PATH_BYTES];
        char again[PATH_BYTES];
        char restored[PATH_BYTES];
        struct backup_info info;
        make_accounts(&folder, closes != 0);
        folder_make(&kept);
        path_in(&kept, "backup", file);
        path_in(&kept, "again", again);
        path_in(&kept, "restored", restored);
        const uint64_t before = clock_wall_ns();
        OK(in_child(back_up_in_child, (struct order){folder.path, file}, &info));
        REQUIRE(info.begun_ns >= before && info.begun_ns <= clock_wall_ns());
        REQUIRE((info.log_bytes > 0) == (closes == 0));
        OK(in_child(restore_in_child, (struct order){restored, file}, &info));
        OK(in_child(back_up_in_child, (struct order){restored, again}, &info));
        expect_one_moment(restored, counts, &info);
        struct stat mode;
        REQUIRE(stat(restored, &mode) == 0 && (mode.st_mode & 0777) == 0700);
        struct folder inner;
        (void)snprintf(inner.path, sizeof inner.path, "%.240s", restored);
        folder_remove(&inner);
        OK(in_child(restore_in_child, (struct order){restored, again}, &info));
        expect_one_moment(restored, counts, &info);
        folder_remove(&inner);
        folder_remove(&kept);
        folder_remove(&folder);
    }
}

/* The backup's newest commit is in the future, as after a clock that stepped back. */
static void timestamps_go_on_after_the_backup(void **state)
{
    (void)state;
    static const uint64_t counts[WRITERS] = {0};
    struct folder folder;
    struct folder kept;
    char file[PATH_BYTES];
    char restored[PATH_BYTES];
    struct backup_info info;
    bool is_new = false;
    struct kv *kv = NULL;
    struct meta meta;
    make_accounts(&folder, true);
    folder_make(&kept);
    path_in(&kept, "backup", file);
    path_in(&kept, "restored", restored);
    OK(kv_open_lmdb(folder.path, MAP_BYTES, &is_new, &kv));
    OK(meta_read(kv, &meta));
    meta.last_ts += (uint64_t)3600 * 1000000000u;
    OK(kv->ops->write_begin(kv));
    OK(meta_put(kv, &meta));
    OK(kv->ops->write_commit(kv));
    kv_closep(&kv);
    OK(in_child(back_up_in_child, (struct order){folder.path, file}, &info));
    REQUIRE(info.last_ts == meta.last_ts);
    OK(in_child(restore_in_child, (struct order){restored, file}, &info));
    expect_one_moment(restored, counts, &info);
    struct folder inner;
    (void)snprintf(inner.path, sizeof inner.path, "%.240s", restored);
    folder_remove(&inner);
    folder_remove(&kept);
    folder_remove(&folder);
}

/* -- What is refused --------------------------------------------------------------------------- */

static off_t size_of(const char *path)
{
    struct stat info;
    REQUIRE(stat(path, &info) == 0);
    return info.st_size;
}

static void flip(const char *path, off_t at)
{
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    uint8_t byte = 0;
    REQUIRE(fd >= 0 && pread(fd, &byte, 1, at) == 1);
    byte ^= 0x20;
    REQUIRE(pwrite(fd, &byte, 1, at) == 1 && close(fd) == 0);
}

static void expect_no_restore(const char *file, const char *restored, const char *words)
{
    struct backup_info info;
    char beside[PATH_BYTES];
    require_error(
        in_child(restore_in_child, (struct order){restored, file}, &info), CORDON_E_STORE, words);
    REQUIRE(access(restored, F_OK) != 0);
    (void)snprintf(beside, sizeof beside, "%.580s.restoring", restored);
    REQUIRE(access(beside, F_OK) != 0);
}

static void damaged_backups_make_no_folder(void **state)
{
    (void)state;
    struct folder folder;
    struct folder kept;
    char file[PATH_BYTES];
    char restored[PATH_BYTES];
    struct backup_info info;
    make_accounts(&folder, false);
    folder_make(&kept);
    path_in(&kept, "backup", file);
    path_in(&kept, "restored", restored);
    OK(in_child(back_up_in_child, (struct order){folder.path, file}, &info));
    const off_t size = size_of(file);
    REQUIRE((uint64_t)size == info.bytes);
    static const off_t in_head[] = {0, 8, 13, 20, 35, 44, 50, 57, 63, 64, 95, 96, 127};
    for (size_t i = 0; i < sizeof in_head / sizeof in_head[0]; i++) {
        flip(file, in_head[i]);
        expect_no_restore(file, restored, i == 1 ? "is of version" : "is no whole backup");
        flip(file, in_head[i]);
    }
    uint64_t seed = 3;
    for (size_t i = 0; i < test_size(100); i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        const off_t at = 4096 + (off_t)((seed >> 20) % (uint64_t)(size - 4096));
        flip(file, at);
        expect_no_restore(file, restored, "its checksum does not match");
        flip(file, at);
    }
    REQUIRE(truncate(file, size - 1) == 0);
    expect_no_restore(file, restored, "it was cut short");
    REQUIRE(truncate(file, 100) == 0);
    expect_no_restore(file, restored, "it does not begin as one");
    folder_remove(&kept);
    folder_remove(&folder);
}

/* A page of the data file that holds rows is not what it was. */
static void damaged_stores_make_no_backup(void **state)
{
    (void)state;
    struct folder folder;
    struct folder kept;
    char data[PATH_BYTES];
    char file[PATH_BYTES];
    struct backup_info info;
    make_accounts(&folder, true);
    folder_make(&kept);
    path_in(&folder, "data.mdb", data);
    path_in(&kept, "backup", file);
    size_t told = 0;
    for (off_t at = 2 * 4096 + 10; at < size_of(data); at += 4096) {
        flip(data, at);
        cordon_error *error = in_child(back_up_in_child, (struct order){folder.path, file}, &info);
        if (error != NULL) {
            require_error(error, CORDON_E_STORE, "is damaged");
            told++;
        }
        flip(data, at);
    }
    REQUIRE(told > 0);
    flip(data, 16);
    require_error(
        in_child(back_up_in_child, (struct order){folder.path, file}, &info), CORDON_E_STORE,
        "is not one of this program");
    folder_remove(&kept);
    folder_remove(&folder);
}

static void folders_that_hold_something_are_kept(void **state)
{
    (void)state;
    static const uint64_t counts[WRITERS] = {0};
    struct folder folder;
    struct folder kept;
    char file[PATH_BYTES];
    struct backup_info info;
    make_accounts(&folder, true);
    folder_make(&kept);
    path_in(&kept, "backup", file);
    OK(in_child(back_up_in_child, (struct order){folder.path, file}, &info));
    require_error(
        in_child(restore_in_child, (struct order){folder.path, file}, &info), CORDON_E_INVALID,
        "is not empty; name a new one");
    expect_one_moment(folder.path, counts, &info);
    require_error(
        in_child(back_up_in_child, (struct order){kept.path, file}, &info), CORDON_E_NOT_FOUND,
        "there is no data file");
    OK(in_child(back_up_in_child, (struct order){folder.path, file}, &info));
    require_error(
        in_child(restore_in_child, (struct order){"/proc/none/here", file}, &info), CORDON_E_SYSTEM,
        "cannot make");
    folder_remove(&kept);
    folder_remove(&folder);
}

/* -- Children ---------------------------------------------------------------------------------- */

static cordon_error *fault(void *arg, struct child *child, struct buffer *out)
{
    (void)arg;
    (void)child;
    (void)out;
    (void)raise(SIGBUS);
    return NULL;
}

static cordon_error *be_killed(void *arg, struct child *child, struct buffer *out)
{
    (void)arg;
    (void)child;
    (void)out;
    (void)raise(SIGKILL);
    return NULL;
}

/* It has a thread of its own in every process, which now and then works. */
#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER true
#else
#define THREAD_SANITIZER false
#endif

static cordon_error *hang(void *arg, struct child *child, struct buffer *out)
{
    (void)arg;
    (void)child;
    (void)out;
    (void)pause();
    return NULL;
}

static cordon_error *be_stopped(void *arg, struct child *child, struct buffer *out)
{
    (void)arg;
    (void)child;
    (void)out;
    (void)raise(SIGSTOP);
    return NULL;
}

#define STALL_MS 1500
#define WORK_NS ((uint64_t)4000000000)

/* Takes longer than a stall, and works. */
static cordon_error *keep_working(void *arg, struct child *child, struct buffer *out)
{
    (void)arg;
    (void)child;
    const uint64_t until_ns = clock_monotonic_ns() + WORK_NS;
    while (clock_monotonic_ns() < until_ns) {
    }
    return buffer_append(out, SLICE("done"));
}

/* More than a pipe holds, to somebody who does not listen. */
static cordon_error *tell_a_lot(void *arg, struct child *child, struct buffer *out)
{
    for (uint64_t i = 0; i < 100000; i++) {
        child_tell(child, "telling", i, 0);
    }
    REQUIRE(write(*(int *)arg, "x", 1) == 1);
    return buffer_append(out, SLICE("done"));
}

/* Stands still until the child is done, as a caller does that somebody has stopped. */
static void wait_at_first(void *arg, const char *phase, uint64_t done, uint64_t total)
{
    char byte = 0;
    (void)phase;
    (void)total;
    if (done == 0) {
        REQUIRE(read(*(int *)arg, &byte, 1) == 1);
    }
}

static void a_child_that_stalls_is_ended(void **state)
{
    (void)state;
    struct buffer out;
    int pipes[2];
    buffer_init(&out, 10);
    struct child_work work = {
        .what = "the work", .run = be_stopped, .stall_ms = STALL_MS, .answer_bytes_max = 10};
    require_error(child_run(&work, &out), CORDON_E_SYSTEM, "the work did nothing for");
    if (!THREAD_SANITIZER) {
        work.run = hang;
        require_error(child_run(&work, &out), CORDON_E_SYSTEM, "somebody has stopped it");
    }
    work.run = keep_working;
    OK(child_run(&work, &out));
    REQUIRE(slice_equal(buffer_slice(&out), SLICE("done")));
    buffer_clear(&out);
    REQUIRE(pipe(pipes) == 0);
    work = (struct child_work){
        .what = "the work",
        .run = tell_a_lot,
        .arg = &pipes[1],
        .answer_bytes_max = 10,
        .progress = wait_at_first,
        .progress_arg = &pipes[0],
    };
    OK(child_run(&work, &out));
    REQUIRE(slice_equal(buffer_slice(&out), SLICE("done")));
    (void)close(pipes[0]);
    (void)close(pipes[1]);
    buffer_done(&out);
}

static cordon_error *run_out_of_room(void *arg, struct child *child, struct buffer *out)
{
    (void)out;
    child_tell(child, "failing", 1, 2);
    return cordon_error_new(CORDON_E_DISK_FULL, "no room for %s", (const char *)arg);
}

static void note_progress(void *arg, const char *phase, uint64_t done, uint64_t total)
{
    REQUIRE(strcmp(phase, "failing") == 0 && done == 1 && total == 2);
    (*(int *)arg)++;
}

static void what_ends_a_child_ends_nobody_else(void **state)
{
    (void)state;
    int told = 0;
    struct buffer out;
    struct child_work work = {.what = "the work", .run = fault, .answer_bytes_max = 10};
    buffer_init(&out, 10);
    require_error(child_run(&work, &out), CORDON_E_STORE, "the work was ended by signal 7");
    work.run = be_killed;
    require_error(child_run(&work, &out), CORDON_E_SYSTEM, "by signal 9 (Killed) from outside");
    work.run = hang;
    work.deadline_ms = 100;
    require_error(child_run(&work, &out), CORDON_E_STORE, "took longer than");
    work = (struct child_work){
        .what = "the work",
        .run = run_out_of_room,
        .arg = (void *)(uintptr_t)"a whale",
        .progress = note_progress,
        .progress_arg = &told,
    };
    require_error(child_run(&work, &out), CORDON_E_DISK_FULL, "no room for a whale");
    REQUIRE(told == 1 && out.size == 0);
    buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backups_under_load_are_one_moment),
        cmocka_unit_test(killed_backups_keep_no_pages),
        cmocka_unit_test(stores_nobody_uses_are_backed_up),
        cmocka_unit_test(timestamps_go_on_after_the_backup),
        cmocka_unit_test(damaged_backups_make_no_folder),
        cmocka_unit_test(damaged_stores_make_no_backup),
        cmocka_unit_test(folders_that_hold_something_are_kept),
        cmocka_unit_test(what_ends_a_child_ends_nobody_else),
        cmocka_unit_test(a_child_that_stalls_is_ended),
    };
    return cmocka_run_group_tests_name("store/backup", tests, NULL, NULL);
}
