/*
 * docs/layout.md, read as somebody would who writes another reader: what stands there byte by byte
 * is what the store has on the disk, and its fields are what the page says that they are. Nothing
 * here takes a row apart by the store's own code: a layout that changes fails here, and so does a
 * page that does.
 */
#include "contract/harness.h"

#include "base/arena.h"
#include "base/hash.h"
#include "run/session/session.h"
#include "store/kv.h"
#include "value/row.h"
#include "value/sortkey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define TENANT 1
#define MAP_BYTES ((uint64_t)1 << 30)
#define CREATION_TIME 1700000000000.5
#define SESSION_TIME_NS ((uint64_t)1700000000000500000)

/* The idempotency key of the session. */
static const struct slice client_key = {(const uint8_t *)"order-7", 7};

enum { GOLDEN_BYTES_MAX = 1024, PAGE_BYTES_MAX = 1 << 20, TS_BYTES = 8, SUM_BYTES = 8 };

static const struct store_options options = {.map_bytes = MAP_BYTES, .disk_reserve_bytes = 1};

/* -- What the page says ---------------------------------------------------------------------- */

struct bytes {
    size_t size;
    uint8_t data[GOLDEN_BYTES_MAX];
};

/* A row of the page: its key up to the timestamp, and the body of its value. */
struct golden {
    struct bytes key;
    struct bytes body;
};

static char *read_page(void)
{
    char *const page = malloc(PAGE_BYTES_MAX);
    FILE *const file = fopen(CORDON_TEST_PAGE, "re");
    REQUIRE(page != NULL && file != NULL);
    const size_t size = fread(page, 1, PAGE_BYTES_MAX - 1, file);
    REQUIRE(size > 0 && size < PAGE_BYTES_MAX - 1 && feof(file) != 0);
    (void)fclose(file);
    page[size] = '\0';
    return page;
}

static void add(struct bytes *bytes, const void *data, size_t size)
{
    REQUIRE(size <= sizeof bytes->data - bytes->size);
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

/* Words of hex digits and, at the end of a line, text as it is, or `ts`. */
static void read_line(const char *line, struct bytes *bytes)
{
    const size_t size = strcspn(line, "\n");
    size_t at = 0;
    while ((at += strspn(line + at, " ")) < size) {
        if (strchr("{\"", line[at]) != NULL) {
            add(bytes, line + at, size - at);
            return;
        }
        if (strncmp(line + at, "ts", 2) == 0) {
            return;
        }
        unsigned byte = 0;
        REQUIRE(sscanf(line + at, "%2x", &byte) == 1);
        const uint8_t one = (uint8_t)byte;
        add(bytes, &one, 1);
        at += 2;
    }
}

static void read_golden(const char *page, const char *name, struct golden *golden)
{
    char start[64];
    *golden = (struct golden){.key = {0}};
    (void)snprintf(start, sizeof start, "\n%-10skey", name);
    const char *const key = strstr(page, start);
    REQUIRE(key != NULL);
    read_line(key + strlen(start), &golden->key);
    const char *const body = strstr(key, "body");
    REQUIRE(body != NULL);
    read_line(body + strlen("body"), &golden->body);
}

/* -- What the store has ---------------------------------------------------------------------- */

static void put_document(struct client *client, uint32_t table)
{
    static const uint8_t internal[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                         0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
    struct document_id id = {.table = table};
    memcpy(id.internal, internal, sizeof internal);
    char id_text[DOCUMENT_ID_TEXT_MAX + 1];
    (void)document_id_encode(&id, id_text);
    char json[256];
    (void)snprintf(
        json, sizeof json,
        "{\"_id\":\"%s\",\"_creationTime\":%.1f,\"author\":\"Ada\",\"body\":\"hi\"}", id_text,
        CREATION_TIME);
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    struct buffer row;
    buffer_init(&row, SIZE_MAX);
    struct value document = {0};
    OK(value_parse(slice_str(json), &arena, &document));
    OK(row_write(&row, &document, value_size(&document)));
    struct store_id at = {.table = table};
    memcpy(at.internal, internal, sizeof internal);
    OK(store_put(client->txn, &at, CREATION_TIME, buffer_slice(&row)));
    buffer_done(&row);
    arena_done(&arena);
}

static void put_index(struct client *client, uint32_t table)
{
    const struct store_index by_author = {
        .name = SLICE("by_author"), .fields = {SLICE("author")}, .field_count = 1};
    enum store_step step = STORE_PENDING;
    while (step == STORE_PENDING) {
        OK(store_indexes_put(client->txn, table, &by_author, 1, &step));
        if (step == STORE_PENDING) {
            client_wait(client);
        }
    }
}

static void put_session(struct client *client)
{
    static const struct session_call call = {
        .role = {(const uint8_t *)"public", 6},
        .user = {(const uint8_t *)"https://id.example.com|ada", 26},
        .path = {(const uint8_t *)"messages:send", 13},
        .args = {(const uint8_t *)"{\"author\":\"Ada\"}", 16},
    };
    uint8_t key[SHA256_BYTES];
    session_key(client_key, key);
    OK(session_put(client->txn, key, SESSION_TIME_NS, &call, SLICE("\"done\"")));
}

/* A folder with one row of each sort. */
static void make_rows(struct folder *folder)
{
    folder_make(folder);
    struct store *store = NULL;
    OK(store_open_lmdb(folder->path, &options, &store));
    struct client client;
    client_begin(&client, store, TENANT);
    const uint32_t table = client_table(&client, "messages");
    put_index(&client, table);
    REQUIRE(!client_commit(&client, NULL).conflict);
    client_begin(&client, store, TENANT);
    put_document(&client, table);
    put_session(&client);
    REQUIRE(!client_commit(&client, NULL).conflict);
    store_close(store);
}

static uint64_t big_endian(const uint8_t *at, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++) {
        number = number << 8 | at[i];
    }
    return number;
}

/* "XXH3-64 of the key, seeded by XXH3-64 (seed 0) of `kind ‖ body`" */
static void check_sum(const struct kv_row *row)
{
    const uint64_t seed =
        XXH3_64bits_withSeed(row->value.data + SUM_BYTES, row->value.size - SUM_BYTES, 0);
    REQUIRE(
        big_endian(row->value.data, SUM_BYTES) ==
        XXH3_64bits_withSeed(row->key.data, row->key.size, seed));
}

static void print(const char *what, struct slice bytes)
{
    (void)fprintf(stderr, "%s ", what);
    for (size_t i = 0; i < bytes.size; i++) {
        (void)fprintf(stderr, "%02x", bytes.data[i]);
    }
    (void)fprintf(stderr, "\n");
}

/* The store has that row, and no other of the same key. */
static void expect_row(struct kv *kv, const char *name, const struct golden *golden)
{
    CORDON_CLEANUP(kv_reader_closep) struct kv_reader *reader = NULL;
    struct kv_row row = {0};
    bool found = false;
    OK(kv->ops->reader_open(kv, &reader));
    OK(kv->ops->seek(reader, slice_of(golden->key.data, golden->key.size), &found, &row));
    REQUIRE(found);
    const size_t size = golden->key.size;
    const struct slice body = slice_from(row.value, SUM_BYTES + 1);
    if (row.key.size != size + TS_BYTES || memcmp(row.key.data, golden->key.data, size) != 0 ||
        !slice_equal(body, slice_of(golden->body.data, golden->body.size))) {
        (void)fprintf(stderr, "docs/layout.md has another %s than the store:\n", name);
        print("key ", row.key);
        print("body", body);
        abort();
    }
    REQUIRE(row.value.data[SUM_BYTES] == 1); /* live */
    check_sum(&row);
    const uint64_t ts = ~big_endian(row.key.data + size, TS_BYTES);
    REQUIRE(ts > (uint64_t)1600000000 * 1000000000 && ts < (uint64_t)1 << 63);
    OK(kv->ops->next(reader, &found, &row));
    REQUIRE(
        !found || row.key.size != size + TS_BYTES ||
        memcmp(row.key.data, golden->key.data, size) != 0);
}

static void store_has_what_the_page_shows(void **state)
{
    (void)state;
    static const char *const names[] = {"document", "creation", "index", "session", "time"};
    struct folder folder;
    make_rows(&folder);
    char *const page = read_page();
    bool is_new = false;
    struct kv *kv = NULL;
    OK(kv_open_lmdb(folder.path, MAP_BYTES, &is_new, &kv));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct golden golden;
        read_golden(page, names[i], &golden);
        expect_row(kv, names[i], &golden);
    }
    kv->ops->close(kv);
    free(page);
    folder_remove(&folder);
}

/* -- What the bytes mean --------------------------------------------------------------------- */

/* "all bits inverted if it is negative, else the sign bit set" */
static double creation_time_at(const uint8_t *at)
{
    const uint64_t ordered = big_endian(at, 8);
    const uint64_t sign = (uint64_t)1 << 63;
    const uint64_t bits = (ordered & sign) != 0 ? ordered & ~sign : ~ordered;
    double time = 0;
    memcpy(&time, &bits, sizeof time);
    return time;
}

/* `creation time ‖ format u8 ‖ size u32 little-endian ‖ JSON` under `table u32 ‖ internal id 16` */
static void document_is_as_the_page_says(void **state)
{
    (void)state;
    char *const page = read_page();
    struct golden golden;
    read_golden(page, "document", &golden);
    const uint8_t *const key = golden.key.data;
    REQUIRE(golden.key.size == 4 + 1 + 4 + 16);
    REQUIRE(big_endian(key, 4) == TENANT && key[4] == 1 && big_endian(key + 5, 4) == 10001);
    const uint8_t *const body = golden.body.data;
    REQUIRE(creation_time_at(body) == CREATION_TIME && body[8] == 1);
    const uint64_t size = (uint64_t)body[9] | (uint64_t)body[10] << 8 | (uint64_t)body[11] << 16 |
                          (uint64_t)body[12] << 24;
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    struct value document = {0};
    OK(value_parse(slice_of(body + 13, golden.body.size - 13), &arena, &document));
    REQUIRE(size == value_size(&document));
    REQUIRE(slice_equal(value_slice(value_field(&document, SLICE("author"))), SLICE("Ada")));
    struct document_id id;
    REQUIRE(document_id_decode(value_slice(value_field(&document, SLICE("_id"))), &id));
    REQUIRE(id.table == 10001 && memcmp(id.internal, key + 9, 16) == 0);
    arena_done(&arena);
    free(page);
}

/* `table u32 ‖ index u32 ‖ fields ‖ creation time ‖ internal id 16`, and no body */
static void entries_are_as_the_page_says(void **state)
{
    (void)state;
    static const uint8_t ada[] = {0x10, 'A', 'd', 'a', 0};
    static const struct {
        const char *name;
        uint64_t index;
        struct slice fields;
    } entries[] = {{"creation", 0, {0}}, {"index", 1, {ada, sizeof ada}}};
    char *const page = read_page();
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        struct golden golden;
        struct golden document;
        read_golden(page, entries[i].name, &golden);
        read_golden(page, "document", &document);
        const uint8_t *const key = golden.key.data;
        const size_t fields = entries[i].fields.size;
        REQUIRE(golden.body.size == 0 && golden.key.size == 13 + fields + 8 + 16);
        REQUIRE(key[4] == 2 && memcmp(key + 5, document.key.data + 5, 4) == 0);
        REQUIRE(big_endian(key + 9, 4) == entries[i].index);
        REQUIRE(slice_equal(slice_of(key + 13, fields), entries[i].fields));
        REQUIRE(creation_time_at(key + 13 + fields) == CREATION_TIME);
        REQUIRE(memcmp(key + 13 + fields + 8, document.key.data + 9, 16) == 0);
    }
    free(page);
}

/* A key in groups of eight, all of which are full; the last one, behind them, is empty. */
static void check_groups(const struct bytes *key, uint8_t keyspace, struct slice text)
{
    static const uint8_t last[9] = {0};
    const size_t full = text.size / 8;
    REQUIRE(key->size == 5 + (full + 1) * 9 && key->data[4] == keyspace);
    for (size_t i = 0; i < full; i++) {
        REQUIRE(memcmp(key->data + 5 + 9 * i, text.data + 8 * i, 8) == 0);
        REQUIRE(key->data[5 + 9 * i + 8] == 8);
    }
    REQUIRE(memcmp(key->data + 5 + 9 * full, last, sizeof last) == 0);
}

/* SHA-256 of the client's key */
static void check_session_key(const struct bytes *key)
{
    uint8_t hash[SHA256_BYTES];
    hash_sha256(&client_key, 1, hash);
    check_groups(key, 5, slice_of(hash, sizeof hash));
}

/* `session/ ‖ time u64 ‖ SHA-256 of the client's key`, and no body */
static void time_is_as_the_page_says(void **state)
{
    (void)state;
    char *const page = read_page();
    struct golden golden;
    uint8_t text[8 + 8 + SHA256_BYTES] = "session/";
    hash_sha256(&client_key, 1, text + 16);
    for (unsigned i = 0; i < 8; i++) {
        text[8 + i] = (uint8_t)(SESSION_TIME_NS >> (56 - 8 * i));
    }
    read_golden(page, "time", &golden);
    check_groups(&golden.key, 6, slice_of(text, sizeof text));
    REQUIRE(golden.body.size == 0);
    free(page);
}

/* `3 u8 ‖ SHA-256 of (role ‖ ' ' ‖ user ‖ 0 ‖ path ‖ 0 ‖ arguments) ‖ time u64 ‖ result` */
static void session_is_as_the_page_says(void **state)
{
    (void)state;
    static const char called[] =
        "public https://id.example.com|ada\0messages:send\0{\"author\":\"Ada\"}";
    char *const page = read_page();
    struct golden golden;
    uint8_t hash[SHA256_BYTES];
    read_golden(page, "session", &golden);
    check_session_key(&golden.key);
    const struct slice all = slice_of((const uint8_t *)called, sizeof called - 1);
    hash_sha256(&all, 1, hash);
    const struct slice body = slice_of(golden.body.data, golden.body.size);
    REQUIRE(body.size > 41 && body.data[0] == 3 && memcmp(body.data + 1, hash, sizeof hash) == 0);
    REQUIRE(big_endian(body.data + 33, 8) == SESSION_TIME_NS);
    REQUIRE(slice_equal(slice_from(body, 41), SLICE("\"done\"")));
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(store_has_what_the_page_shows),
        cmocka_unit_test(document_is_as_the_page_says),
        cmocka_unit_test(entries_are_as_the_page_says),
        cmocka_unit_test(session_is_as_the_page_says),
        cmocka_unit_test(time_is_as_the_page_says),
    };
    return cmocka_run_group_tests_name("layout/page", tests, NULL, NULL);
}
