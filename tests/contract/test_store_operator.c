/*
 * What an operator asks of a store: snapshots that are held over longer than the window, tables one
 * after the other, and tables with the numbers that they had elsewhere.
 */
#include "contract/cases.h"

#include "base/clock.h"
#include "store/local.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TENANT 1u
#define WINDOW_MS 20u

static void sleep_ms(unsigned ms)
{
    (void)usleep(ms * 1000);
}

static void put_of(
    struct world *world, uint32_t tenant, uint32_t table, uint64_t n, const char *text)
{
    struct client client;
    client_begin(&client, world->store, tenant);
    client_put(&client, table, n, (double)n, text);
    REQUIRE(!client_commit(&client, NULL).conflict);
}

static void put(struct world *world, uint32_t table, uint64_t n, const char *text)
{
    put_of(world, TENANT, table, n, text);
}

static uint32_t make_table_of(struct world *world, uint32_t tenant, const char *name)
{
    struct client client;
    client_begin(&client, world->store, tenant);
    const uint32_t table = client_table(&client, name);
    REQUIRE(!client_commit(&client, NULL).conflict);
    return table;
}

static uint32_t make_table(struct world *world, const char *name)
{
    return make_table_of(world, TENANT, name);
}

/* A store whose old versions go soon, with a table of one document that is "old". */
static uint32_t make_brief(struct world *world)
{
    world->options.window_ms = WINDOW_MS;
    world->options.checkpoint_ms = 10;
    world_reopen(world);
    const uint32_t table = make_table(world, "t");
    put(world, table, 1, "old");
    return table;
}

/* Writes the document over until versions of before are gone, by time and by commits. */
static void age(struct world *world, uint32_t table)
{
    for (unsigned i = 0; i < 12; i++) {
        put(world, table, 1, "new");
        sleep_ms(WINDOW_MS);
    }
}

/* -- Holds ---------------------------------------------------------------------------------- */

static void held_snapshot_outlasts_the_window(struct world *world)
{
    const uint32_t table = make_brief(world);
    uint64_t snapshot = 0;
    OK(store_hold(world->store, TENANT, &snapshot));
    age(world, table);
    const uint32_t later = make_table(world, "later");
    for (int i = 0; i < 3; i++) {
        struct client client;
        OK(client_begin_held(&client, world->store, TENANT, snapshot));
        REQUIRE(store_txn_snapshot(client.txn) == snapshot);
        client_expect(&client, table, 1, "old");
        client_expect_scan(&client, table, STORE_DESCENDING, "old");
        uint32_t found = 0;
        REQUIRE(!client_find(&client, "later", &found) && later != 0);
        REQUIRE(!client_commit(&client, NULL).conflict);
        age(world, table);
    }
    store_release(world->store, TENANT, snapshot);
    struct client client;
    require_error(
        client_begin_held(&client, world->store, TENANT, snapshot), CORDON_E_NOT_FOUND,
        "begin again");
}

/* Who writes on an old moment has read what others have written since. */
static void held_snapshot_writes_nothing_over(struct world *world)
{
    const uint32_t table = make_brief(world);
    uint64_t snapshot = 0;
    OK(store_hold(world->store, TENANT, &snapshot));
    age(world, table);
    struct client client;
    OK(client_begin_held(&client, world->store, TENANT, snapshot));
    client_expect(&client, table, 1, "old");
    client_put(&client, table, 1, 1, "lost");
    REQUIRE(client_commit(&client, NULL).conflict);
    client_begin(&client, world->store, TENANT);
    client_expect(&client, table, 1, "new");
    client_end(&client);
    store_release(world->store, TENANT, snapshot);
}

/* Beside it others begin and end, on newer snapshots and on the same. */
static void held_snapshots_stand_in_order(struct world *world)
{
    const uint32_t table = make_brief(world);
    uint64_t first = 0;
    uint64_t second = 0;
    OK(store_hold(world->store, TENANT, &first));
    put(world, table, 1, "middle");
    OK(store_hold(world->store, TENANT, &second));
    put(world, table, 1, "new");
    struct client clients[4];
    client_begin(&clients[0], world->store, TENANT);
    OK(client_begin_held(&clients[1], world->store, TENANT, second));
    OK(client_begin_held(&clients[2], world->store, TENANT, first));
    OK(client_begin_held(&clients[3], world->store, TENANT, second));
    static const char *const texts[] = {"new", "middle", "old", "middle"};
    for (size_t i = 0; i < 4; i++) {
        client_expect(&clients[i], table, 1, texts[i]);
    }
    static const size_t ends[] = {2, 0, 3, 1};
    for (size_t i = 0; i < 4; i++) {
        client_end(&clients[ends[i]]);
    }
    age(world, table);
    OK(client_begin_held(&clients[0], world->store, TENANT, first));
    client_expect(&clients[0], table, 1, "old");
    client_end(&clients[0]);
    store_release(world->store, TENANT, first);
    store_release(world->store, TENANT, second);
}

/* Rows of the backend whose keys begin so, with all that is visible. */
static size_t count_rows(struct world *world, struct slice prefix)
{
    struct local *store = (struct local *)world->store;
    struct kv *kv = store->kv;
    OK(local_settle(store));
    struct kv_reader *reader = NULL;
    struct kv_row row = {0};
    bool found = false;
    size_t count = 0;
    OK(kv->ops->reader_open(kv, &reader));
    OK(reader->ops->seek(reader, prefix, &found, &row));
    while (found && slice_starts_with(row.key, prefix)) {
        count++;
        OK(reader->ops->next(reader, &found, &row));
    }
    kv_reader_closep(&reader);
    return count;
}

/* Of all documents of a tenant. */
static size_t count_versions(struct world *world, uint32_t tenant)
{
    struct layout_key low;
    struct layout_key high;
    layout_keyspace_range(tenant, KEYSPACE_DOCUMENT, &low, &high);
    return count_rows(world, slice_of(low.bytes, LAYOUT_PREFIX_BYTES));
}

static size_t count_queue(struct world *world)
{
    struct layout_key key;
    layout_garbage(&key, 0);
    return count_rows(world, slice_of(key.bytes, LAYOUT_PREFIX_BYTES));
}

/* As many as the window leaves, give or take what comes meanwhile. */
enum { VERSIONS_KEPT = 60, VERSIONS_FEW = 10 };

/* Until a tenant has few versions, with commits of both going on, as each takes some along. */
static bool comes_to_few(
    struct world *world, const uint32_t *tenants, const uint32_t *tables, uint32_t whose)
{
    const uint64_t deadline = clock_deadline_ns(20000);
    while (count_versions(world, whose) > VERSIONS_FEW) {
        if (clock_monotonic_ns() > deadline) {
            return false;
        }
        sleep_ms(WINDOW_MS);
        for (size_t i = 0; i < 2; i++) {
            put_of(world, tenants[i], tables[i], 2, "beside");
        }
    }
    return true;
}

/* What others have written over goes as if nothing was held; what the holder has stays readable. */
static void held_snapshot_keeps_its_tenants_alone(struct world *world)
{
    if (world->maker->delay_ms >= 0) {
        return; /* there the rows can't be counted */
    }
    static const uint32_t tenants[] = {TENANT, TENANT + 1};
    const uint32_t tables[] = {make_brief(world), make_table_of(world, TENANT + 1, "t")};
    uint64_t snapshot = 0;
    OK(store_hold(world->store, TENANT, &snapshot));
    for (size_t i = 0; i < 2 * (size_t)VERSIONS_KEPT; i++) {
        put_of(world, tenants[i % 2], tables[i % 2], 1, "new");
    }
    struct client client;
    OK(client_begin_held(&client, world->store, TENANT, snapshot));
    REQUIRE(comes_to_few(world, tenants, tables, TENANT + 1));
    REQUIRE(count_versions(world, TENANT) > VERSIONS_KEPT);
    REQUIRE(count_queue(world) >= VERSIONS_KEPT);
    client_expect(&client, tables[0], 1, "old"); /* open all the while */
    client_end(&client);
    OK(client_begin_held(&client, world->store, TENANT, snapshot));
    client_expect(&client, tables[0], 1, "old");
    client_expect(&client, tables[0], 2, NULL);
    client_end(&client);
    /* Then what was kept for it goes, too, though the queue has gone on behind it. */
    store_release(world->store, TENANT, snapshot);
    REQUIRE(comes_to_few(world, tenants, tables, TENANT));
    REQUIRE(count_queue(world) < VERSIONS_KEPT);
    client_begin(&client, world->store, TENANT);
    client_expect(&client, tables[0], 1, "new");
    client_end(&client);
}

/* Each of two has what its own older one needs, whichever is let go of first. */
static void oldest_of_the_holder_counts(struct world *world)
{
    if (world->maker->delay_ms >= 0) {
        return;
    }
    static const uint32_t tenants[] = {TENANT, TENANT + 1};
    const uint32_t tables[] = {make_brief(world), make_table_of(world, TENANT + 1, "t")};
    uint64_t snapshots[3];
    put_of(world, tenants[1], tables[1], 1, "old");
    OK(store_hold(world->store, tenants[0], &snapshots[0]));
    put_of(world, tenants[0], tables[0], 1, "middle");
    OK(store_hold(world->store, tenants[0], &snapshots[1]));
    OK(store_hold(world->store, tenants[1], &snapshots[2]));
    for (size_t i = 0; i < 2 * (size_t)VERSIONS_KEPT; i++) {
        put_of(world, tenants[i % 2], tables[i % 2], 1, "new");
    }
    store_release(world->store, tenants[0], snapshots[0]);
    age(world, tables[0]);
    struct client client;
    OK(client_begin_held(&client, world->store, tenants[0], snapshots[1]));
    client_expect(&client, tables[0], 1, "middle");
    client_end(&client);
    store_release(world->store, tenants[0], snapshots[1]);
    REQUIRE(comes_to_few(world, tenants, tables, tenants[0]));
    OK(client_begin_held(&client, world->store, tenants[1], snapshots[2]));
    client_expect(&client, tables[1], 1, "old");
    client_end(&client);
    store_release(world->store, tenants[1], snapshots[2]);
    REQUIRE(comes_to_few(world, tenants, tables, tenants[1]));
}

/*
 * A hold ends while somebody is still open on it, who is older than all that is due: what was kept
 * goes once that one has ended, too, though no other hold ends.
 */
static void who_is_open_keeps_nothing_for_ever(struct world *world)
{
    if (world->maker->delay_ms >= 0) {
        return;
    }
    enum { LONG_MS = 400, KEPT = VERSIONS_KEPT };
    static const uint32_t tenants[] = {TENANT, TENANT + 1};
    world->options.window_ms = LONG_MS;
    world->options.checkpoint_ms = 10;
    world_reopen(world);
    const uint32_t tables[] = {make_table(world, "t"), make_table_of(world, TENANT + 1, "t")};
    uint64_t snapshot = 0;
    struct client client;
    put(world, tables[0], 1, "old");
    OK(store_hold(world->store, TENANT, &snapshot));
    sleep_ms(LONG_MS);
    for (size_t i = 0; i < KEPT; i++) {
        put(world, tables[0], 1, "new");
    }
    sleep_ms(LONG_MS);
    REQUIRE(count_versions(world, TENANT) >= KEPT); /* they were due, and are passed over */
    put(world, tables[0], 2, "beside");
    REQUIRE(count_versions(world, TENANT) >= KEPT);
    OK(client_begin_held(&client, world->store, TENANT, snapshot));
    store_release(world->store, TENANT, snapshot);
    for (size_t i = 0; i < 4; i++) { /* some looks, while they are younger than two windows */
        put_of(world, tenants[1], tables[1], 2, "beside");
        REQUIRE(count_versions(world, TENANT + 1) > 0);
    }
    client_end(&client);
    REQUIRE(comes_to_few(world, tenants, tables, TENANT));
}

/* More rows are kept than one look passes over: others' go on, and so does who lets go. */
static void kept_rows_delay_nobody(struct world *world)
{
    if (world->maker->lmdb || world->maker->program || world->maker->flusher_thread) {
        return; /* the same of all, and many commits */
    }
    enum { KEPT = 20000 }; /* above what one look passes over, of each of two */
    static const uint32_t tenants[] = {TENANT, TENANT + 1, TENANT + 2};
    uint32_t tables[3] = {make_brief(world)};
    uint64_t snapshots[2];
    for (size_t i = 1; i < 3; i++) {
        tables[i] = make_table_of(world, tenants[i], "t");
        put_of(world, tenants[i], tables[i], 1, "old");
    }
    for (size_t i = 0; i < 2; i++) {
        OK(store_hold(world->store, tenants[i], &snapshots[i]));
    }
    for (size_t i = 0; i < 2 * (size_t)KEPT; i++) {
        put_of(world, tenants[i % 2], tables[i % 2], 1, "new");
    }
    for (size_t i = 0; i < VERSIONS_KEPT; i++) {
        put_of(world, tenants[2], tables[2], 1, "new");
    }
    REQUIRE(comes_to_few(world, &tenants[1], &tables[1], tenants[2]));
    REQUIRE(count_queue(world) >= 2 * (size_t)KEPT);
    store_release(world->store, tenants[0], snapshots[0]);
    REQUIRE(comes_to_few(world, &tenants[1], &tables[1], tenants[0]));
    const size_t left = count_queue(world);
    REQUIRE(left >= KEPT && left < KEPT + KEPT / 2);
    struct client client;
    OK(client_begin_held(&client, world->store, tenants[1], snapshots[1]));
    client_expect(&client, tables[1], 1, "old");
    client_end(&client);
    store_release(world->store, tenants[1], snapshots[1]);
    REQUIRE(comes_to_few(world, &tenants[1], &tables[1], tenants[1]));
    REQUIRE(count_queue(world) < KEPT / 2);
}

/* Each tenant has some, and they are its own, also where others hold the same moment. */
static void holds_are_few(struct world *world)
{
    uint64_t snapshots[STORE_HOLDS_OF_TENANT_MAX];
    uint64_t none = 0;
    uint64_t other = 0;
    for (size_t i = 0; i < STORE_HOLDS_OF_TENANT_MAX; i++) {
        OK(store_hold(world->store, TENANT, &snapshots[i]));
    }
    require_error(store_hold(world->store, TENANT, &none), CORDON_E_OVERLOADED, "begin again");
    REQUIRE(none == 0);
    store_release(world->store, TENANT, snapshots[0] + 1); /* held by nobody */
    store_release(world->store, TENANT + 1, snapshots[0]); /* not by that one */
    require_error(store_hold(world->store, TENANT, &none), CORDON_E_OVERLOADED, "begin again");
    struct client client;
    require_error(
        client_begin_held(&client, world->store, TENANT + 1, snapshots[0]), CORDON_E_NOT_FOUND,
        "begin again");
    OK(store_hold(world->store, TENANT + 1, &other));
    store_release(world->store, TENANT, snapshots[0]);
    OK(store_hold(world->store, TENANT, &snapshots[0]));
}

/* Some tenants have all that they may, and with that all there are; another still gets its own. */
static void holds_are_left_for_others(struct world *world)
{
    enum { GREEDY = STORE_HOLDS_MAX / STORE_HOLDS_OF_TENANT_MAX };
    uint64_t snapshot = 0;
    uint64_t refused = 0;
    for (uint32_t i = 0; i < STORE_HOLDS_MAX; i++) {
        OK(store_hold(world->store, TENANT + i % GREEDY, &snapshot));
    }
    require_error(
        store_hold(world->store, TENANT, &refused), CORDON_E_OVERLOADED, "this tenant holds 8 ");
    for (uint32_t other = TENANT + GREEDY; other < TENANT + GREEDY + 20; other++) {
        for (size_t i = 0; i < STORE_HOLDS_OWN; i++) {
            struct client client;
            OK(store_hold(world->store, other, &snapshot));
            OK(client_begin_held(&client, world->store, other, snapshot));
            client_end(&client);
        }
    }
    require_error(
        store_hold(world->store, TENANT + GREEDY, &refused), CORDON_E_OVERLOADED,
        "all tenants together hold 104 snapshots, and from 64 on each may have 2, while this one "
        "holds 2;");
    store_release(world->store, TENANT + GREEDY, snapshot);
    OK(store_hold(world->store, TENANT + GREEDY, &snapshot)); /* its own, once more */
    REQUIRE(refused == 0);
}

/* One that nobody reads is let go of, and one that is read for ever too. */
static void holds_end(struct world *world)
{
    world->options.hold_idle_ms = 300;
    world->options.hold_ms = 900;
    const uint32_t table = make_brief(world);
    uint64_t idle = 0;
    uint64_t busy = 0;
    OK(store_hold(world->store, TENANT, &idle));
    put(world, table, 1, "middle");
    OK(store_hold(world->store, TENANT, &busy));
    const uint64_t begun = clock_monotonic_ns();
    const uint64_t deadline = begun + (uint64_t)20 * 1000000000u;
    cordon_error *error = NULL;
    while (error == NULL && clock_monotonic_ns() < deadline) {
        put(world, table, 1, "new");
        struct client client;
        error = client_begin_held(&client, world->store, TENANT, busy);
        if (error == NULL) {
            client_end(&client);
            sleep_ms(20);
        }
    }
    require_error(error, CORDON_E_NOT_FOUND, "begin again");
    REQUIRE(clock_monotonic_ns() - begun >= (uint64_t)300 * 1000000u);
    struct client client;
    require_error(
        client_begin_held(&client, world->store, TENANT, idle), CORDON_E_NOT_FOUND, "begin again");
}

/* -- Tables --------------------------------------------------------------------------------- */

static uint32_t claim(struct client *client, const char *name, uint32_t wanted)
{
    enum store_step step = STORE_PENDING;
    uint32_t table = 0;
    while (step == STORE_PENDING) {
        OK(store_table_claim(client->txn, slice_str(name), wanted, &step, &table));
        if (step == STORE_PENDING) {
            client_wait(client);
        }
    }
    return table;
}

static uint32_t next(struct client *client, uint32_t after, struct slice *out_name)
{
    enum store_step step = STORE_PENDING;
    uint32_t table = 0;
    while (step == STORE_PENDING) {
        OK(store_table_next(client->txn, after, &step, &table, out_name));
        if (step == STORE_PENDING) {
            client_wait(client);
        }
    }
    return table;
}

/* The tables are exactly these: "name number name number". */
static void expect_tables(struct client *client, const char *wanted)
{
    char list[256] = "";
    size_t size = 0;
    struct slice name = {0};
    for (uint32_t table = next(client, 0, &name); table != 0; table = next(client, table, &name)) {
        const int more = snprintf(
            list + size, sizeof list - size, "%s%.*s %u", size == 0 ? "" : " ", SLICE_FMT(name),
            table);
        REQUIRE(more > 0 && (size_t)more < sizeof list - size);
        size += (size_t)more;
    }
    REQUIRE(slice_equal(slice_str(list), slice_str(wanted)));
}

static void tables_keep_their_numbers(struct world *world)
{
    struct client client;
    client_begin(&client, world->store, TENANT);
    expect_tables(&client, "");
    REQUIRE(claim(&client, "c", 10007) == 10007);
    REQUIRE(claim(&client, "a", 10003) == 10003); /* in a gap */
    REQUIRE(claim(&client, "c", 10009) == 10007); /* has a number already */
    REQUIRE(claim(&client, "b", 10007) == 0);     /* which has an owner */
    REQUIRE(client_table(&client, "d") == 10008);
    expect_tables(&client, "a 10003 c 10007 d 10008");
    REQUIRE(!client_commit(&client, NULL).conflict);
    client_begin(&client, world->store, TENANT);
    REQUIRE(claim(&client, "b", 10007) == 0);
    REQUIRE(claim(&client, "a", 10003) == 10003);
    REQUIRE(claim(&client, "e", 10001) == 10001);
    REQUIRE(client_table(&client, "f") == 10009);
    expect_tables(&client, "e 10001 a 10003 c 10007 d 10008 f 10009");
    REQUIRE(!client_commit(&client, NULL).conflict);
    client_begin(&client, world->store, TENANT);
    expect_tables(&client, "e 10001 a 10003 c 10007 d 10008 f 10009");
    enum store_step step = STORE_PENDING;
    uint32_t table = 0;
    require_error(
        store_table_claim(client.txn, SLICE("g"), 10000, &step, &table), CORDON_E_INVALID,
        "from 10001");
    client_end(&client);
}

static void claims_of_one_number_conflict(struct world *world)
{
    struct client first;
    struct client second;
    client_begin(&first, world->store, TENANT);
    client_begin(&second, world->store, TENANT);
    REQUIRE(claim(&first, "a", 10005) == 10005);
    REQUIRE(claim(&second, "b", 10005) == 10005);
    REQUIRE(!client_commit(&first, NULL).conflict);
    REQUIRE(client_commit(&second, NULL).conflict);
}

/* Who has seen all tables is in conflict with whoever makes one. */
static void lists_of_tables_are_read(struct world *world)
{
    const uint32_t table = make_table(world, "a");
    struct client reader;
    client_begin(&reader, world->store, TENANT);
    expect_tables(&reader, "a 10001");
    client_put(&reader, table, 1, 1, "there is one table");
    (void)make_table(world, "b");
    expect_tables(&reader, "a 10001");
    REQUIRE(client_commit(&reader, NULL).conflict);
}

/* -- Quotas --------------------------------------------------------------------------------- */

enum { QUOTA_STEP = 1 << 20 };

static struct store_commit_result commit(struct client *client, struct store_quota *quota)
{
    struct store_commit_result result = {0};
    const struct store_commit_facts facts = {.quota = quota};
    for (enum store_step step = STORE_PENDING; step != STORE_DONE;) {
        OK(store_commit(client->txn, &facts, &step, &result));
        if (step == STORE_PENDING) {
            client_wait(client);
        }
    }
    REQUIRE(!result.conflict);
    client_end(client);
    return result;
}

/* Adds a document of about QUOTA_STEP bytes, or of nearly none. */
static struct store_commit_result grow(
    struct world *world, uint32_t table, uint64_t n, struct store_quota *quota, bool is_large)
{
    static char text[QUOTA_STEP + 1];
    memset(text, 'x', QUOTA_STEP);
    struct client client;
    client_begin(&client, world->store, TENANT);
    client_put(&client, table, n, (double)n, is_large ? text : "x");
    return commit(&client, quota);
}

/* Keeps a result of so many bytes, and removes a small document, if one is named. */
static struct store_commit_result keep_result(
    struct world *world, uint32_t table, uint64_t n, struct store_quota *quota, size_t size)
{
    static uint8_t result[QUOTA_STEP];
    struct client client;
    client_begin(&client, world->store, TENANT);
    if (n != 0) {
        client_remove(&client, table, n, (double)n);
    }
    OK(store_row_put(client.txn, KEYSPACE_SESSION, SLICE("key"), slice_of(result, size)));
    return commit(&client, quota);
}

/* Where there is no room, who removes a document may have a small result kept. */
static void removals_have_small_results(struct world *world)
{
    struct store_quota quota = {.allowed = 1, .used = 1000};
    const uint32_t table = make_table(world, "t");
    atomic_store(&quota.is_counted, true);
    REQUIRE(!grow(world, table, 1, NULL, false).is_full);
    REQUIRE(keep_result(world, table, 0, &quota, 1).is_full);
    REQUIRE(keep_result(world, table, 1, &quota, 2000).is_full);
    REQUIRE(!keep_result(world, table, 1, &quota, 100).is_full);
}

/* As long as nobody knows what there was, so much is let in; then what there is room for. */
static void uncounted_growth_is_bounded(struct world *world)
{
    const uint64_t most = STORE_UNCOUNTED_BYTES_MAX / QUOTA_STEP;
    struct store_quota quota = {.allowed = 2 * STORE_UNCOUNTED_BYTES_MAX};
    const uint32_t table = make_table(world, "t");
    uint64_t n = 1;
    while (n <= most + 2 && !grow(world, table, n, &quota, true).is_uncounted) {
        n++;
    }
    REQUIRE(n == most || n == most + 1); /* as a document is little or no larger than its text */
    REQUIRE((uint64_t)atomic_load(&quota.used) <= STORE_UNCOUNTED_BYTES_MAX);
    const struct store_commit_result refused = grow(world, table, n, &quota, true);
    REQUIRE(refused.is_uncounted && !refused.is_full);
    REQUIRE(!grow(world, table, 1, &quota, false).is_uncounted); /* makes it less */
    atomic_store(&quota.is_counted, true);
    REQUIRE(!grow(world, table, n, &quota, true).is_uncounted);
    /* What is too much by itself is so without a count. */
    atomic_store(&quota.is_counted, false);
    atomic_store(&quota.allowed, QUOTA_STEP);
    REQUIRE(grow(world, table, n + 1, &quota, true).is_full);
}

/* -- Running -------------------------------------------------------------------------------- */

static const struct contract_case cases[] = {
    {"hold/outlasts_the_window", held_snapshot_outlasts_the_window},
    {"hold/writes_nothing_over", held_snapshot_writes_nothing_over},
    {"hold/in_order", held_snapshots_stand_in_order},
    {"hold/of_its_tenant_alone", held_snapshot_keeps_its_tenants_alone},
    {"hold/oldest_counts", oldest_of_the_holder_counts},
    {"hold/open_keeps_nothing_for_ever", who_is_open_keeps_nothing_for_ever},
    {"hold/kept_rows_delay_nobody", kept_rows_delay_nobody},
    {"hold/few", holds_are_few},
    {"hold/left_for_others", holds_are_left_for_others},
    {"hold/ends", holds_end},
    {"table/keep_their_numbers", tables_keep_their_numbers},
    {"table/claims_conflict", claims_of_one_number_conflict},
    {"table/lists_are_read", lists_of_tables_are_read},
    {"quota/uncounted_growth_is_bounded", uncounted_growth_is_bounded},
    {"quota/removals_have_small_results", removals_have_small_results},
};

int main(void)
{
    return contract_run("store_operator", cases, sizeof cases / sizeof cases[0]);
}
