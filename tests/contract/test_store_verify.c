/*
 * Verifying: a sound store is told sound; bytes flipped anywhere, pages and files that are not what
 * they were, and rows that do not agree are told, each with its place, and end nobody. What is told
 * sound after a byte was flipped is held against what was there before, row by row.
 */
#include "contract/harness.h"

#include "base/child.h"
#include "base/random.h"
#include "store/layout.h"
#include "support/size.h"
#include "upkeep/verify.h"
#include "value/row.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define TENANT 7
#define MAP_BYTES ((uint64_t)1 << 30)
#define DEADLINE_MS 60000

enum { DOCUMENTS = 60, LARGE_BYTES = 9000, TEXT_BYTES = 600 };

static const struct store_options options = {
    .flusher_thread = true,
    .map_bytes = MAP_BYTES,
    .disk_reserve_bytes = 1,
    .checkpoint_ms = 3600000,
};

/* -- A store --------------------------------------------------------------------------------- */

/* The head of a document's row, of a size that nobody asks for here; its JSON comes behind. */
#define ROW_HEAD "\x01\x0a\0\0\0"

static void put_documents(struct store *store, uint64_t from, uint64_t to)
{
    char *row = malloc(LARGE_BYTES + TEXT_BYTES);
    REQUIRE(row != NULL);
    memcpy(row, ROW_HEAD, ROW_HEADER_BYTES);
    for (uint64_t n = from; n < to; n++) {
        struct client client;
        char *const text = row + ROW_HEADER_BYTES;
        const int head = snprintf(text, TEXT_BYTES, "{\"n\":%d,\"text\":\"", (int)(n * 7 % 50));
        const size_t more = n % 17 == 5 ? LARGE_BYTES : n % 100;
        memset(text + head, 'x', more);
        memcpy(text + (size_t)head + more, "\"}", 2);
        client_begin(&client, store, TENANT);
        const struct store_id id = doc_id(client_table(&client, "things"), n);
        const size_t size = ROW_HEADER_BYTES + (size_t)head + more + 2;
        OK(store_put(client.txn, &id, (double)n, slice_of((const uint8_t *)row, size)));
        REQUIRE(!client_commit(&client, "{\"what\":\"put\"}").conflict);
    }
    free(row);
}

static void put_index(struct store *store)
{
    static const struct store_index by_n = {
        .name = {(const uint8_t *)"by_n", 4},
        .fields = {{(const uint8_t *)"n", 1}},
        .field_count = 1,
    };
    struct client client;
    enum store_step step = STORE_PENDING;
    client_begin(&client, store, TENANT);
    const uint32_t table = client_table(&client, "things");
    OK(store_indexes_put(client.txn, table, &by_n, 1, &step));
    REQUIRE(step == STORE_DONE);
    REQUIRE(!client_commit(&client, NULL).conflict);
}

static void put_row(struct store *store)
{
    struct client client;
    client_begin(&client, store, TENANT);
    OK(store_row_put(client.txn, KEYSPACE_MODULE, SLICE("deployed/row"), SLICE("what it holds")));
    REQUIRE(!client_commit(&client, NULL).conflict);
}

/* Documents with an index, short and long, changed and removed ones, a row, an audit chain. */
static void make_data(struct folder *folder)
{
    struct store *store = NULL;
    struct client client;
    folder_make(folder);
    OK(store_open_lmdb(folder->path, &options, &store));
    put_index(store);
    put_documents(store, 0, DOCUMENTS);
    put_documents(store, 3, 6);
    put_row(store);
    client_begin(&client, store, TENANT);
    client_remove(&client, client_table(&client, "things"), 9, 9);
    REQUIRE(!client_commit(&client, "{}").conflict);
    store_close(store);
}

/* -- Verifying, in a child ------------------------------------------------------------------- */

/* What was found, as text: one line for each damage, behind the counts. */
struct verdict {
    struct verify_counts counts;
    char lines[4000];
};

struct collecting {
    const char *folder;
    struct verdict verdict;
};

static cordon_error *collect(void *arg, const struct verify_damage *damage)
{
    struct collecting *collecting = arg;
    char name[VERIFY_NAME_BYTES] = "";
    const size_t used = strlen(collecting->verdict.lines);
    if (damage->key.size > 0) {
        verify_name_row(damage->key, name);
    }
    (void)snprintf(
        collecting->verdict.lines + used, sizeof collecting->verdict.lines - used,
        "%s@%lld %s: %s\n", damage->file, damage->has_offset ? (long long)damage->offset : -1LL,
        name, damage->words);
    return NULL;
}

static cordon_error *verify_in_child(void *arg, struct child *child, struct buffer *out)
{
    (void)child;
    struct collecting collecting = {.folder = arg};
    struct verify verify = {.arg = &collecting, .damage = collect};
    TRY(verify_folder(&verify, collecting.folder));
    collecting.verdict.counts = verify.counts;
    return buffer_append(
        out, slice_of((const uint8_t *)&collecting.verdict, sizeof collecting.verdict));
}

/* No signal ends it and no deadline: whatever the folder holds, there is a verdict. */
static struct verdict verify_path(const char *path)
{
    const struct child_work work = {
        .what = "the check",
        .run = verify_in_child,
        .arg = (void *)(uintptr_t)path,
        .deadline_ms = DEADLINE_MS,
        .answer_bytes_max = sizeof(struct verdict),
    };
    struct verdict verdict;
    struct buffer answer;
    buffer_init(&answer, sizeof verdict);
    OK(child_run(&work, &answer));
    REQUIRE(answer.size == sizeof verdict);
    memcpy(&verdict, answer.data, sizeof verdict);
    buffer_done(&answer);
    REQUIRE((verdict.counts.damages > 0) == (verdict.lines[0] != '\0'));
    return verdict;
}

static void expect_sound(const struct verdict *verdict)
{
    if (verdict->counts.damages > 0) {
        (void)fprintf(stderr, "%s", verdict->lines);
    }
    REQUIRE(verdict->counts.damages == 0);
}

static void expect_told(const struct verdict *verdict, const char *words)
{
    if (strstr(verdict->lines, words) == NULL) {
        (void)fprintf(stderr, "'%s' is not in:\n%s", words, verdict->lines);
    }
    REQUIRE(strstr(verdict->lines, words) != NULL);
}

static void sound_store_is_told_sound(void **state)
{
    (void)state;
    struct folder folder;
    make_data(&folder);
    const struct verdict verdict = verify_path(folder.path);
    expect_sound(&verdict);
    REQUIRE(!verdict.counts.skipped_agreement);
    REQUIRE(verdict.counts.documents == DOCUMENTS - 1);
    REQUIRE(verdict.counts.entries == 2 * (uint64_t)(DOCUMENTS - 1));
    REQUIRE(verdict.counts.tables == 1);
    REQUIRE(verdict.counts.audit_records == DOCUMENTS + 4);
    REQUIRE(verdict.counts.log_records == 0 && verdict.counts.log_unfinished == 0);
    REQUIRE(verdict.counts.image.lost_pages == 0);
    folder_remove(&folder);
}

/* -- Flipped bytes ----------------------------------------------------------------------------- */

static uint8_t *read_file(const char *path, size_t *out_size)
{
    struct stat info;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    REQUIRE(fd >= 0 && fstat(fd, &info) == 0);
    uint8_t *bytes = malloc((size_t)info.st_size + 1);
    REQUIRE(bytes != NULL && read(fd, bytes, (size_t)info.st_size) == info.st_size);
    REQUIRE(close(fd) == 0);
    *out_size = (size_t)info.st_size;
    return bytes;
}

static void poke(const char *path, size_t at, uint8_t byte)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    REQUIRE(fd >= 0 && pwrite(fd, &byte, 1, (off_t)at) == 1 && close(fd) == 0);
}

static void file_of(const struct folder *folder, const char *name, char out_path[600])
{
    (void)snprintf(out_path, 600, "%s/%s", folder->path, name);
}

static cordon_error *hash_rows(void *arg, struct child *child, struct buffer *out)
{
    (void)child;
    bool is_new = false;
    bool found = false;
    uint64_t hash = 0;
    struct kv_row row = {0};
    CORDON_CLEANUP(kv_closep) struct kv *kv = NULL;
    CORDON_CLEANUP(kv_reader_closep) struct kv_reader *reader = NULL;
    CORDON_CLEANUP(kv_reader_closep) struct kv_reader *seeker = NULL;
    TRY(kv_open_lmdb(arg, MAP_BYTES, &is_new, &kv));
    TRY(kv->ops->reader_open(kv, &reader));
    TRY(kv->ops->reader_open(kv, &seeker));
    TRY(reader->ops->seek(reader, slice_of((const uint8_t *)"\0", 1), &found, &row));
    while (found) {
        struct kv_row again = {0};
        hash = hash_fast(row.value, hash_fast(row.key, hash));
        TRY(seeker->ops->seek(seeker, row.key, &found, &again)); /* and by its key it is found */
        REQUIRE(found && slice_equal(again.key, row.key) && slice_equal(again.value, row.value));
        TRY(reader->ops->next(reader, &found, &row));
    }
    return buffer_append(out, slice_of((const uint8_t *)&hash, sizeof hash));
}

/* All rows, as LMDB itself gives them out. */
static uint64_t rows_of(const char *path)
{
    const struct child_work work = {
        .what = "reading",
        .run = hash_rows,
        .arg = (void *)(uintptr_t)path,
        .deadline_ms = DEADLINE_MS,
        .answer_bytes_max = sizeof(uint64_t),
    };
    uint64_t hash = 0;
    struct buffer answer;
    buffer_init(&answer, sizeof hash);
    OK(child_run(&work, &answer));
    REQUIRE(answer.size == sizeof hash);
    memcpy(&hash, answer.data, sizeof hash);
    buffer_done(&answer);
    return hash;
}

struct tally {
    size_t told;
    size_t harmless;
};

/* Flips bits of one byte and puts it back. */
static void flip_and_verify(
    const struct folder *folder,
    const uint8_t *bytes,
    size_t at,
    uint8_t bits,
    uint64_t rows,
    struct tally *tally)
{
    char path[600];
    file_of(folder, "data.mdb", path);
    poke(path, at, bytes[at] ^ bits);
    const struct verdict verdict = verify_path(folder->path);
    if (verdict.counts.damages > 0) {
        tally->told++;
    } else {
        if (rows_of(folder->path) != rows) {
            (void)fprintf(stderr, "byte %zu, bits %02x: rows changed and nothing said\n", at, bits);
        }
        REQUIRE(rows_of(folder->path) == rows);
        tally->harmless++;
    }
    poke(path, at, bytes[at]);
}

static void flipped_bytes_are_told_or_harmless(void **state)
{
    (void)state;
    struct folder folder;
    char path[600];
    size_t size = 0;
    struct tally tally = {0};
    make_data(&folder);
    file_of(&folder, "data.mdb", path);
    const uint64_t rows = rows_of(folder.path);
    uint8_t *bytes = read_file(path, &size);
    uint64_t seed = 5;
    for (size_t i = 0; i < test_size(300); i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        const size_t at = (size_t)((seed >> 20) % size);
        flip_and_verify(&folder, bytes, at, (uint8_t)(1u << (seed >> 60) % 8), rows, &tally);
    }
    (void)printf("data.mdb: %zu flips told, %zu harmless\n", tally.told, tally.harmless);
    REQUIRE(tally.told > 0);
    free(bytes);
    folder_remove(&folder);
}

/* Meta pages, heads of pages, the tables of nodes: what LMDB follows without looking. */
static void flipped_heads_are_told_or_harmless(void **state)
{
    (void)state;
    enum { PAGE = 4096, HEAD = 160 };
    static const uint8_t masks[] = {0x01, 0x80, 0xff};
    struct folder folder;
    char path[600];
    size_t size = 0;
    struct tally tally = {0};
    make_data(&folder);
    file_of(&folder, "data.mdb", path);
    const uint64_t rows = rows_of(folder.path);
    uint8_t *bytes = read_file(path, &size);
    const size_t step = 100 / (test_size(100) < 100 ? test_size(100) : 100);
    for (size_t i = 0; i < HEAD * size / PAGE; i += 1 + 6 * step) {
        const size_t at = i / HEAD * PAGE + i % HEAD;
        flip_and_verify(&folder, bytes, at, masks[i % sizeof masks], rows, &tally);
    }
    for (size_t i = 0; i < 2 * (size_t)HEAD; i++) { /* every byte of both meta pages */
        const size_t at = i / HEAD * PAGE + i % HEAD;
        flip_and_verify(&folder, bytes, at, masks[i % sizeof masks], rows, &tally);
    }
    (void)printf("heads: %zu flips told, %zu harmless\n", tally.told, tally.harmless);
    REQUIRE(tally.told > tally.harmless);
    free(bytes);
    folder_remove(&folder);
}

/* -- Whole pages and files --------------------------------------------------------------------- */

static void write_file(const char *path, const uint8_t *bytes, size_t size)
{
    const int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && close(fd) == 0);
}

static void broken_files_are_told(void **state)
{
    (void)state;
    enum { PAGE = 4096 };
    struct folder folder;
    char path[600];
    size_t size = 0;
    make_data(&folder);
    file_of(&folder, "data.mdb", path);
    uint8_t *bytes = read_file(path, &size);
    uint8_t *broken = malloc(size);
    const uint64_t rows = rows_of(folder.path);
    REQUIRE(broken != NULL);
    for (size_t page = 0; page < size / PAGE; page++) { /* one page lost, and one twice */
        for (int twice = 0; twice < 2; twice++) {
            memcpy(broken, bytes, size);
            uint8_t *at = broken + page * PAGE;
            const size_t other = page + 1 < size / PAGE ? page + 1 : 2;
            (void)(twice ? memcpy(at, bytes + other * PAGE, PAGE) : memset(at, 0, PAGE));
            write_file(path, broken, size);
            const struct verdict verdict = verify_path(folder.path);
            REQUIRE(verdict.counts.damages > 0 || rows_of(folder.path) == rows);
        }
    }
    for (size_t left = size - PAGE; left > 0; left /= 2) {
        write_file(path, bytes, left);
        const struct verdict verdict = verify_path(folder.path);
        /* Where it ends, or, without pages that say so, that it is none. */
        const bool is_none = strstr(verdict.lines, "data.mdb@-1 :") != NULL;
        expect_told(&verdict, is_none ? "data.mdb@-1 :" : "was cut short");
    }
    memset(broken, 'x', size);
    write_file(path, broken, size);
    struct verdict verdict = verify_path(folder.path);
    expect_told(&verdict, "not one of this program");
    write_file(path, broken, 0);
    verdict = verify_path(folder.path);
    expect_told(&verdict, "not one of this program");
    free(bytes);
    free(broken);
    folder_remove(&folder);
}

static void folder_without_a_store_is_not_found(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    struct verify verify = {.damage = collect};
    require_error(verify_folder(&verify, folder.path), CORDON_E_NOT_FOUND, "there is no data file");
    folder_remove(&folder);
}

/* -- The log ----------------------------------------------------------------------------------- */

/* Ends without closing, so that the commits are in the log alone. */
static void make_log(struct folder *folder)
{
    folder_make(folder);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        struct store *store = NULL;
        OK(store_open_lmdb(folder->path, &options, &store));
        put_documents(store, 0, 10);
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void flipped_log_is_told_or_harmless(void **state)
{
    (void)state;
    struct folder folder;
    char path[600];
    size_t size = 0;
    size_t told = 0;
    make_log(&folder);
    file_of(&folder, "log.0", path);
    const struct verdict sound = verify_path(folder.path);
    expect_sound(&sound);
    REQUIRE(sound.counts.log_records == 10 && sound.counts.log_unfinished == 0);
    uint8_t *bytes = read_file(path, &size);
    uint64_t seed = 11;
    for (size_t i = 0; i < test_size(60); i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        const size_t at = (size_t)((seed >> 20) % ((uint64_t)14 * 4096));
        poke(path, at, bytes[at] ^ (uint8_t)(1u << (seed >> 60) % 8));
        const struct verdict verdict = verify_path(folder.path);
        const bool is_told = verdict.counts.damages > 0 || verdict.counts.log_unfinished > 0;
        if (!is_told && verdict.counts.log_records != 10) {
            (void)fprintf(stderr, "byte %zu: a record is gone and nothing said\n", at);
        }
        REQUIRE(
            is_told ||
            (verdict.counts.log_records == 10 && verdict.counts.log_rows == sound.counts.log_rows));
        told += is_told ? 1 : 0;
        poke(path, at, bytes[at]);
    }
    REQUIRE(told > 0);
    free(bytes);
    folder_remove(&folder);
}

static void log_with_a_gap_is_told(void **state)
{
    (void)state;
    struct folder folder;
    char path[600];
    make_log(&folder);
    file_of(&folder, "log.0", path);
    poke(path, 4096 + 20, 0x77);
    const struct verdict verdict = verify_path(folder.path);
    expect_told(&verdict, "log@-1 : the log of the data folder is damaged: commits between");
    folder_remove(&folder);
}

/* -- Rows that do not agree -------------------------------------------------------------------- */

/* A change of the rows behind the store's back; each row is sealed as it should be. */
struct change {
    const char *name;
    void (*make)(struct kv *kv, uint64_t ts);
    const char *words;
};

static void put_sealed(struct kv *kv, struct slice key, enum layout_kind kind, struct slice body)
{
    uint8_t value[512];
    REQUIRE(body.size + LAYOUT_SEAL_BYTES <= sizeof value);
    if (body.size > 0) {
        memcpy(value + LAYOUT_SEAL_BYTES, body.data, body.size);
    }
    const size_t size = body.size + LAYOUT_SEAL_BYTES;
    layout_seal_key(value, key, layout_seal_body(value, size, kind));
    OK(kv->ops->write_put(kv, key, slice_of(value, size)));
}

static void put_version(
    struct kv *kv, struct layout_key *key, uint64_t ts, enum layout_kind kind, struct slice body)
{
    layout_append_ts(key, ts);
    put_sealed(kv, layout_slice(key), kind, body);
}

static struct layout_key entry_of(uint64_t n, uint32_t index, struct slice fields, double time)
{
    struct layout_key key;
    const struct store_id id = doc_id(10001, n);
    layout_entry(&key, TENANT, &id, index, fields, time);
    return key;
}

static void lose_entry(struct kv *kv, uint64_t ts)
{
    struct layout_key key = entry_of(2, 0, (struct slice){0}, 2);
    put_version(kv, &key, ts, LAYOUT_TOMBSTONE, (struct slice){0});
}

static void add_entry(struct kv *kv, uint64_t ts)
{
    struct layout_key key = entry_of(900, 0, (struct slice){0}, 900);
    put_version(kv, &key, ts, LAYOUT_LIVE, (struct slice){0});
}

static void misplace_entry(struct kv *kv, uint64_t ts)
{
    struct layout_key key = entry_of(2, 1, SLICE("\x05nowhere"), 2);
    put_version(kv, &key, ts, LAYOUT_LIVE, (struct slice){0});
}

static void add_foreign_entry(struct kv *kv, uint64_t ts)
{
    struct layout_key key = entry_of(2, 5, (struct slice){0}, 2);
    put_version(kv, &key, ts, LAYOUT_LIVE, (struct slice){0});
}

static void lose_document(struct kv *kv, uint64_t ts)
{
    struct layout_key key;
    const struct store_id id = doc_id(10001, 2);
    layout_document(&key, TENANT, &id);
    put_version(kv, &key, ts, LAYOUT_TOMBSTONE, (struct slice){0});
}

static void change_document(struct kv *kv, uint64_t ts)
{
    struct layout_key key;
    uint8_t body[64] = {0};
    const struct store_id id = doc_id(10001, 2);
    layout_store64(body, layout_ordered_double(2));
    memcpy(body + 8, ROW_HEAD "{\"n\":77}", 13);
    layout_document(&key, TENANT, &id);
    put_version(kv, &key, ts, LAYOUT_LIVE, slice_of(body, 21));
}

static void make_document_no_json(struct kv *kv, uint64_t ts)
{
    struct layout_key key;
    uint8_t body[64] = {0};
    const struct store_id id = doc_id(10001, 2);
    layout_store64(body, layout_ordered_double(2));
    memcpy(body + 8, ROW_HEAD "{\"n\":", 10);
    layout_document(&key, TENANT, &id);
    put_version(kv, &key, ts, LAYOUT_LIVE, slice_of(body, 18));
}

static void add_lonely_table(struct kv *kv, uint64_t ts)
{
    struct layout_key key;
    layout_table_row(&key, TENANT, TABLE_BY_NUMBER, 10009, 0);
    put_version(kv, &key, ts, LAYOUT_LIVE, SLICE("lonely"));
}

static void give_table_another_number(struct kv *kv, uint64_t ts)
{
    struct layout_key key;
    layout_table_name(&key, TENANT, SLICE("things"));
    put_version(kv, &key, ts, LAYOUT_LIVE, SLICE("\0\0\x27\x12"));
}

static void add_document_of_no_table(struct kv *kv, uint64_t ts)
{
    struct layout_key key;
    const struct store_id id = doc_id(10077, 2);
    layout_document(&key, TENANT, &id);
    put_version(kv, &key, ts, LAYOUT_LIVE, SLICE("\x80\0\0\0\0\0\0\0{}"));
}

static void malform_indexes(struct kv *kv, uint64_t ts)
{
    struct layout_key key;
    layout_table_row(&key, TENANT, TABLE_INDEXES, 10001, 0);
    put_version(kv, &key, ts, LAYOUT_LIVE, SLICE("\x01\0\0"));
}

static void write_in_the_future(struct kv *kv, uint64_t ts)
{
    struct layout_key key;
    layout_row(&key, TENANT, KEYSPACE_MODULE, SLICE("later"));
    put_version(kv, &key, ts + 5, LAYOUT_LIVE, SLICE("x"));
}

static void write_at_time_zero(struct kv *kv, uint64_t ts)
{
    (void)ts;
    struct layout_key key;
    layout_row(&key, TENANT, KEYSPACE_MODULE, SLICE("never"));
    put_version(kv, &key, 0, LAYOUT_LIVE, SLICE("x"));
}

static void lose_audit_record(struct kv *kv, uint64_t ts)
{
    (void)ts;
    struct layout_key key;
    layout_audit(&key, TENANT, 4);
    OK(kv->ops->write_remove(kv, layout_slice(&key)));
}

static void forge_audit_record(struct kv *kv, uint64_t ts)
{
    uint8_t body[LAYOUT_AUDIT_HEAD_BYTES + 2] = {0};
    struct layout_key key;
    layout_store64(body, ts);
    memcpy(body + LAYOUT_AUDIT_HEAD_BYTES, "{}", 2);
    layout_audit(&key, TENANT, DOCUMENTS + 4);
    put_sealed(kv, layout_slice(&key), LAYOUT_LIVE, slice_of(body, sizeof body));
}

static void malform_garbage(struct kv *kv, uint64_t ts)
{
    struct layout_key key;
    layout_garbage(&key, ts - 1);
    put_sealed(kv, layout_slice(&key), LAYOUT_LIVE, SLICE("\xff\xffx"));
}

static void add_unknown_keyspace(struct kv *kv, uint64_t ts)
{
    struct layout_key key;
    layout_row(&key, TENANT, KEYSPACE_MODULE, SLICE("x"));
    key.bytes[4] = 77;
    put_version(kv, &key, ts, LAYOUT_LIVE, SLICE("x"));
}

static void malform_groups(struct kv *kv, uint64_t ts)
{
    struct layout_key key;
    layout_row(&key, TENANT, KEYSPACE_SESSION, SLICE("x"));
    key.bytes[key.size - 1] = 9;
    put_version(kv, &key, ts, LAYOUT_LIVE, SLICE("x"));
}

static const struct change changes[] = {
    {"entry lost", lose_entry, "of table 10001: it is missing from an index"},
    {"entry added", add_entry, "in index 0 of table 10001: it is an entry without its document"},
    {"entry misplaced", misplace_entry, "its document belongs elsewhere in the index"},
    {"entry of no index", add_foreign_entry, "it is an entry of an index that is not there"},
    {"document lost", lose_document, "it is an entry without its document"},
    {"document changed", change_document, "it is missing from an index"},
    {"document no JSON", make_document_no_json, "data.mdb"},
    {"table without name", add_lonely_table, "the name of this table has another number"},
    {"table of two numbers", give_table_another_number, "the number of this table has another"},
    {"document of no table", add_document_of_no_table, "it is in a table that is not there"},
    {"indexes malformed", malform_indexes, "the indexes of this table are malformed"},
    {"time to come", write_in_the_future, "its time is not among those of the commits"},
    {"time zero", write_at_time_zero, "its time is not among those of the commits"},
    {"audit record lost", lose_audit_record, "the audit chain has a gap before it"},
    {"audit record forged", forge_audit_record, "the audit chain is broken here"},
    {"garbage malformed", malform_garbage, "the garbage queue is malformed"},
    {"keyspace unknown", add_unknown_keyspace, "it is in a keyspace that there is not"},
    {"groups malformed", malform_groups, "its key is malformed"},
};

static void rows_that_do_not_agree_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct folder folder;
        bool is_new = false;
        struct kv *kv = NULL;
        struct meta meta;
        make_data(&folder);
        OK(kv_open_lmdb(folder.path, MAP_BYTES, &is_new, &kv));
        OK(meta_read(kv, &meta));
        OK(kv->ops->write_begin(kv));
        changes[i].make(kv, meta.last_ts);
        OK(kv->ops->write_commit(kv));
        kv_closep(&kv);
        const struct verdict verdict = verify_path(folder.path);
        if (strstr(verdict.lines, changes[i].words) == NULL) {
            (void)fprintf(stderr, "%s:\n", changes[i].name);
        }
        expect_told(&verdict, changes[i].words);
        folder_remove(&folder);
    }
}

/* -- While a store is open --------------------------------------------------------------------- */

/* A store in another process that commits all the time is told sound, whenever it is asked. */
static void store_that_is_written_to_is_told_sound(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        struct store_options busy = options;
        struct store *store = NULL;
        busy.checkpoint_ms = 2;
        busy.window_ms = 1;
        OK(store_open_lmdb(folder.path, &busy, &store));
        put_index(store);
        for (;;) {
            put_documents(store, 0, DOCUMENTS);
        }
    }
    uint64_t rows = 0;
    for (size_t i = 0; i < test_size(40) + 5; i++) {
        char path[600];
        file_of(&folder, "log.1", path);
        while (access(path, F_OK) != 0) {
            (void)usleep(1000);
        }
        const struct verdict verdict = verify_path(folder.path);
        expect_sound(&verdict);
        rows += verdict.counts.rows + verdict.counts.log_rows;
    }
    REQUIRE(rows > DOCUMENTS);
    REQUIRE(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
    const struct verdict verdict = verify_path(folder.path);
    expect_sound(&verdict);
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_store_is_told_sound),
        cmocka_unit_test(flipped_bytes_are_told_or_harmless),
        cmocka_unit_test(flipped_heads_are_told_or_harmless),
        cmocka_unit_test(broken_files_are_told),
        cmocka_unit_test(folder_without_a_store_is_not_found),
        cmocka_unit_test(flipped_log_is_told_or_harmless),
        cmocka_unit_test(log_with_a_gap_is_told),
        cmocka_unit_test(rows_that_do_not_agree_are_told),
        cmocka_unit_test(store_that_is_written_to_is_told_sound),
    };
    return cmocka_run_group_tests_name("store/verify", tests, NULL, NULL);
}
