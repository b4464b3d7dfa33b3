/*
 * Formats of the data folder: what the first release wrote is read by every later one; an older
 * format is brought to ours step by step, with what only its log held, and a crash between two
 * steps is made up for by the next opening; formats that no step leads from are refused.
 *
 * tests/golden/store_1 is a folder as format 1 has it, of a process that was killed: some commits
 * are in the data file, some in the log; store_1.backup is a backup of it. They are never made
 * anew. `test_store_upgrade make FOLDER` wrote the folder, with the cordon of that day.
 */
#include "contract/harness.h"

#include "base/child.h"
#include "store/layout.h"
#include "store/upgrade.h"
#include "upkeep/backup.h"
#include "value/row.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define TENANT 7
#define MAP_BYTES ((uint64_t)1 << 30)

enum { OLD_DOCUMENTS = 12, NEW_DOCUMENTS = 5, ROW_BYTES = 100 };

static const struct store_options options = {
    .flusher_thread = true,
    .map_bytes = MAP_BYTES,
    .disk_reserve_bytes = 1,
    .checkpoint_ms = 3600000,
};

/* -- What format 1 holds ----------------------------------------------------------------------- */

static const struct store_index by_n = {
    .name = {(const uint8_t *)"by_n", 4},
    .fields = {{(const uint8_t *)"n", 1}},
    .field_count = 1,
};

/* A document's row, with its head. Returns its bytes. */
static size_t write_row(uint64_t n, uint8_t out[ROW_BYTES])
{
    static const uint8_t head[ROW_HEADER_BYTES] = {ROW_FORMAT, 20};
    memcpy(out, head, sizeof head);
    return sizeof head + (size_t)snprintf(
                             (char *)out + sizeof head, ROW_BYTES - sizeof head,
                             "{\"n\":%llu,\"of\":\"format 1\"}", (unsigned long long)(100 - n));
}

static void put_documents(struct store *store, uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n < to; n++) {
        uint8_t row[ROW_BYTES];
        char audit[32];
        struct client client;
        const size_t size = write_row(n, row);
        (void)snprintf(audit, sizeof audit, "{\"put\":%llu}", (unsigned long long)n);
        client_begin(&client, store, TENANT);
        const struct store_id id = doc_id(client_table(&client, "things"), n);
        OK(store_put(client.txn, &id, (double)n, slice_of(row, size)));
        OK(store_row_put(client.txn, KEYSPACE_MODULE, SLICE("old/row"), slice_of(row, size)));
        REQUIRE(!client_commit(&client, audit).conflict);
    }
}

static void put_index(struct store *store)
{
    struct client client;
    enum store_step step = STORE_PENDING;
    client_begin(&client, store, TENANT);
    OK(store_indexes_put(client.txn, client_table(&client, "things"), &by_n, 1, &step));
    REQUIRE(!client_commit(&client, NULL).conflict);
}

/* Half of it closed, and half in the log of a process that ended at once. */
static void make_folder(const char *path)
{
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        struct store *store = NULL;
        OK(store_open_lmdb(path, &options, &store));
        put_index(store);
        put_documents(store, 0, OLD_DOCUMENTS);
        store_close(store);
        OK(store_open_lmdb(path, &options, &store));
        put_documents(store, OLD_DOCUMENTS, OLD_DOCUMENTS + NEW_DOCUMENTS);
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Every document by its id, in both orders; the row and the audit chain. */
static void expect_content(struct store *store, const char *row_key)
{
    enum { ALL = OLD_DOCUMENTS + NEW_DOCUMENTS };
    struct client client;
    struct store_indexes indexes = {0};
    enum store_step step = STORE_PENDING;
    struct store_scan *scan = NULL;
    struct audit_record record;
    struct slice body = {0};
    uint32_t table = 0;
    uint8_t row[ROW_BYTES];
    client_begin(&client, store, TENANT);
    REQUIRE(client_find(&client, "things", &table) && table == 10001);
    for (uint64_t n = 0; n < ALL; n++) {
        const size_t size = write_row(n, row);
        const struct store_id id = doc_id(table, n);
        bool found = false;
        OK(client_try_get(&client, &id, &found, &body));
        REQUIRE(found && slice_equal(body, slice_of(row, size)));
    }
    OK(store_indexes_get(client.txn, table, &step, &indexes));
    REQUIRE(indexes.count == 1 && indexes.items[0].state == STORE_INDEX_ENABLED);
    const struct store_range range = {
        .table = table, .index = indexes.items[0].number, .order = STORE_ASCENDING};
    OK(store_scan_open(client.txn, &range, &scan));
    for (uint64_t n = ALL; n-- > 0;) {
        const size_t size = write_row(n, row);
        REQUIRE(client_next(&client, scan, &body));
        REQUIRE(slice_equal(body, slice_of(row, size)));
    }
    REQUIRE(!client_next(&client, scan, &body));
    REQUIRE(client_row_get(&client, KEYSPACE_MODULE, slice_str(row_key), &body));
    REQUIRE(slice_equal(body, slice_of(row, write_row(ALL - 1, row))));
    REQUIRE(client_audit(&client, ALL, &record) && !client_audit(&client, ALL + 1, &record));
    client_end(&client);
}

static void copy_file(const char *from, const char *folder, const char *name)
{
    char path[600];
    uint8_t bytes[65536];
    ssize_t got = 0;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    const int in = open(from, O_RDONLY | O_CLOEXEC);
    const int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    REQUIRE(in >= 0 && out >= 0);
    while ((got = read(in, bytes, sizeof bytes)) > 0) {
        REQUIRE(write(out, bytes, (size_t)got) == got);
    }
    REQUIRE(got == 0 && close(in) == 0 && close(out) == 0);
}

static void copy_golden(struct folder *folder)
{
    folder_make(folder);
    copy_file(CORDON_TEST_GOLDEN "/store_1/data.mdb", folder->path, "data.mdb");
    copy_file(CORDON_TEST_GOLDEN "/store_1/log.0", folder->path, "log.0");
}

static cordon_error *refuse(void *arg, const struct verify_damage *damage)
{
    (void)arg;
    return cordon_error_new(CORDON_E_STORE, "damage: %s", damage->words);
}

static cordon_error *verify_in_child(void *arg, struct child *child, struct buffer *out)
{
    (void)child;
    (void)out;
    struct verify verify = {.damage = refuse};
    return verify_folder(&verify, arg);
}

static void in_child(
    cordon_error *(*run)(void *arg, struct child *child, struct buffer *out), const char *path)
{
    const struct child_work work = {.what = "the work", .run = run, .arg = (void *)(uintptr_t)path};
    struct buffer out;
    buffer_init(&out, 1);
    OK(child_run(&work, &out));
}

static void golden_folder_is_read(void **state)
{
    (void)state;
    struct folder folder;
    struct store *store = NULL;
    copy_golden(&folder);
    in_child(verify_in_child, folder.path);
    for (int i = 0; i < 2; i++) {
        OK(store_open_lmdb(folder.path, &options, &store));
        expect_content(store, "old/row");
        store_close(store);
    }
    in_child(verify_in_child, folder.path);
    OK(store_open_lmdb(folder.path, &options, &store));
    put_documents(store, 0, OLD_DOCUMENTS); /* and it is written to */
    store_close(store);
    in_child(verify_in_child, folder.path);
    folder_remove(&folder);
}

static void tell_nobody(void *arg, const char *phase, uint64_t done, uint64_t total)
{
    (void)arg;
    (void)phase;
    (void)done;
    (void)total;
}

static cordon_error *restore_in_child(void *arg, struct child *child, struct buffer *out)
{
    (void)child;
    (void)out;
    static const struct backup_progress quiet = {.tell = tell_nobody};
    struct backup_info info;
    const int fd = open(CORDON_TEST_GOLDEN "/store_1.backup", O_RDONLY | O_CLOEXEC);
    REQUIRE(fd >= 0);
    TRY(backup_read(fd, &quiet, &info));
    REQUIRE(info.format == 1);
    return backup_restore(fd, &info, arg, &quiet);
}

static void golden_backup_is_restored(void **state)
{
    (void)state;
    struct folder folder;
    struct store *store = NULL;
    folder_make(&folder);
    in_child(restore_in_child, folder.path);
    OK(store_open_lmdb(folder.path, &options, &store));
    expect_content(store, "old/row");
    store_close(store);
    folder_remove(&folder);
}

/* -- Steps ----------------------------------------------------------------------------------- */

/* In the formats before ours, as this test has it, the row is called otherwise. */
static cordon_error *rename_rows(struct kv *kv, struct slice from, struct slice to)
{
    CORDON_CLEANUP(kv_reader_closep) struct kv_reader *reader = NULL;
    struct layout_key low;
    struct kv_row row = {0};
    bool found = false;
    layout_row(&low, TENANT, KEYSPACE_MODULE, from);
    TRY(kv->ops->reader_open(kv, &reader));
    TRY(reader->ops->seek(reader, layout_slice(&low), &found, &row));
    while (found && slice_starts_with(row.key, layout_slice(&low))) {
        struct layout_key key;
        enum layout_kind kind = LAYOUT_TOMBSTONE;
        struct slice body = {0};
        uint8_t value[LAYOUT_SEAL_BYTES + ROW_BYTES];
        TRY(layout_open(row.key, row.value, &kind, &body));
        REQUIRE(body.size <= ROW_BYTES);
        memcpy(value + LAYOUT_SEAL_BYTES, body.data, body.size);
        layout_row(&key, TENANT, KEYSPACE_MODULE, to);
        layout_append_ts(&key, layout_ts(row.key));
        const size_t size = LAYOUT_SEAL_BYTES + body.size;
        layout_seal_key(value, layout_slice(&key), layout_seal_body(value, size, kind));
        TRY(kv->ops->write_put(kv, layout_slice(&key), slice_of(value, size)));
        TRY(kv->ops->write_remove(kv, row.key));
        TRY(reader->ops->next(reader, &found, &row));
    }
    return NULL;
}

static cordon_error *first_step(struct kv *kv)
{
    return rename_rows(kv, SLICE("old/row"), SLICE("mid/row"));
}

static cordon_error *second_step(struct kv *kv)
{
    return rename_rows(kv, SLICE("mid/row"), SLICE("new/row"));
}

static cordon_error *step_that_fails(struct kv *kv)
{
    TRY(rename_rows(kv, SLICE("mid/row"), SLICE("lost/row")));
    return cordon_error_new(CORDON_E_DISK_FULL, "no room");
}

static cordon_error *step_that_is_killed(struct kv *kv)
{
    TRY(rename_rows(kv, SLICE("mid/row"), SLICE("lost/row")));
    (void)raise(SIGKILL);
    return NULL;
}

static void set_format(const char *path, uint32_t format)
{
    struct kv *kv = NULL;
    struct meta meta;
    bool is_new = false;
    OK(kv_open_lmdb(path, MAP_BYTES, &is_new, &kv));
    OK(meta_read(kv, &meta));
    meta.format = format;
    OK(kv->ops->write_begin(kv));
    OK(meta_put(kv, &meta));
    OK(kv->ops->write_commit(kv));
    kv_closep(&kv);
}

static uint32_t format_of(const char *path)
{
    struct kv *kv = NULL;
    struct meta meta;
    bool is_new = false;
    OK(kv_open_lmdb(path, MAP_BYTES, &is_new, &kv));
    OK(meta_read(kv, &meta));
    kv_closep(&kv);
    return meta.format;
}

/* Format 0, whose newest commits are in the log alone, opened by a program that has the step. */
static void old_format_is_brought_to_ours(void **state)
{
    (void)state;
    static const struct upgrade_step steps[] = {{0, first_step}};
    static const struct upgrade_table table = {steps, 1};
    struct folder folder;
    struct store *store = NULL;
    struct store_options upgrading = options;
    upgrading.upgrades = &table;
    folder_make(&folder);
    make_folder(folder.path);
    set_format(folder.path, 0);
    require_error(
        store_open_lmdb(folder.path, &options, &store), CORDON_E_STORE,
        "version 0 and this program reads version 1; start it with the older");
    REQUIRE(format_of(folder.path) == 0);
    OK(store_open_lmdb(folder.path, &upgrading, &store));
    expect_content(store, "mid/row");
    store_close(store);
    REQUIRE(format_of(folder.path) == LAYOUT_FORMAT);
    OK(store_open_lmdb(folder.path, &options, &store)); /* from now on it is as any other */
    expect_content(store, "mid/row");
    store_close(store);
    in_child(verify_in_child, folder.path);
    folder_remove(&folder);
}

/* Steps over the rows themselves, to a format that this program does not have. */
static cordon_error *upgrade(const char *path, const struct upgrade_step *steps, size_t count)
{
    CORDON_CLEANUP(kv_closep) struct kv *kv = NULL;
    const struct upgrade_table table = {steps, count};
    struct meta meta;
    bool is_new = false;
    TRY(kv_open_lmdb(path, MAP_BYTES, &is_new, &kv));
    TRY(meta_read(kv, &meta));
    return upgrade_run(kv, &table, LAYOUT_FORMAT, &meta);
}

static void upgrade_goes_on_where_it_was_broken_off(void **state)
{
    (void)state;
    static const struct upgrade_step failing[] = {{UINT32_MAX, NULL}, {0, step_that_fails}};
    static const struct upgrade_step killed[] = {{0, step_that_is_killed}};
    static const struct upgrade_step whole[] = {{0, second_step}};
    struct folder folder;
    struct store *store = NULL;
    folder_make(&folder);
    make_folder(folder.path);
    OK(store_open_lmdb(folder.path, &options, &store)); /* the log goes into the data file */
    store_close(store);
    set_format(folder.path, 0);
    static const struct upgrade_step renaming[] = {{0, first_step}};
    OK(upgrade(folder.path, renaming, 1));
    set_format(folder.path, 0);

    require_error(upgrade(folder.path, failing, 2), CORDON_E_DISK_FULL, "no room");
    REQUIRE(format_of(folder.path) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        cordon_error_free(upgrade(folder.path, killed, 1));
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    REQUIRE(format_of(folder.path) == 0);
    OK(upgrade(folder.path, whole, 1));
    REQUIRE(format_of(folder.path) == 1);
    OK(store_open_lmdb(folder.path, &options, &store));
    expect_content(store, "new/row");
    store_close(store);
    folder_remove(&folder);
}

/* Two steps in one go, over a backend in memory; and ways that there are none. */
static void steps_are_taken_in_order(void **state)
{
    (void)state;
    static const struct upgrade_step steps[] = {{4, second_step}, {3, first_step}};
    static const struct upgrade_table table = {steps, 2};
    struct kv *kv = NULL;
    struct meta meta = {.format = 3, .last_ts = 9};
    struct layout_key key;
    uint8_t value[LAYOUT_SEAL_BYTES + 1] = {0};
    struct kv_reader *reader = NULL;
    struct kv_row row = {0};
    bool found = false;
    OK(kv_open_memory(&kv));
    layout_row(&key, TENANT, KEYSPACE_MODULE, SLICE("old/row"));
    layout_append_ts(&key, 5);
    layout_seal_key(value, layout_slice(&key), layout_seal_body(value, sizeof value, LAYOUT_LIVE));
    OK(kv->ops->write_begin(kv));
    OK(kv->ops->write_put(kv, layout_slice(&key), slice_of(value, sizeof value)));
    OK(meta_put(kv, &meta));
    OK(kv->ops->write_commit(kv));
    OK(upgrade_run(kv, &table, 5, &meta));
    REQUIRE(meta.format == 5 && meta.last_ts == 9);
    OK(kv->ops->reader_open(kv, &reader));
    OK(reader->ops->seek(reader, SLICE("\0"), &found, &row));
    layout_row(&key, TENANT, KEYSPACE_MODULE, SLICE("new/row"));
    REQUIRE(found && slice_starts_with(row.key, layout_slice(&key)) && layout_ts(row.key) == 5);
    kv_reader_closep(&reader);
    require_error(upgrade_run(kv, &table, 6, &meta), CORDON_E_STORE, "version 5");
    require_error(upgrade_run(kv, &table, 4, &meta), CORDON_E_STORE, "start it with the newer");
    REQUIRE(meta.format == 5);
    kv_closep(&kv);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "make") == 0) {
        make_folder(argv[2]);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_folder_is_read),
        cmocka_unit_test(golden_backup_is_restored),
        cmocka_unit_test(old_format_is_brought_to_ours),
        cmocka_unit_test(upgrade_goes_on_where_it_was_broken_off),
        cmocka_unit_test(steps_are_taken_in_order),
    };
    return cmocka_run_group_tests_name("store/upgrade", tests, NULL, NULL);
}
