/*
 * The contract of store.h, case by case, for every way to make a store: reading and writing,
 * order, tables, rows, tenants and the audit chain. Conflicts have a table of their own in
 * test_store_conflicts.c.
 */
#include "contract/cases.h"

#include "base/buffer.h"
#include "store/batch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TENANT 7

/* Makes table `t` with its number, in a commit of its own. */
static uint32_t make_table(struct world *world, const char *name)
{
    struct client client;
    client_begin(&client, world->store, TENANT);
    const uint32_t table = client_table(&client, name);
    REQUIRE(!client_commit(&client, NULL).conflict);
    return table;
}

/* -- Documents ------------------------------------------------------------------------------- */

static void missing_is_no_error(struct world *world)
{
    struct client client;
    client_begin(&client, world->store, TENANT);
    client_expect(&client, 10001, 1, NULL);
    client_expect_scan(&client, 10001, STORE_ASCENDING, "");
    client_expect_scan(&client, 10001, STORE_DESCENDING, "");
    REQUIRE(!client_commit(&client, NULL).conflict);
}

static void own_writes_are_read(struct world *world)
{
    const uint32_t table = make_table(world, "t");
    struct client client;
    client_begin(&client, world->store, TENANT);
    REQUIRE(!store_txn_has_writes(client.txn));
    client_put(&client, table, 1, 10, "one");
    REQUIRE(store_txn_has_writes(client.txn));
    client_expect(&client, table, 1, "one");
    client_put(&client, table, 1, 10, "uno");
    client_expect(&client, table, 1, "uno");
    client_remove(&client, table, 1, 10);
    client_expect(&client, table, 1, NULL);
    client_end(&client);
}

static void abandoned_leaves_nothing(struct world *world)
{
    const uint32_t table = make_table(world, "t");
    struct client client;
    client_begin(&client, world->store, TENANT);
    client_put(&client, table, 1, 10, "one");
    REQUIRE(client_table(&client, "other") == table + 1);
    client_end(&client);
    client_begin(&client, world->store, TENANT);
    client_expect(&client, table, 1, NULL);
    uint32_t other = 0;
    REQUIRE(!client_find(&client, "other", &other));
    client_end(&client);
}

static void snapshot_is_stable(struct world *world)
{
    const uint32_t table = make_table(world, "t");
    world_put(world, TENANT, table, 1, 10, "old");
    world_put(world, TENANT, table, 2, 20, "gone");
    struct client before;
    client_begin(&before, world->store, TENANT);

    world_put(world, TENANT, table, 1, 10, "new");
    world_put(world, TENANT, table, 3, 30, "more");
    struct client client;
    client_begin(&client, world->store, TENANT);
    client_expect(&client, table, 2, "gone");
    client_remove(&client, table, 2, 20);
    REQUIRE(!client_commit(&client, NULL).conflict);

    client_expect(&before, table, 1, "old");
    client_expect(&before, table, 2, "gone");
    client_expect(&before, table, 3, NULL);
    client_expect_scan(&before, table, STORE_ASCENDING, "old gone");
    client_expect_scan(&before, table, STORE_DESCENDING, "gone old");
    client_end(&before);

    client_begin(&client, world->store, TENANT);
    client_expect(&client, table, 1, "new");
    client_expect(&client, table, 2, NULL);
    client_expect_scan(&client, table, STORE_ASCENDING, "new more");
    client_expect_scan(&client, table, STORE_DESCENDING, "more new");
    client_end(&client);
}

/* More versions than a walk steps through before it seeks, on both sides of the snapshot. */
static void hot_document_keeps_its_versions_apart(struct world *world)
{
    const uint32_t table = make_table(world, "t");
    world_put(world, TENANT, table, 1, 10, "a");
    world_put(world, TENANT, table, 3, 30, "c");
    char text[16];
    for (int i = 0; i < 12; i++) {
        (void)snprintf(text, sizeof text, "b%d", i);
        world_put(world, TENANT, table, 2, 20, text);
    }
    struct client before;
    client_begin(&before, world->store, TENANT);
    for (int i = 12; i < 24; i++) {
        (void)snprintf(text, sizeof text, "b%d", i);
        world_put(world, TENANT, table, 2, 20, text);
    }
    client_expect(&before, table, 2, "b11");
    client_expect_scan(&before, table, STORE_ASCENDING, "a b11 c");
    client_expect_scan(&before, table, STORE_DESCENDING, "c b11 a");
    client_end(&before);
    struct client client;
    client_begin(&client, world->store, TENANT);
    client_expect_scan(&client, table, STORE_ASCENDING, "a b23 c");
    client_expect_scan(&client, table, STORE_DESCENDING, "c b23 a");
    client_end(&client);
}

/* The same for the entries of the creation order, which change when a document comes and goes. */
static void document_comes_and_goes(struct world *world)
{
    const uint32_t table = make_table(world, "t");
    world_put(world, TENANT, table, 1, 10, "a");
    world_put(world, TENANT, table, 3, 30, "c");
    struct client there;
    struct client gone;
    for (int i = 0; i < 8; i++) {
        world_put(world, TENANT, table, 2, 20, "b");
        if (i == 3) {
            client_begin(&there, world->store, TENANT);
        }
        struct client client;
        client_begin(&client, world->store, TENANT);
        client_expect(&client, table, 2, "b");
        client_remove(&client, table, 2, 20);
        REQUIRE(!client_commit(&client, NULL).conflict);
        if (i == 3) {
            client_begin(&gone, world->store, TENANT);
        }
    }
    client_expect_scan(&there, table, STORE_ASCENDING, "a b c");
    client_expect_scan(&there, table, STORE_DESCENDING, "c b a");
    client_expect_scan(&gone, table, STORE_ASCENDING, "a c");
    client_expect_scan(&gone, table, STORE_DESCENDING, "c a");
    client_end(&there);
    client_end(&gone);
}

static void made_and_removed_in_one_go(struct world *world)
{
    const uint32_t table = make_table(world, "t");
    struct client client;
    client_begin(&client, world->store, TENANT);
    client_put(&client, table, 1, 10, "one");
    client_remove(&client, table, 1, 10);
    client_remove(&client, table, 2, 20); /* was never there */
    REQUIRE(!client_commit(&client, NULL).conflict);
    client_begin(&client, world->store, TENANT);
    client_expect_scan(&client, table, STORE_ASCENDING, "");
    client_put(&client, table, 1, 10, "one");
    client_remove(&client, table, 1, 10);
    client_put(&client, table, 1, 5, "again"); /* at another place */
    client_put(&client, table, 3, 7, "three");
    client_expect_scan(&client, table, STORE_ASCENDING, "again three");
    REQUIRE(!client_commit(&client, NULL).conflict);
    client_begin(&client, world->store, TENANT);
    client_expect_scan(&client, table, STORE_DESCENDING, "three again");
    client_end(&client);
}

static void creation_time_is_kept(struct world *world)
{
    const uint32_t table = make_table(world, "t");
    world_put(world, TENANT, table, 1, 10, "one");
    struct client client;
    client_begin(&client, world->store, TENANT);
    const struct store_id id = doc_id(table, 1);
    require_error(store_put(client.txn, &id, 11, SLICE("uno")), CORDON_E_INVALID, "creation time");
    client_end(&client);
    client_begin(&client, world->store, TENANT);
    client_put(&client, table, 1, 10, "uno");
    require_error(store_remove(client.txn, &id, 11), CORDON_E_INVALID, "creation time");
    client_end(&client);
    client_begin(&client, world->store, TENANT);
    require_error(store_put(client.txn, &id, NAN, SLICE("x")), CORDON_E_INVALID, "time");
    require_error(store_remove(client.txn, &id, INFINITY), CORDON_E_INVALID, "time");
    client_end(&client);
}

/* -- Scans ----------------------------------------------------------------------------------- */

static void order_is_time_then_id(struct world *world)
{
    static const struct {
        uint64_t n;
        double time;
        const char *text;
    } docs[] = {
        {9, -1e300, "a"}, {8, -2.5, "b"}, {7, -0.5, "c"},
        {6, 0.0, "d"},    {5, 0.5, "e"},  {1, 1.0, "f"},
        {2, 1.0, "g"},    {3, 1.0, "h"},  {4, 1700000000000.25, "i"},
        {0, 1e300, "j"},
    };
    const size_t count = sizeof docs / sizeof docs[0];
    const uint32_t table = make_table(world, "t");
    const uint32_t other = make_table(world, "u");
    world_put(world, TENANT, other, 1, 1.0, "stranger");
    for (size_t i = 0; i < count; i++) {
        const size_t at = (i * 7) % count; /* in no order */
        world_put(world, TENANT, table, docs[at].n, docs[at].time, docs[at].text);
    }
    struct client client;
    client_begin(&client, world->store, TENANT);
    client_expect_scan(&client, table, STORE_ASCENDING, "a b c d e f g h i j");
    client_expect_scan(&client, table, STORE_DESCENDING, "j i h g f e d c b a");
    client_put(&client, table, 4, 1700000000000.25, "I"); /* an update keeps the place */
    client_expect_scan(&client, table, STORE_ASCENDING, "a b c d e f g h I j");
    client_end(&client);
}

static void scan_sees_own_writes_as_they_happen(struct world *world)
{
    const uint32_t table = make_table(world, "t");
    for (uint64_t n = 1; n <= 9; n += 2) {
        char text[2] = {(char)('0' + n), '\0'};
        world_put(world, TENANT, table, n, (double)n, text);
    }
    for (int descending = 0; descending < 2; descending++) {
        struct client client;
        struct store_scan *scan = NULL;
        struct slice body = {0};
        client_begin(&client, world->store, TENANT);
        OK(store_scan_open(
            client.txn, STORE_WHOLE_TABLE(table, descending ? STORE_DESCENDING : STORE_ASCENDING),
            &scan));
        REQUIRE(client_next(&client, scan, &body));
        const uint64_t first = descending ? 9 : 1;
        const uint64_t behind = descending ? 10 : 0;
        const uint64_t ahead = descending ? 8 : 2;
        REQUIRE(body.size == 1 && body.data[0] == '0' + first);
        client_put(&client, table, behind, (double)behind, "behind");
        client_put(&client, table, ahead, (double)ahead, "ahead");
        client_put(&client, table, 5, 5, "changed");
        client_remove(&client, table, descending ? 7 : 3, descending ? 7 : 3);
        REQUIRE(client_next(&client, scan, &body));
        REQUIRE(slice_equal(body, SLICE("ahead")));
        REQUIRE(client_next(&client, scan, &body));
        REQUIRE(slice_equal(body, SLICE("changed")));
        REQUIRE(client_next(&client, scan, &body));
        REQUIRE(body.data[0] == (descending ? '3' : '7'));
        client_end(&client); /* closes the scan */
    }
}

/* Enough documents for many chunks, some far over what one chunk holds in bytes. */
static void long_scans_come_in_chunks(struct world *world)
{
    enum { COUNT = 700, LARGE = 300000 };
    const uint32_t table = make_table(world, "t");
    char *large = calloc(1, LARGE + 1);
    REQUIRE(large != NULL);
    struct client client;
    client_begin(&client, world->store, TENANT);
    for (uint64_t n = 0; n < COUNT; n++) {
        memset(large, 'a' + (int)(n % 26), LARGE);
        large[n % 100 == 50 ? LARGE : 20] = '\0';
        client_put(&client, table, n, (double)n, large);
    }
    REQUIRE(!client_commit(&client, NULL).conflict);
    for (int descending = 0; descending < 2; descending++) {
        struct store_scan *scan = NULL;
        struct slice body = {0};
        client_begin(&client, world->store, TENANT);
        OK(store_scan_open(
            client.txn, STORE_WHOLE_TABLE(table, descending ? STORE_DESCENDING : STORE_ASCENDING),
            &scan));
        for (uint64_t i = 0; i < COUNT; i++) {
            const uint64_t n = descending ? COUNT - 1 - i : i;
            REQUIRE(client_next(&client, scan, &body));
            REQUIRE(body.size == (n % 100 == 50 ? LARGE : 20));
            REQUIRE(body.data[body.size - 1] == 'a' + (int)(n % 26));
        }
        REQUIRE(!client_next(&client, scan, &body));
        REQUIRE(store_txn_bytes(client.txn) > LARGE); /* what it holds is told */
        client_end(&client);
    }
    free(large);
}

/* Who says how many documents he will read is given more all the same, but at first no more. */
static void most_is_no_limit(struct world *world)
{
    enum { COUNT = 40, LARGE = 50000 };
    const uint32_t table = make_table(world, "t");
    char *large = calloc(1, LARGE + 1);
    REQUIRE(large != NULL);
    memset(large, 'a', LARGE);
    struct client client;
    client_begin(&client, world->store, TENANT);
    for (uint64_t n = 0; n < COUNT; n++) {
        client_put(&client, table, n, (double)n, large);
    }
    REQUIRE(!client_commit(&client, NULL).conflict);
    for (uint64_t most = 1; most < 4; most++) {
        struct store_scan *scan = NULL;
        struct slice body = {0};
        client_begin(&client, world->store, TENANT);
        const struct store_range range = {.table = table, .index = STORE_BY_CREATION, .most = most};
        OK(store_scan_open(client.txn, &range, &scan));
        REQUIRE(client_next(&client, scan, &body));
        REQUIRE(store_txn_bytes(client.txn) < 6 * LARGE); /* without it they were eight */
        client_remove(&client, table, 1, 1);              /* one more is needed */
        for (uint64_t n = 2; n < COUNT; n++) {
            REQUIRE(client_next(&client, scan, &body) && body.size == LARGE);
        }
        REQUIRE(!client_next(&client, scan, &body));
        client_end(&client);
    }
    free(large);
}

/* -- Tables ---------------------------------------------------------------------------------- */

static void tables_have_numbers(struct world *world)
{
    struct client client;
    client_begin(&client, world->store, TENANT);
    uint32_t table = 0;
    REQUIRE(!client_find(&client, "first", &table));
    REQUIRE(client_table(&client, "first") == 10001);
    REQUIRE(client_table(&client, "second") == 10002);
    REQUIRE(client_table(&client, "first") == 10001);
    REQUIRE(client_find(&client, "second", &table) && table == 10002);
    REQUIRE(!client_commit(&client, NULL).conflict);

    client_begin(&client, world->store, TENANT);
    REQUIRE(client_table(&client, "third") == 10003);
    REQUIRE(client_table(&client, "second") == 10002);
    enum store_step step = STORE_PENDING;
    bool found = false;
    struct slice name = {0};
    while (step == STORE_PENDING) {
        OK(store_table_name(client.txn, 10002, &step, &found, &name));
        if (step == STORE_PENDING) {
            client_wait(&client);
        }
    }
    REQUIRE(found && slice_equal(name, SLICE("second")));
    step = STORE_PENDING;
    while (step == STORE_PENDING) {
        OK(store_table_name(client.txn, 10004, &step, &found, &name));
        if (step == STORE_PENDING) {
            client_wait(&client);
        }
    }
    REQUIRE(!found);
    client_end(&client);
}

/* As many as there may be, in two transactions, and none more; those that are there are found. */
static void tables_have_an_end(struct world *world)
{
    if (world->maker->delay_ms >= 0) {
        return; /* the same store, and each answer takes its time */
    }
    struct client client;
    enum store_step step = STORE_DONE;
    uint32_t table = 0;
    char name[32];
    client_begin(&client, world->store, TENANT);
    for (int n = 0; n < STORE_TABLES_MAX; n++) {
        if (n == STORE_TABLES_MAX / 2) {
            REQUIRE(!client_commit(&client, NULL).conflict);
            client_begin(&client, world->store, TENANT);
        }
        (void)snprintf(name, sizeof name, "table_%d", n);
        (void)client_table(&client, name);
    }
    require_error(
        store_table_ensure(client.txn, SLICE("one_more"), &step, &table), CORDON_E_TOO_LARGE,
        "Number of tables cannot exceed 10000.");
    require_error(
        store_table_claim(client.txn, SLICE("one_more"), 70000, &step, &table), CORDON_E_TOO_LARGE,
        "Number of tables cannot exceed 10000.");
    for (int n = 0; n < STORE_TABLES_MAX; n++) {
        (void)snprintf(name, sizeof name, "table_%d", n);
        REQUIRE(client_find(&client, name, &table) && table == 10001 + (uint32_t)n);
    }
    REQUIRE(!client_commit(&client, NULL).conflict);
    client_begin(&client, world->store, TENANT);
    require_error(
        store_table_ensure(client.txn, SLICE("one_more"), &step, &table), CORDON_E_TOO_LARGE,
        "Number of tables cannot exceed 10000.");
    client_end(&client);
    client_begin(&client, world->store, TENANT + 1);
    (void)client_table(&client, "another_tenants");
    client_end(&client);
}

static void snapshot_knows_its_tables(struct world *world)
{
    struct client before;
    client_begin(&before, world->store, TENANT);
    (void)make_table(world, "later");
    uint32_t table = 0;
    REQUIRE(!client_find(&before, "later", &table));
    client_end(&before);
    client_begin(&before, world->store, TENANT);
    REQUIRE(client_find(&before, "later", &table) && table == 10001);
    client_end(&before);
}

static void tenants_are_apart(struct world *world)
{
    const uint32_t table = make_table(world, "t");
    world_put(world, TENANT, table, 1, 10, "mine");
    struct client client;
    client_begin(&client, world->store, TENANT + 1);
    uint32_t number = 0;
    struct slice value = {0};
    REQUIRE(!client_find(&client, "t", &number));
    client_expect(&client, table, 1, NULL);
    client_expect_scan(&client, table, STORE_ASCENDING, "");
    REQUIRE(client_table(&client, "x") == 10001);
    client_put(&client, table, 1, 20, "theirs");
    OK(store_row_put(client.txn, KEYSPACE_MODULE, SLICE("m"), SLICE("theirs")));
    REQUIRE(!client_commit(&client, "{}").conflict);
    client_begin(&client, world->store, TENANT);
    client_expect_scan(&client, table, STORE_DESCENDING, "mine");
    REQUIRE(!client_row_get(&client, KEYSPACE_MODULE, SLICE("m"), &value));
    client_end(&client);
}

/* -- Rows ------------------------------------------------------------------------------------ */

/* Keys around the group size, prefixes of each other, zeros and the longest; in order. */
static size_t row_keys(struct slice *out_keys)
{
    static uint8_t longest[400];
    memset(longest, 0xff, sizeof longest);
    const struct slice keys[] = {
        SLICE(""),
        SLICE("\0"),
        SLICE("\0\0\0\0\0\0\0\0"),
        SLICE("\0\0\0\0\0\0\0\0\0"),
        SLICE("\1"),
        SLICE("a"),
        SLICE("a\0"),
        SLICE("a\0b"),
        SLICE("ab"),
        SLICE("abcdefg"),
        SLICE("abcdefg\0"),
        SLICE("abcdefgh"),
        SLICE("abcdefgh\0"),
        SLICE("abcdefghi"),
        SLICE("b"),
        SLICE("\xff"),
        slice_of(longest, 399),
        slice_of(longest, 400),
    };
    memcpy(out_keys, keys, sizeof keys);
    return sizeof keys / sizeof keys[0];
}

static void rows_come_in_order(struct world *world)
{
    struct slice keys[32];
    const size_t count = row_keys(keys);
    struct client client;
    client_begin(&client, world->store, TENANT);
    for (size_t i = 0; i < count; i++) {
        const size_t at = (i * 5) % count;
        OK(store_row_put(client.txn, KEYSPACE_MODULE, keys[at], keys[at]));
    }
    OK(store_row_put(client.txn, KEYSPACE_SESSION, SLICE("z"), SLICE("z")));
    for (int committed = 0; committed < 2; committed++) {
        struct slice key = {0};
        struct slice value = {0};
        struct buffer at;
        buffer_init(&at, 400);
        for (size_t i = 0; i < count; i++) {
            REQUIRE(
                client_row_next(&client, KEYSPACE_MODULE, buffer_slice(&at), i > 0, &key, &value));
            REQUIRE(slice_equal(key, keys[i]));
            REQUIRE(slice_equal(value, keys[i]));
            buffer_clear(&at);
            OK(buffer_append(&at, key));
            REQUIRE(client_row_get(&client, KEYSPACE_MODULE, keys[i], &value));
            REQUIRE(slice_equal(value, keys[i]));
        }
        REQUIRE(!client_row_next(&client, KEYSPACE_MODULE, buffer_slice(&at), true, &key, &value));
        buffer_done(&at);
        REQUIRE(!client_commit(&client, NULL).conflict);
        client_begin(&client, world->store, TENANT);
    }
    client_end(&client);
}

static void rows_merge_own_writes(struct world *world)
{
    struct client client;
    struct slice key = {0};
    struct slice value = {0};
    client_begin(&client, world->store, TENANT);
    OK(store_row_put(client.txn, KEYSPACE_SESSION, SLICE("b"), SLICE("1")));
    OK(store_row_put(client.txn, KEYSPACE_SESSION, SLICE("d"), SLICE("2")));
    REQUIRE(!client_commit(&client, NULL).conflict);

    client_begin(&client, world->store, TENANT);
    OK(store_row_put(client.txn, KEYSPACE_SESSION, SLICE("a"), SLICE("3")));
    OK(store_row_put(client.txn, KEYSPACE_SESSION, SLICE("c"), SLICE("4")));
    OK(store_row_put(client.txn, KEYSPACE_SESSION, SLICE("d"), SLICE("5")));
    OK(store_row_remove(client.txn, KEYSPACE_SESSION, SLICE("b")));
    static const char *const expected[] = {"a3", "c4", "d5"};
    struct slice from = SLICE("");
    for (size_t i = 0; i < 3; i++) {
        REQUIRE(client_row_next(&client, KEYSPACE_SESSION, from, i > 0, &key, &value));
        REQUIRE(slice_equal(key, slice_of(expected[i], 1)));
        REQUIRE(slice_equal(value, slice_of(expected[i] + 1, 1)));
        from = slice_of(expected[i], 1);
    }
    REQUIRE(!client_row_next(&client, KEYSPACE_SESSION, from, true, &key, &value));
    REQUIRE(!client_commit(&client, NULL).conflict);

    client_begin(&client, world->store, TENANT);
    REQUIRE(!client_row_get(&client, KEYSPACE_SESSION, SLICE("b"), &value));
    REQUIRE(client_row_next(&client, KEYSPACE_SESSION, SLICE("b"), false, &key, &value));
    REQUIRE(slice_equal(key, SLICE("c")));
    client_end(&client);
}

static void large_rows(struct world *world)
{
    enum { LARGE = 5 << 20 };
    uint8_t *bytes = malloc(LARGE);
    REQUIRE(bytes != NULL);
    for (size_t i = 0; i < LARGE; i++) {
        bytes[i] = (uint8_t)(i * 31 >> 3);
    }
    struct client client;
    struct slice value = {0};
    client_begin(&client, world->store, TENANT);
    OK(store_row_put(client.txn, KEYSPACE_MODULE, SLICE("m"), slice_of(bytes, LARGE)));
    REQUIRE(!client_commit(&client, NULL).conflict);
    client_begin(&client, world->store, TENANT);
    REQUIRE(client_row_get(&client, KEYSPACE_MODULE, SLICE("m"), &value));
    REQUIRE(slice_equal(value, slice_of(bytes, LARGE)));
    client_end(&client);
    free(bytes);
}

static void bad_arguments_are_refused(struct world *world)
{
    static const uint8_t key[401];
    struct client client;
    struct store_txn *txn = NULL;
    require_error(
        store_begin(world->store, UINT32_MAX, (struct store_wake){NULL, NULL}, &txn),
        CORDON_E_INVALID, "tenant");
    client_begin(&client, world->store, TENANT);
    static const enum store_keyspace ours[] = {
        KEYSPACE_META,  KEYSPACE_DOCUMENT, KEYSPACE_INDEX,
        KEYSPACE_TABLE, KEYSPACE_AUDIT,    KEYSPACE_GARBAGE,
    };
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        require_error(
            store_row_put(client.txn, ours[i], SLICE("k"), SLICE("v")), CORDON_E_INVALID,
            "takes no rows");
    }
    require_error(
        store_row_put(client.txn, KEYSPACE_MODULE, slice_of(key, sizeof key), SLICE("v")),
        CORDON_E_TOO_LARGE, "400");
    require_error(
        store_row_put(client.txn, KEYSPACE_MODULE, SLICE("k"), slice_of(key, (64u << 20) + 1)),
        CORDON_E_TOO_LARGE, "limit");
    enum store_step step = STORE_DONE;
    uint32_t table = 0;
    require_error(
        store_table_ensure(client.txn, SLICE(""), &step, &table), CORDON_E_INVALID, "name");
    require_error(
        store_table_ensure(client.txn, slice_of(key, 65), &step, &table), CORDON_E_INVALID, "name");
    REQUIRE(!store_txn_has_writes(client.txn));
    client_end(&client);
}

/* -- Audit and time -------------------------------------------------------------------------- */

/* Reads the chain of a tenant from its start and checks every link. */
static uint64_t check_chain(struct client *client)
{
    uint8_t previous[32] = {0};
    uint64_t count = 0;
    uint64_t ts = 0;
    struct audit_record record;
    while (client_audit(client, count + 1, &record)) {
        uint8_t hash[32];
        REQUIRE(record.sequence == count + 1);
        REQUIRE(record.ts > ts);
        REQUIRE(memcmp(record.previous, previous, sizeof previous) == 0);
        audit_record_hash(&record, hash);
        REQUIRE(memcmp(record.hash, hash, sizeof hash) == 0);
        memcpy(previous, hash, sizeof previous);
        ts = record.ts;
        count++;
    }
    return count;
}

static void audit_is_a_chain(struct world *world)
{
    const uint32_t table = make_table(world, "t");
    struct client client;
    struct audit_record record;
    char body[32];
    for (uint64_t n = 0; n < 20; n++) {
        client_begin(&client, world->store, TENANT + (uint32_t)(n % 2));
        if (n % 3 != 0) { /* a mutation that wrote nothing has a record too */
            client_put(&client, table, n, (double)n, "x");
        }
        (void)snprintf(body, sizeof body, "{\"n\":%d}", (int)n);
        REQUIRE(!client_commit(&client, body).conflict);
    }
    for (uint32_t tenant = TENANT; tenant < TENANT + 2; tenant++) {
        client_begin(&client, world->store, tenant);
        REQUIRE(check_chain(&client) == 10);
        REQUIRE(client_audit(&client, 5, &record));
        (void)snprintf(body, sizeof body, "{\"n\":%u}", 8 + tenant - TENANT);
        REQUIRE(slice_equal(record.body, slice_str(body)));
        REQUIRE(client_audit(&client, 0, &record) && record.sequence == 1);
        REQUIRE(!client_audit(&client, 11, &record));
        client_end(&client);
    }
    client_begin(&client, world->store, TENANT + 2);
    REQUIRE(!client_audit(&client, 1, &record));
    client_end(&client);
}

static void append_records(struct world *world, uint32_t tenant, uint64_t count)
{
    for (uint64_t n = 0; n < count; n++) {
        struct client client;
        client_begin(&client, world->store, tenant);
        REQUIRE(!client_commit(&client, "{\"n\":1}").conflict);
    }
}

/* The first record of a tenant and the number of those that are there; 0 for none. */
static uint64_t first_record(struct world *world, uint32_t tenant, uint64_t *out_count)
{
    struct client client;
    struct audit_record record = {0};
    uint64_t first = 0;
    *out_count = 0;
    client_begin(&client, world->store, tenant);
    for (uint64_t next = 0; client_audit(&client, next, &record); next = record.sequence + 1) {
        first = first == 0 ? record.sequence : first;
        (*out_count)++;
    }
    client_end(&client);
    return first;
}

/* The chain goes on from the last record that was left. */
static void check_goes_on(struct world *world, uint64_t from)
{
    struct client client;
    struct audit_record before = {0};
    struct audit_record after = {0};
    uint8_t hash[SHA256_BYTES];
    client_begin(&client, world->store, TENANT);
    REQUIRE(client_audit(&client, from, &before) && before.sequence == from);
    memcpy(hash, before.hash, sizeof hash);
    REQUIRE(client_audit(&client, from + 1, &after));
    REQUIRE(memcmp(after.previous, hash, sizeof hash) == 0);
    client_end(&client);
}

/* Old records go, wherever they are, and nothing else; the last one always stays. */
static void audit_is_pruned(struct world *world)
{
    uint64_t count = 0;
    append_records(world, TENANT, 20);
    append_records(world, TENANT + 1, 5);
    static const struct {
        uint64_t before;
        uint64_t first;
    } steps[] = {{0, 1}, {1, 1}, {8, 8}, {3, 8}, {20, 20}, {1000, 20}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        bool more = true;
        while (more) {
            OK(store_audit_prune(world->store, TENANT, steps[i].before, &more));
        }
        REQUIRE(first_record(world, TENANT, &count) == steps[i].first);
        REQUIRE(count == 21 - steps[i].first);
    }
    REQUIRE(first_record(world, TENANT + 1, &count) == 1 && count == 5);
    append_records(world, TENANT, 1);
    check_goes_on(world, 20);
}

static void conflict_leaves_no_record(struct world *world)
{
    const uint32_t table = make_table(world, "t");
    struct client loser;
    client_begin(&loser, world->store, TENANT);
    client_expect(&loser, table, 1, NULL);
    client_put(&loser, table, 2, 20, "x");
    world_put(world, TENANT, table, 1, 10, "y");
    REQUIRE(client_commit(&loser, "{}").conflict);
    struct client client;
    client_begin(&client, world->store, TENANT);
    client_expect(&client, table, 2, NULL);
    REQUIRE(check_chain(&client) == 0);
    client_end(&client);
}

static void timestamps_only_grow(struct world *world)
{
    const uint32_t table = make_table(world, "t");
    uint64_t last = store_visible_ts(world->store);
    for (uint64_t n = 0; n < 20; n++) {
        struct client client;
        client_begin(&client, world->store, TENANT);
        REQUIRE(store_txn_snapshot(client.txn) == last);
        client_put(&client, table, n, 1, "x");
        const struct store_commit_result result = client_commit(&client, NULL);
        REQUIRE(!result.conflict && result.ts > last);
        REQUIRE(store_visible_ts(world->store) == result.ts);
        last = result.ts;
    }
    struct client client;
    client_begin(&client, world->store, TENANT);
    client_expect(&client, table, 1, "x");
    REQUIRE(client_commit(&client, NULL).ts == last); /* the snapshot, as nothing was written */
    uint8_t id[16] = {0};
    static const uint8_t zeros[16];
    store_cluster_id(world->store, id);
    REQUIRE(memcmp(id, zeros, sizeof id) != 0);
}

/* -- Waiting --------------------------------------------------------------------------------- */

/* Calls made again before their wake, and transactions that end while they wait. */
static void impatient_callers(struct world *world)
{
    const uint32_t table = make_table(world, "t");
    const struct store_commit_facts facts = {.audit_body = SLICE("{}")};
    for (uint64_t n = 0; n < 40; n++) {
        struct client client;
        client_begin(&client, world->store, TENANT);
        client_put(&client, table, n, (double)n, "x");
        struct store_commit_result result = {0};
        enum store_step step = STORE_PENDING;
        for (uint64_t tries = 0; step == STORE_PENDING && tries < n; tries++) {
            OK(store_commit(client.txn, &facts, &step, &result));
        }
        client.pending = UINT32_MAX; /* however many wakes came */
        client_end(&client);
    }
    struct client client;
    client_begin(&client, world->store, TENANT);
    (void)check_chain(&client);
    client_end(&client);
}

static const struct contract_case cases[] = {
    {"document/missing_is_no_error", missing_is_no_error},
    {"document/own_writes_are_read", own_writes_are_read},
    {"document/abandoned_leaves_nothing", abandoned_leaves_nothing},
    {"document/snapshot_is_stable", snapshot_is_stable},
    {"document/hot_document", hot_document_keeps_its_versions_apart},
    {"document/comes_and_goes", document_comes_and_goes},
    {"document/made_and_removed_in_one_go", made_and_removed_in_one_go},
    {"document/creation_time_is_kept", creation_time_is_kept},
    {"scan/order_is_time_then_id", order_is_time_then_id},
    {"scan/sees_own_writes_as_they_happen", scan_sees_own_writes_as_they_happen},
    {"scan/long_scans_come_in_chunks", long_scans_come_in_chunks},
    {"scan/most_is_no_limit", most_is_no_limit},
    {"table/numbers", tables_have_numbers},
    {"table/tables_have_an_end", tables_have_an_end},
    {"table/snapshot_knows_its_tables", snapshot_knows_its_tables},
    {"tenant/apart", tenants_are_apart},
    {"row/order", rows_come_in_order},
    {"row/merge_own_writes", rows_merge_own_writes},
    {"row/large", large_rows},
    {"arguments/refused", bad_arguments_are_refused},
    {"audit/chain", audit_is_a_chain},
    {"audit/pruned", audit_is_pruned},
    {"audit/conflict_leaves_no_record", conflict_leaves_no_record},
    {"time/only_grows", timestamps_only_grow},
    {"wait/impatient_callers", impatient_callers},
};

int main(void)
{
    return contract_run("store", cases, sizeof cases / sizeof cases[0]);
}
