/*
 * The data folder of the embedded store: what survives closing, killing and a full disk, and what
 * is refused at opening, each with one line that says what is wrong.
 */
#include "contract/harness.h"

#include "base/clock.h"
#include "base/hash.h"
#include "store/kv.h"
#include "store/layout.h"
#include "support/size.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define TENANT 7
#define MAP_BYTES ((uint64_t)1 << 30)

static const struct backend_maker maker = {"lmdb", .lmdb = true, .flusher_thread = true, -1};

static const struct store_options options = {
    .flusher_thread = true, .map_bytes = MAP_BYTES, .disk_reserve_bytes = 1};

static void put_text(struct store *store, uint64_t n, const char *text)
{
    struct client client;
    client_begin(&client, store, TENANT);
    const uint32_t table = client_table(&client, "t");
    client_put(&client, table, n, (double)n, text);
    REQUIRE(!client_commit(&client, "{}").conflict);
}

/* A folder with one document that says "precious". */
static void make_data(struct folder *folder)
{
    folder_make(folder);
    struct store *store = NULL;
    OK(store_open_lmdb(folder->path, &options, &store));
    put_text(store, 1, "precious");
    store_close(store);
}

static void expect_refused(struct folder *folder, cordon_error_code code, const char *words)
{
    struct store *store = NULL;
    require_error(store_open_lmdb(folder->path, &options, &store), code, words);
    REQUIRE(store == NULL);
}

/* -- Reopening --------------------------------------------------------------------------------- */

static void all_is_there_after_reopening(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, &maker);
    uint8_t cluster[16];
    uint8_t again[16];
    store_cluster_id(world.store, cluster);
    put_text(world.store, 1, "one");
    put_text(world.store, 2, "two");
    const uint64_t ts = store_visible_ts(world.store);
    for (int round = 0; round < 3; round++) {
        world_reopen(&world);
        store_cluster_id(world.store, again);
        REQUIRE(memcmp(cluster, again, sizeof again) == 0);
        REQUIRE(store_visible_ts(world.store) >= ts);
        REQUIRE(store_durable_ts(world.store) == store_visible_ts(world.store));
        struct client client;
        client_begin(&client, world.store, TENANT);
        uint32_t table = 0;
        REQUIRE(client_find(&client, "t", &table) && table == 10001);
        client_expect(&client, table, 1, "one");
        REQUIRE(client_table(&client, "u") == 10002);
        struct audit_record record;
        uint64_t records = 0;
        while (client_audit(&client, records + 1, &record)) {
            records++;
        }
        REQUIRE(records == 2 + (uint64_t)round); /* the chain goes on where it was */
        client_end(&client);
        put_text(world.store, 3, "three");
    }
    world_close(&world);
}

static void folder_is_for_its_owner_alone(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    REQUIRE(rmdir(folder.path) == 0);
    const mode_t before = umask(0);
    struct store *store = NULL;
    OK(store_open_lmdb(folder.path, &options, &store));
    (void)umask(before);
    struct stat info;
    REQUIRE(stat(folder.path, &info) == 0 && (info.st_mode & 0777) == 0700);
    static const char *const files[] = {"data.mdb", "lock.mdb", "lock", "log.0", "log.1"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[600];
        (void)snprintf(path, sizeof path, "%s/%s", folder.path, files[i]);
        REQUIRE(stat(path, &info) == 0 && (info.st_mode & 0777) == 0600);
    }
    store_close(store);
    folder_remove(&folder);
}

/* A clock that was set back must not bring timestamps back. */
static void timestamps_survive_the_clock(void **state)
{
    (void)state;
    struct folder folder;
    make_data(&folder);
    bool is_new = false;
    struct kv *kv = NULL;
    OK(kv_open_lmdb(folder.path, MAP_BYTES, &is_new, &kv));
    struct kv_reader *reader = NULL;
    struct layout_key key;
    struct kv_row row = {0};
    bool found = false;
    layout_meta(&key);
    OK(kv->ops->reader_open(kv, &reader));
    OK(reader->ops->seek(reader, layout_slice(&key), &found, &row));
    REQUIRE(found && slice_equal(row.key, layout_slice(&key)));
    uint8_t value[64];
    REQUIRE(row.value.size <= sizeof value);
    const size_t size = row.value.size;
    memcpy(value, row.value.data, size);
    kv_reader_closep(&reader);
    const uint64_t future = clock_wall_ns() + (uint64_t)3600 * 1000000000u;
    layout_store64(value + size - 8, future);
    layout_seal_key(value, layout_slice(&key), layout_seal_body(value, size, LAYOUT_LIVE));
    OK(kv->ops->write_begin(kv));
    OK(kv->ops->write_put(kv, layout_slice(&key), slice_of(value, size)));
    OK(kv->ops->write_commit(kv));
    kv_closep(&kv);

    struct store *store = NULL;
    OK(store_open_lmdb(folder.path, &options, &store));
    REQUIRE(store_visible_ts(store) == future);
    put_text(store, 2, "two");
    REQUIRE(store_visible_ts(store) == future + 1);
    store_close(store);
    folder_remove(&folder);
}

/* -- What is refused --------------------------------------------------------------------------- */

static void second_opener_is_refused(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    struct store *store = NULL;
    char words[64];
    OK(store_open_lmdb(folder.path, &options, &store));
    (void)snprintf(words, sizeof words, "in use by process %ld", (long)getpid());
    expect_refused(&folder, CORDON_E_STORE, words);
    store_close(store);

    /* And from another process, which is killed; its death alone frees the folder. */
    int ready[2];
    REQUIRE(pipe(ready) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        OK(store_open_lmdb(folder.path, &options, &store));
        REQUIRE(write(ready[1], "x", 1) == 1);
        (void)pause();
        _exit(1);
    }
    char byte = 0;
    REQUIRE(read(ready[0], &byte, 1) == 1);
    (void)snprintf(words, sizeof words, "in use by process %ld", (long)child);
    expect_refused(&folder, CORDON_E_STORE, words);
    REQUIRE(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
    (void)close(ready[0]);
    (void)close(ready[1]);
    OK(store_open_lmdb(folder.path, &options, &store));
    store_close(store);
    folder_remove(&folder);
}

/* Writes one raw row under the key of the meta record, or another. */
static void write_raw(struct folder *folder, struct slice key, struct slice body, bool sealed)
{
    bool is_new = false;
    struct kv *kv = NULL;
    uint8_t value[128];
    REQUIRE(body.size + LAYOUT_SEAL_BYTES <= sizeof value);
    memcpy(value + LAYOUT_SEAL_BYTES, body.data, body.size);
    const size_t size = body.size + LAYOUT_SEAL_BYTES;
    const uint64_t hash = layout_seal_body(value, size, LAYOUT_LIVE);
    layout_seal_key(value, key, sealed ? hash : hash + 1);
    OK(kv_open_lmdb(folder->path, MAP_BYTES, &is_new, &kv));
    OK(kv->ops->write_begin(kv));
    OK(kv->ops->write_put(kv, key, slice_of(value, size)));
    OK(kv->ops->write_commit(kv));
    kv_closep(&kv);
}

static void foreign_meta_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        size_t size;
        bool sealed;
        const char *words;
    } cases[] = {
        {"cordonDB\0\0\0\2aaaaaaaaaaaaaaaabbbbbbbb", 36, true,
         "version 2 and this program reads version 1; start it with the newer"},
        {"cordonDB\0\0\0\0aaaaaaaaaaaaaaaabbbbbbbb", 36, true,
         "version 0 and this program reads version 1; start it with the older"},
        {"cordonDB\0\0\0\2other", 17, false, "version 2"}, /* named even if it seals otherwise */
        {"cordonDB\0\0\0\1aaaaaaaaaaaaaaaabbbbbbbb", 36, false, "keyspace 'meta' is damaged"},
        {"cordonDB\0\0\0\1aaaaaaaaaaaaaaaabbbbbbb", 35, true, "meta record is damaged"},
        {"cordonDX\0\0\0\1aaaaaaaaaaaaaaaabbbbbbbb", 36, true, "not this program's"},
        {"", 0, true, "not this program's"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct folder folder;
        struct layout_key key;
        layout_meta(&key);
        make_data(&folder);
        write_raw(
            &folder, layout_slice(&key), slice_of(cases[i].body, cases[i].size), cases[i].sealed);
        expect_refused(&folder, CORDON_E_STORE, cases[i].words);
        folder_remove(&folder);
    }
    struct folder folder;
    folder_make(&folder);
    write_raw(&folder, SLICE("a database of somebody else"), SLICE("x"), true);
    expect_refused(&folder, CORDON_E_STORE, "not this program's");
    folder_remove(&folder);
}

static void data_path(const struct folder *folder, char *out_path, size_t size)
{
    (void)snprintf(out_path, size, "%s/data.mdb", folder->path);
}

static void torn_and_foreign_files_are_refused(void **state)
{
    (void)state;
    struct folder folder;
    char path[600];
    make_data(&folder);
    data_path(&folder, path, sizeof path);
    struct stat info;
    REQUIRE(stat(path, &info) == 0);
    for (off_t left = info.st_size - 4096; left > 0; left /= 2) {
        REQUIRE(truncate(path, left) == 0);
        expect_refused(&folder, CORDON_E_STORE, "'data.mdb' in the data folder");
    }
    REQUIRE(truncate(path, 0) == 0);
    expect_refused(&folder, CORDON_E_STORE, "is empty");
    REQUIRE(stat(path, &info) == 0 && info.st_size == 0); /* and is left as it is */
    const int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    char text[9000];
    memset(text, 'x', sizeof text);
    REQUIRE(fd >= 0 && write(fd, text, sizeof text) == (ssize_t)sizeof text && close(fd) == 0);
    expect_refused(&folder, CORDON_E_STORE, "not a data file of this program");
    folder_remove(&folder);
}

/* What was deleted is not begun anew under the eyes of its log, however often it is tried. */
static void lost_data_is_missed(void **state)
{
    (void)state;
    struct folder folder;
    char path[600];
    make_data(&folder);
    data_path(&folder, path, sizeof path);
    REQUIRE(unlink(path) == 0);
    for (int i = 0; i < 2; i++) {
        expect_refused(&folder, CORDON_E_STORE, "has a log and no data: 'data.mdb' was lost");
    }
    folder_remove(&folder);
}

static void bad_folders_are_refused(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    const char *const base = folder.path;
    struct folder below;
    (void)snprintf(below.path, sizeof below.path, "%.200s/missing/data", base);
    expect_refused(
        &below, CORDON_E_SYSTEM,
        "No such file or directory; make the folder above it first, or choose another folder");
    (void)snprintf(below.path, sizeof below.path, "%.200s/file", base);
    const int fd = open(below.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0 && close(fd) == 0);
    expect_refused(
        &below, CORDON_E_SYSTEM,
        "Not a directory; a part of its path is a file: choose another folder");
    assert_false(store_is_there(below.path));
    (void)snprintf(below.path, sizeof below.path, "%.200s/file/data", base);
    expect_refused(&below, CORDON_E_SYSTEM, "cannot make the data folder");
    expect_refused(&(struct folder){"/proc/self/cordon"}, CORDON_E_SYSTEM, "data folder");
    folder_remove(&folder);
}

/* Flips one byte of the document's text in the file itself. */
static void flipped_byte_is_named(void **state)
{
    (void)state;
    struct folder folder;
    char path[600];
    make_data(&folder);
    data_path(&folder, path, sizeof path);
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat info;
    REQUIRE(fd >= 0 && fstat(fd, &info) == 0);
    uint8_t *bytes = malloc((size_t)info.st_size);
    REQUIRE(bytes != NULL && pread(fd, bytes, (size_t)info.st_size, 0) == info.st_size);
    size_t flipped = 0;
    for (uint8_t *at = bytes;; at++) { /* copied pages may hold it more than once */
        at = memmem(at, (size_t)(bytes + info.st_size - at), "precious", 8);
        if (at == NULL) {
            break;
        }
        REQUIRE(pwrite(fd, "P", 1, at - bytes) == 1);
        flipped++;
    }
    REQUIRE(flipped > 0 && close(fd) == 0);
    free(bytes);

    struct store *store = NULL;
    OK(store_open_lmdb(folder.path, &options, &store));
    struct client client;
    client_begin(&client, store, TENANT);
    const struct store_id id = doc_id(10001, 1);
    bool found = false;
    struct slice body = {0};
    struct layout_key key;
    char hex[2 * LAYOUT_KEY_BYTES_MAX + 1];
    layout_document(&key, TENANT, &id);
    hex_encode(layout_slice(&key), hex);
    require_error(
        client_try_get(&client, &id, &found, &body), CORDON_E_STORE, "in keyspace 'document'");
    require_error(client_try_get(&client, &id, &found, &body), CORDON_E_STORE, hex);
    client_end(&client);
    store_close(store);
    folder_remove(&folder);
}

/* -- Full disks -------------------------------------------------------------------------------- */

static void try_put(struct store *store, uint64_t n, cordon_error **out_error)
{
    struct client client;
    client_begin(&client, store, TENANT);
    const uint32_t table = client_table(&client, "t");
    char text[4096];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    client_put(&client, table, n, (double)n, text);
    const struct store_commit_facts facts = {0};
    struct store_commit_result result;
    enum store_step step = STORE_PENDING;
    cordon_error *error = NULL;
    while (step == STORE_PENDING && error == NULL) {
        error = store_commit(client.txn, &facts, &step, &result);
        if (error == NULL && step == STORE_PENDING) {
            client_wait(&client);
        }
    }
    client_end(&client);
    *out_error = error;
}

static void nearly_full_disk_refuses_commits(void **state)
{
    (void)state;
    struct folder folder;
    make_data(&folder);
    struct store_options full = options;
    full.disk_reserve_bytes = UINT64_MAX / 2;
    struct store *store = NULL;
    OK(store_open_lmdb(folder.path, &full, &store));
    cordon_error *error = NULL;
    try_put(store, 2, &error);
    require_error(error, CORDON_E_DISK_FULL, "the disk is nearly full");
    struct client client;
    client_begin(&client, store, TENANT); /* reading goes on */
    client_expect(&client, 10001, 1, "precious");
    client_expect(&client, 10001, 2, NULL);
    REQUIRE(!client_commit(&client, NULL).conflict);
    store_close(store);
    folder_remove(&folder);
}

/* A small map fills like a small disk: commits are refused, before anything breaks. */
static void full_map_refuses_commits(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    struct store_options small = options;
    small.map_bytes = 4u << 20;
    small.disk_reserve_bytes = 1u << 20;
    struct store *store = NULL;
    OK(store_open_lmdb(folder.path, &small, &store));
    cordon_error *error = NULL;
    uint64_t count = 0;
    while (error == NULL && count < 10000) {
        try_put(store, ++count, &error);
    }
    require_error(error, CORDON_E_DISK_FULL, "nearly full");
    REQUIRE(count > 20);
    store_close(store);
    OK(store_open_lmdb(folder.path, &small, &store));
    struct client client;
    client_begin(&client, store, TENANT);
    for (uint64_t n = 1; n < count; n++) {
        REQUIRE(client_has(&client, 10001, n));
    }
    REQUIRE(!client_has(&client, 10001, count));
    client_end(&client);
    store_close(store);
    folder_remove(&folder);
}

/* -- Old versions ------------------------------------------------------------------------------ */

static size_t count_rows(struct folder *folder, enum store_keyspace keyspace)
{
    bool is_new = false;
    struct kv *kv = NULL;
    OK(kv_open_lmdb(folder->path, MAP_BYTES, &is_new, &kv));
    struct kv_reader *reader = NULL;
    OK(kv->ops->reader_open(kv, &reader));
    struct kv_row row = {0};
    bool found = false;
    size_t count = 0;
    OK(reader->ops->seek(reader, SLICE("\0"), &found, &row));
    while (found) {
        count += row.key.data[4] == keyspace;
        OK(reader->ops->next(reader, &found, &row));
    }
    kv_reader_closep(&reader);
    kv_closep(&kv);
    return count;
}

static void sleep_ms(long ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

/* Superseded versions and tombstones go, by the thread when idle or along with later commits. */
static void old_versions_are_removed(void **state)
{
    (void)state;
    for (int threads = 0; threads < 2; threads++) {
        struct folder folder;
        folder_make(&folder);
        struct store_options brief = options;
        brief.window_ms = 20;
        brief.flusher_thread = threads == 1;
        struct store *store = NULL;
        OK(store_open_lmdb(folder.path, &brief, &store));
        for (int i = 0; i < 100; i++) {
            put_text(store, 1, "again and again");
            put_text(store, 2, "to be removed");
        }
        struct client client;
        client_begin(&client, store, TENANT);
        client_remove(&client, 10001, 2, 2);
        REQUIRE(!client_commit(&client, NULL).conflict);
        sleep_ms(100);
        if (threads == 0) { /* each commit takes its share along */
            for (int i = 0; i < 10; i++) {
                put_text(store, 100 + (uint64_t)i, "new");
            }
        }
        const uint64_t deadline = clock_monotonic_ns() + (uint64_t)20 * 1000000000u;
        size_t documents = 0;
        do {
            sleep_ms(50);
            store_close(store);
            documents = count_rows(&folder, KEYSPACE_DOCUMENT);
            OK(store_open_lmdb(folder.path, &brief, &store));
        } while (documents > (threads == 0 ? 11 : 1) && threads == 1 &&
                 clock_monotonic_ns() < deadline);
        REQUIRE(documents == (threads == 0 ? 11 : 1));
        client_begin(&client, store, TENANT);
        client_expect(&client, 10001, 1, "again and again");
        client_expect(&client, 10001, 2, NULL);
        client_end(&client);
        store_close(store);
        REQUIRE(count_rows(&folder, KEYSPACE_GARBAGE) == 0);
        REQUIRE(count_rows(&folder, KEYSPACE_INDEX) == (threads == 0 ? 11 : 1));
        folder_remove(&folder);
    }
}

/* However long ago the last commit was, and with old versions left to remove. */
static void idle_store_still_answers(void **state)
{
    (void)state;
    for (int restarted = 0; restarted < 2; restarted++) {
        struct folder folder;
        folder_make(&folder);
        struct store_options brief = options;
        brief.window_ms = restarted == 0 ? 60 : 20;
        struct store *store = NULL;
        OK(store_open_lmdb(folder.path, &brief, &store));
        for (int i = 0; i < 600; i++) { /* more than one look takes along */
            put_text(store, (uint64_t)i % 300, "written over");
        }
        if (restarted == 1) {
            store_close(store);
            sleep_ms(100); /* as long as the window, and longer */
            OK(store_open_lmdb(folder.path, &brief, &store));
        }
        sleep_ms(300); /* the checkpointer looks for old versions meanwhile */
        struct client client;
        client_begin(&client, store, TENANT);
        client_expect(&client, 10001, 7, "written over");
        sleep_ms(300); /* and nothing newer was committed since it began */
        client_expect(&client, 10001, 8, "written over");
        REQUIRE(!client_commit(&client, NULL).conflict);
        put_text(store, 1, "new");
        store_close(store);
        folder_remove(&folder);
    }
}

/* An open snapshot keeps its versions past the window, but not for ever. */
static void open_snapshot_keeps_versions(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    struct store_options brief = options;
    brief.window_ms = 300;
    struct store *store = NULL;
    OK(store_open_lmdb(folder.path, &brief, &store));
    put_text(store, 1, "old");
    struct client client;
    client_begin(&client, store, TENANT);
    const uint64_t begun = clock_monotonic_ns();
    put_text(store, 1, "new");
    sleep_ms(400);
    put_text(store, 2, "more");
    struct slice body = {0};
    bool found = false;
    const struct store_id id = doc_id(10001, 1);
    cordon_error *error = client_try_get(&client, &id, &found, &body);
    if (clock_monotonic_ns() - begun < (uint64_t)600 * 1000000u) { /* else the machine was slow */
        OK(error);
        REQUIRE(found && slice_equal(body, SLICE("old")));
    } else {
        cordon_error_free(error);
    }
    error = NULL;
    const uint64_t deadline = clock_monotonic_ns() + (uint64_t)20 * 1000000000u;
    while (error == NULL && clock_monotonic_ns() < deadline) {
        put_text(store, 1, "newer");
        sleep_ms(100);
        error = client_try_get(&client, &id, &found, &body);
        REQUIRE(error != NULL || slice_equal(body, SLICE("old"))); /* never a wrong answer */
    }
    require_error(error, CORDON_E_CONFLICT, "begin again");
    require_error(store_put(client.txn, &id, 1, SLICE("x")), CORDON_E_CONFLICT, "600 ms");
    client_end(&client);
    store_close(store);
    folder_remove(&folder);
}

/* -- Killed ------------------------------------------------------------------------------------ */

enum { WRITERS = 3 };

struct crash_writer {
    struct store *store;
    uint32_t number;
    int told; /* where durable answers are reported */
};

/* Commits documents 0, 1, 2, .. of its own table, and tells each one that is durable. */
static void *write_for_ever(void *arg)
{
    const struct crash_writer *writer = arg;
    char name[8];
    (void)snprintf(name, sizeof name, "w%u", writer->number);
    for (uint32_t n = 0;; n++) {
        struct client client;
        client_begin(&client, writer->store, TENANT);
        uint32_t table = 0;
        if (!client_find(&client, name, &table)) {
            table = client_table(&client, name);
        }
        client_put(&client, table, n, n, "kept");
        client_put(&client, table, 1000000 + n, n, "kept too");
        if (client_commit(&client, "{}").conflict) {
            n--; /* a race for a table number at the start */
            continue;
        }
        const uint32_t report[2] = {writer->number, n};
        REQUIRE(write(writer->told, report, sizeof report) == (ssize_t)sizeof report);
    }
    return NULL;
}

static _Noreturn void write_until_killed(const struct folder *folder, int told)
{
    struct store *store = NULL;
    OK(store_open_lmdb(folder->path, &options, &store));
    struct crash_writer writers[WRITERS];
    pthread_t threads[WRITERS];
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct crash_writer){store, i, told};
        REQUIRE(pthread_create(&threads[i], NULL, write_for_ever, &writers[i]) == 0);
    }
    (void)pthread_join(threads[0], NULL);
    _exit(1);
}

/* Everything told is there, at most one more of each writer, whole, and in the chain. */
static void check_after_crash(const struct folder *folder, const uint32_t *told)
{
    struct store *store = NULL;
    OK(store_open_lmdb(folder->path, &options, &store));
    struct client client;
    client_begin(&client, store, TENANT);
    uint64_t commits = 0;
    for (uint32_t w = 0; w < WRITERS; w++) {
        char name[8];
        uint32_t table = 0;
        (void)snprintf(name, sizeof name, "w%u", w);
        const bool known = client_find(&client, name, &table);
        REQUIRE(known || told[w] == 0);
        uint32_t n = 0;
        while (known && client_has(&client, table, n)) {
            client_expect(&client, table, n, "kept");
            client_expect(&client, table, 1000000 + n, "kept too");
            n++;
        }
        REQUIRE(n == told[w] || n == told[w] + 1);
        REQUIRE(!known || !client_has(&client, table, 1000000 + n));
        REQUIRE(!known || !client_has(&client, table, n + 1));
        commits += n;
    }
    struct audit_record record;
    uint64_t records = 0;
    while (client_audit(&client, records + 1, &record)) {
        records++;
    }
    REQUIRE(records == commits);
    client_end(&client);
    store_close(store);
}

static void killed_process_loses_nothing(void **state)
{
    (void)state;
    const size_t rounds = test_size(10);
    for (size_t round = 0; round < rounds; round++) {
        struct folder folder;
        folder_make(&folder);
        int told[2];
        REQUIRE(pipe(told) == 0);
        const pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            (void)close(told[0]);
            write_until_killed(&folder, told[1]);
        }
        (void)close(told[1]);
        uint32_t counts[WRITERS] = {0};
        uint32_t report[2];
        const size_t wanted = 1 + round * 37 % 200; /* answers before the kill */
        size_t answers = 0;
        while (read(told[0], report, sizeof report) == (ssize_t)sizeof report) {
            REQUIRE(report[0] < WRITERS && report[1] == counts[report[0]]);
            counts[report[0]]++;
            if (++answers == wanted) {
                REQUIRE(kill(child, SIGKILL) == 0); /* what was told till then is still read */
            }
        }
        int status = 0;
        REQUIRE(waitpid(child, &status, 0) == child);
        REQUIRE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        (void)close(told[0]);
        check_after_crash(&folder, counts);
        folder_remove(&folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_there_after_reopening),
        cmocka_unit_test(folder_is_for_its_owner_alone),
        cmocka_unit_test(timestamps_survive_the_clock),
        cmocka_unit_test(second_opener_is_refused),
        cmocka_unit_test(foreign_meta_is_refused),
        cmocka_unit_test(torn_and_foreign_files_are_refused),
        cmocka_unit_test(lost_data_is_missed),
        cmocka_unit_test(bad_folders_are_refused),
        cmocka_unit_test(flipped_byte_is_named),
        cmocka_unit_test(nearly_full_disk_refuses_commits),
        cmocka_unit_test(full_map_refuses_commits),
        cmocka_unit_test(old_versions_are_removed),
        cmocka_unit_test(idle_store_still_answers),
        cmocka_unit_test(open_snapshot_keeps_versions),
        cmocka_unit_test(killed_process_loses_nothing),
    };
    return cmocka_run_group_tests_name("store/files", tests, NULL, NULL);
}
