/*
 * Which transactions may commit beside each other: first committer wins over what was read, and
 * nothing else is a conflict. Each case is a reader that also writes somewhere (so that its commit
 * is validated), something another transaction commits meanwhile, and who must win.
 */
#include "base/clock.h"
#include "contract/harness.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define TENANT 7

/* Documents 10, 20, .. 50 of table `t`, created at their number; document n says n. */
struct scene {
    struct world *world;
    uint32_t table;
    struct client reader;
    struct client writer;
};

static void set_scene(struct scene *scene, struct world *world)
{
    *scene = (struct scene){.world = world};
    struct client client;
    client_begin(&client, world->store, TENANT);
    scene->table = client_table(&client, "t");
    REQUIRE(client_table(&client, "aside") == scene->table + 1);
    for (uint64_t n = 10; n <= 50; n += 10) {
        char text[8];
        (void)snprintf(text, sizeof text, "%d", (int)n);
        client_put(&client, scene->table, n, (double)n, text);
    }
    OK(store_row_put(client.txn, KEYSPACE_SESSION, SLICE("k"), SLICE("v")));
    REQUIRE(!client_commit(&client, NULL).conflict);
    client_begin(&scene->reader, world->store, TENANT);
    client_begin(&scene->writer, world->store, TENANT);
}

static void set(struct scene *scene, struct client *client, uint64_t n)
{
    client_put(client, scene->table, n, (double)n, "new");
}

/* Reads `count` documents of a scan, or all if `count` is 0. */
static void scan_some(struct scene *scene, enum store_order order, size_t count)
{
    struct store_scan *scan = NULL;
    struct slice body = {0};
    OK(store_scan_open(scene->reader.txn, STORE_WHOLE_TABLE(scene->table, order), &scan));
    if (count == 0) {
        while (client_next(&scene->reader, scan, &body)) {
        }
    }
    for (size_t i = 0; i < count; i++) {
        REQUIRE(client_next(&scene->reader, scan, &body));
    }
    store_scan_close(scan);
}

static bool has_row(struct scene *scene, const char *key)
{
    struct slice value = {0};
    return client_row_get(&scene->reader, KEYSPACE_SESSION, slice_str(key), &value);
}

static bool next_row(struct scene *scene, const char *from, bool after)
{
    struct slice key = {0};
    struct slice value = {0};
    return client_row_next(&scene->reader, KEYSPACE_SESSION, slice_str(from), after, &key, &value);
}

static void put_row(struct client *client, const char *key)
{
    OK(store_row_put(client->txn, KEYSPACE_SESSION, slice_str(key), SLICE("new")));
}

/* -- What the reader does, and what the writer does -------------------------------------------- */

static void read_20(struct scene *scene)
{
    client_expect(&scene->reader, scene->table, 20, "20");
}

static void read_missing_25(struct scene *scene)
{
    client_expect(&scene->reader, scene->table, 25, NULL);
}

static void write_20_unseen(struct scene *scene)
{
    set(scene, &scene->reader, 20);
}

static void scan_all(struct scene *scene)
{
    scan_some(scene, STORE_ASCENDING, 0);
}

static void scan_all_down(struct scene *scene)
{
    scan_some(scene, STORE_DESCENDING, 0);
}

static void scan_two(struct scene *scene)
{
    scan_some(scene, STORE_ASCENDING, 2);
}

static void scan_two_down(struct scene *scene)
{
    scan_some(scene, STORE_DESCENDING, 2);
}

static void scan_opened_only(struct scene *scene)
{
    struct store_scan *scan = NULL;
    OK(store_scan_open(scene->reader.txn, STORE_WHOLE_TABLE(scene->table, STORE_ASCENDING), &scan));
}

static void scan_to_own_insert(struct scene *scene)
{
    set(scene, &scene->reader, 5);
    scan_some(scene, STORE_ASCENDING, 1);
}

static void find_missing_table(struct scene *scene)
{
    uint32_t table = 0;
    REQUIRE(!client_find(&scene->reader, "fresh", &table));
}

static void find_table(struct scene *scene)
{
    uint32_t table = 0;
    REQUIRE(client_find(&scene->reader, "t", &table) && table == scene->table);
}

static void make_table_a(struct scene *scene)
{
    REQUIRE(client_table(&scene->reader, "a") == scene->table + 2);
}

static void read_row_k(struct scene *scene)
{
    REQUIRE(has_row(scene, "k"));
}

static void walk_rows_to_end(struct scene *scene)
{
    REQUIRE(next_row(scene, "", false));
    REQUIRE(!next_row(scene, "k", true));
}

static void walk_rows_to_k(struct scene *scene)
{
    REQUIRE(next_row(scene, "", false));
}

static void change_20(struct scene *scene)
{
    set(scene, &scene->writer, 20);
}

static void remove_20(struct scene *scene)
{
    client_remove(&scene->writer, scene->table, 20, 20);
}

static void insert_25(struct scene *scene)
{
    set(scene, &scene->writer, 25);
}

static void change_40(struct scene *scene)
{
    set(scene, &scene->writer, 40);
}

static void insert_5(struct scene *scene)
{
    set(scene, &scene->writer, 5);
}

static void insert_7(struct scene *scene)
{
    set(scene, &scene->writer, 7);
}

static void insert_99(struct scene *scene)
{
    set(scene, &scene->writer, 99);
}

static void insert_aside(struct scene *scene)
{
    client_put(&scene->writer, scene->table + 1, 20, 20, "aside");
}

static void remove_missing_25(struct scene *scene)
{
    client_remove(&scene->writer, scene->table, 25, 25);
}

static void make_and_drop_25(struct scene *scene)
{
    set(scene, &scene->writer, 25);
    client_remove(&scene->writer, scene->table, 25, 25);
    set(scene, &scene->writer, 99);
}

static void other_tenant(struct scene *scene)
{
    client_end(&scene->writer);
    client_begin(&scene->writer, scene->world->store, TENANT + 1);
    client_put(&scene->writer, scene->table, 20, 20, "theirs");
}

static void make_fresh(struct scene *scene)
{
    (void)client_table(&scene->writer, "fresh");
}

static void make_a(struct scene *scene)
{
    REQUIRE(client_table(&scene->writer, "a") == scene->table + 2);
}

static void make_b(struct scene *scene)
{
    REQUIRE(client_table(&scene->writer, "b") == scene->table + 2);
}

static void put_row_k(struct scene *scene)
{
    put_row(&scene->writer, "k");
}

static void put_row_z(struct scene *scene)
{
    put_row(&scene->writer, "z");
}

static void put_row_b(struct scene *scene)
{
    put_row(&scene->writer, "b");
}

struct conflict_case {
    const char *name;
    void (*reader)(struct scene *scene);
    void (*writer)(struct scene *scene);
    bool conflict;
    uint64_t document; /* the one a conflict names, or 0 */
};

static const struct conflict_case conflict_cases[] = {
    {"read_then_changed", read_20, change_20, true, 20},
    {"read_then_removed", read_20, remove_20, true, 20},
    {"read_missing_then_made", read_missing_25, insert_25, true, 25},
    {"written_unseen_by_both", write_20_unseen, change_20, true, 20},
    {"read_another", read_20, change_40, false, 0},
    {"read_missing_another_made", read_missing_25, insert_99, false, 0},
    {"read_same_id_in_another_table", read_20, insert_aside, false, 0},
    {"read_same_id_of_another_tenant", read_20, other_tenant, false, 0},
    {"read_missing_then_removed_missing", read_missing_25, remove_missing_25, false, 0},
    {"read_missing_then_made_and_dropped", read_missing_25, make_and_drop_25, false, 0},
    {"scan_phantom", scan_all, insert_25, true, 25},
    {"scan_phantom_at_the_end", scan_all, insert_99, true, 99},
    {"scan_phantom_at_the_start", scan_all, insert_5, true, 5},
    {"scan_phantom_down", scan_all_down, insert_25, true, 25},
    {"scan_phantom_down_at_the_start", scan_all_down, insert_5, true, 5},
    {"scan_document_changed", scan_all, change_40, true, 40},
    {"scan_document_removed", scan_all_down, remove_20, true, 20},
    {"scan_another_table", scan_all, insert_aside, false, 0},
    {"scan_closed_early_behind", scan_two, insert_25, false, 0},
    {"scan_closed_early_far_behind", scan_two, change_40, false, 0},
    {"scan_closed_early_before", scan_two, insert_5, true, 5},
    {"scan_closed_early_at", scan_two, change_20, true, 20},
    {"scan_down_closed_early_behind", scan_two_down, insert_25, false, 0},
    {"scan_down_closed_early_before", scan_two_down, insert_99, true, 99},
    {"scan_down_closed_early_at", scan_two_down, change_40, true, 40},
    {"scan_opened_only", scan_opened_only, insert_5, false, 0},
    {"scan_to_own_insert_behind", scan_to_own_insert, insert_7, false, 0},
    {"table_missing_then_made", find_missing_table, make_fresh, true, 0},
    {"table_found_another_made", find_table, make_fresh, false, 0},
    {"table_same_made_twice", make_table_a, make_a, true, 0},
    {"table_same_number_twice", make_table_a, make_b, true, 0},
    {"row_changed", read_row_k, put_row_k, true, 0},
    {"row_another", read_row_k, put_row_z, false, 0},
    {"row_phantom_at_the_end", walk_rows_to_end, put_row_z, true, 0},
    {"row_phantom_before", walk_rows_to_k, put_row_b, true, 0},
    {"row_walk_closed_early", walk_rows_to_k, put_row_z, false, 0},
};

/* The reader reads, the writer commits, the reader writes something of its own and commits. */
static void run_conflict(const struct conflict_case *c, struct world *world)
{
    struct scene scene;
    set_scene(&scene, world);
    c->reader(&scene);
    c->writer(&scene);
    REQUIRE(!client_commit(&scene.writer, NULL).conflict);
    put_row(&scene.reader, "reader");
    const struct store_commit_result result = client_commit(&scene.reader, NULL);
    if (result.conflict != c->conflict) {
        (void)fprintf(stderr, "%s: conflict is %d\n", c->name, result.conflict);
        REQUIRE(result.conflict == c->conflict);
    }
    REQUIRE(result.conflict_has_id == (c->document != 0));
    REQUIRE(result.conflict_table == (c->document != 0 ? scene.table : 0));
    if (c->document != 0) {
        const struct store_id id = doc_id(scene.table, c->document);
        REQUIRE(memcmp(result.conflict_id, id.internal, sizeof id.internal) == 0);
    }
    client_begin(&scene.reader, world->store, TENANT);
    REQUIRE(has_row(&scene, "reader") == !c->conflict); /* all of it or nothing */
    client_end(&scene.reader);
}

/* -- Cases with a shape of their own ----------------------------------------------------------- */

/* Two transactions each read both and write one: serial order allows only one of them. */
static void write_skew(struct world *world)
{
    struct scene scene;
    set_scene(&scene, world);
    client_expect(&scene.reader, scene.table, 10, "10");
    client_expect(&scene.reader, scene.table, 20, "20");
    client_expect(&scene.writer, scene.table, 10, "10");
    client_expect(&scene.writer, scene.table, 20, "20");
    set(&scene, &scene.reader, 10);
    set(&scene, &scene.writer, 20);
    REQUIRE(!client_commit(&scene.writer, NULL).conflict);
    REQUIRE(client_commit(&scene.reader, NULL).conflict);
}

static void lost_update(struct world *world)
{
    struct scene scene;
    set_scene(&scene, world);
    client_expect(&scene.reader, scene.table, 10, "10");
    client_expect(&scene.writer, scene.table, 10, "10");
    set(&scene, &scene.reader, 10);
    set(&scene, &scene.writer, 10);
    REQUIRE(!client_commit(&scene.writer, NULL).conflict);
    REQUIRE(client_commit(&scene.reader, NULL).conflict);
    client_begin(&scene.reader, world->store, TENANT); /* begun again, it goes through */
    client_expect(&scene.reader, scene.table, 10, "new");
    set(&scene, &scene.reader, 10);
    REQUIRE(!client_commit(&scene.reader, NULL).conflict);
}

static void reading_alone_never_conflicts(struct world *world)
{
    struct scene scene;
    set_scene(&scene, world);
    scan_some(&scene, STORE_ASCENDING, 0);
    insert_25(&scene);
    REQUIRE(!client_commit(&scene.writer, NULL).conflict);
    const uint64_t snapshot = store_txn_snapshot(scene.reader.txn);
    REQUIRE(client_commit(&scene.reader, NULL).ts == snapshot);
}

/* A record of what was read is a write like any other: it must be true at its own time. */
static void audit_alone_is_validated(struct world *world)
{
    struct scene scene;
    set_scene(&scene, world);
    read_20(&scene);
    change_20(&scene);
    REQUIRE(!client_commit(&scene.writer, NULL).conflict);
    REQUIRE(client_commit(&scene.reader, "{}").conflict);
}

/* More commits than one hold of the commit lock validates; the clash is in the last. */
static void many_commits_are_validated(struct world *world)
{
    enum { COMMITS = 40, KEYS = 150 };
    for (int clashes = 0; clashes < 2; clashes++) {
        struct scene scene;
        set_scene(&scene, world);
        read_20(&scene);
        client_end(&scene.writer);
        for (uint64_t c = 0; c < COMMITS; c++) {
            client_begin(&scene.writer, world->store, TENANT);
            for (uint64_t n = 0; n < KEYS; n++) {
                set(&scene, &scene.writer, 1000 + c * KEYS + n);
            }
            if (clashes == 1 && c == COMMITS - 1) {
                change_20(&scene);
            }
            REQUIRE(!client_commit(&scene.writer, NULL).conflict);
        }
        put_row(&scene.reader, "reader");
        REQUIRE(client_commit(&scene.reader, NULL).conflict == (clashes == 1));
    }
}

static void race_for_a_table(struct world *world)
{
    struct scene scene;
    set_scene(&scene, world);
    make_table_a(&scene);
    make_b(&scene);
    REQUIRE(!client_commit(&scene.writer, NULL).conflict);
    REQUIRE(client_commit(&scene.reader, NULL).conflict);
    client_begin(&scene.reader, world->store, TENANT);
    REQUIRE(client_table(&scene.reader, "a") == scene.table + 3);
    REQUIRE(client_table(&scene.reader, "b") == scene.table + 2);
    REQUIRE(!client_commit(&scene.reader, NULL).conflict);
}

/* -- Reserved ones ----------------------------------------------------------------------------- */

/* A commit that may be told to come later: then it is, and nothing else. */
static enum store_step try_commit(struct client *client, bool *out_conflict)
{
    const struct store_commit_facts facts = {.audit_body = {0}};
    struct store_commit_result result = {0};
    enum store_step step = STORE_PENDING;
    while (step == STORE_PENDING) {
        OK(store_commit(client->txn, &facts, &step, &result));
        if (step == STORE_PENDING) {
            client_wait(client);
        }
    }
    *out_conflict = result.conflict;
    return step;
}

/* The reader has read document 10 and lost to a change of it; its rerun is reserved. */
static void lose_and_reserve(struct scene *scene, struct world *world)
{
    enum store_step step = STORE_LATER;
    struct store_txn *reserved = NULL;
    bool conflict = false;
    set_scene(scene, world);
    client_expect(&scene->reader, scene->table, 10, "10");
    set(scene, &scene->reader, 50);
    set(scene, &scene->writer, 10);
    REQUIRE(!client_commit(&scene->writer, NULL).conflict);
    REQUIRE(try_commit(&scene->reader, &conflict) == STORE_DONE && conflict);
    OK(store_begin_reserved(&scene->reader.txn, &step, &reserved));
    REQUIRE(step == STORE_DONE && scene->reader.txn == NULL);
    scene->reader.txn = reserved;
}

static void others_wait_for_a_reserved_one(struct world *world)
{
    struct scene scene;
    bool conflict = false;
    lose_and_reserve(&scene, world);
    client_begin(&scene.writer, world->store, TENANT);
    set(&scene, &scene.writer, 10); /* before the reserved one has read it again */
    REQUIRE(try_commit(&scene.writer, &conflict) == STORE_LATER);
    struct client aside;
    client_begin(&aside, world->store, TENANT);
    set(&scene, &aside, 20); /* nothing that it had read */
    REQUIRE(!client_commit(&aside, NULL).conflict);
    client_begin(&aside, world->store, TENANT + 1); /* and no other tenant's business */
    const uint32_t table = client_table(&aside, "t");
    client_put(&aside, table, 10, 10, "x");
    REQUIRE(!client_commit(&aside, NULL).conflict);
    client_expect(&scene.reader, scene.table, 10, "new");
    set(&scene, &scene.reader, 50);
    REQUIRE(try_commit(&scene.writer, &conflict) == STORE_LATER);
    REQUIRE(!client_commit(&scene.reader, NULL).conflict);
    REQUIRE(try_commit(&scene.writer, &conflict) == STORE_DONE && !conflict);
    client_end(&scene.writer);
}

static void there_is_one_reserved_in_a_tenant(struct world *world)
{
    struct scene scene;
    struct store_txn *second = NULL;
    enum store_step step = STORE_DONE;
    bool conflict = false;
    lose_and_reserve(&scene, world);
    struct client other;
    client_begin(&scene.writer, world->store, TENANT);
    client_begin(&other, world->store, TENANT);
    set(&scene, &scene.writer, 30);
    set(&scene, &other, 30);
    REQUIRE(!client_commit(&scene.writer, NULL).conflict);
    REQUIRE(try_commit(&other, &conflict) == STORE_DONE && conflict);
    OK(store_begin_reserved(&other.txn, &step, &second));
    REQUIRE(step == STORE_LATER && other.txn != NULL);
    client_end(&scene.reader); /* without a commit */
    OK(store_begin_reserved(&other.txn, &step, &second));
    REQUIRE(step == STORE_DONE);
    other.txn = second;
    set(&scene, &other, 30);
    REQUIRE(!client_commit(&other, NULL).conflict);
}

/* Whoever holds a reservation and does not end holds nobody up for longer than a second. */
static void a_reservation_has_an_end(struct world *world)
{
    if (world->maker->delay_ms > 0) {
        return; /* the same store, and a second more */
    }
    struct scene scene;
    bool conflict = false;
    lose_and_reserve(&scene, world);
    client_begin(&scene.writer, world->store, TENANT);
    set(&scene, &scene.writer, 10);
    unsigned tries = 0;
    while (try_commit(&scene.writer, &conflict) == STORE_LATER) {
        const struct timespec wait = {.tv_nsec = STORE_LATER_MS * 1000000};
        (void)nanosleep(&wait, NULL);
        REQUIRE(++tries <= 10 * 1000 / STORE_LATER_MS); /* a second, and tenfold slack */
    }
    REQUIRE(!conflict && tries > 1);
    client_end(&scene.writer);
    client_expect(&scene.reader, scene.table, 10, "new");
    set(&scene, &scene.reader, 50);
    REQUIRE(client_commit(&scene.reader, NULL).conflict);
}

/* Two that have lost: the one in the scene is reserved, the other wants to be. */
static void lose_twice(struct scene *scene, struct client *other, struct world *world)
{
    bool conflict = false;
    lose_and_reserve(scene, world);
    struct client winner;
    client_begin(&winner, world->store, TENANT);
    client_begin(other, world->store, TENANT);
    set(scene, &winner, 30);
    set(scene, other, 30);
    REQUIRE(!client_commit(&winner, NULL).conflict);
    REQUIRE(try_commit(other, &conflict) == STORE_DONE && conflict);
}

/*
 * And the scene's writer, which was told to come again for the reserved one that has ended since:
 * when, by the monotonic clock.
 */
static uint64_t hold_up(struct scene *scene, struct client *other, struct world *world)
{
    bool conflict = false;
    lose_twice(scene, other, world);
    client_begin(&scene->writer, world->store, TENANT);
    set(scene, &scene->writer, 10);
    const uint64_t since_ns = clock_monotonic_ns();
    REQUIRE(try_commit(&scene->writer, &conflict) == STORE_LATER);
    client_end(&scene->reader);
    return since_ns;
}

/* The machine was busy for so long that the store was not to wait any more. */
static bool is_slow(uint64_t since_ns)
{
    return clock_monotonic_ns() - since_ns > (uint64_t)STORE_EXPECTED_MS * 1000000;
}

/* Reservations that follow one another hold a commit up once. */
static void who_was_held_up_comes_before_the_next_reserved_one(struct world *world)
{
    struct scene scene;
    struct client other;
    struct store_txn *second = NULL;
    enum store_step step = STORE_DONE;
    bool conflict = false;
    const uint64_t since_ns = hold_up(&scene, &other, world);
    OK(store_begin_reserved(&other.txn, &step, &second));
    REQUIRE(step == STORE_LATER || is_slow(since_ns));
    if (step == STORE_LATER) {
        REQUIRE(try_commit(&scene.writer, &conflict) == STORE_DONE && !conflict);
        OK(store_begin_reserved(&other.txn, &step, &second));
        REQUIRE(step == STORE_DONE);
    }
    client_end(&scene.writer);
    other.txn = second;
    client_end(&other);
}

/* But who does not come again is not waited for without end. */
static void who_does_not_come_again_is_not_waited_for(struct world *world)
{
    struct scene scene;
    struct client other;
    struct store_txn *second = NULL;
    enum store_step step = STORE_LATER;
    (void)hold_up(&scene, &other, world);
    for (unsigned tries = 0; step == STORE_LATER; tries++) {
        const struct timespec wait = {.tv_nsec = STORE_LATER_MS * 1000000};
        OK(store_begin_reserved(&other.txn, &step, &second));
        (void)nanosleep(&wait, NULL);
        REQUIRE(tries <= 10 * 100 / STORE_LATER_MS);
    }
    client_end(&scene.writer);
    other.txn = second;
    client_end(&other);
}

struct shaped_case {
    const char *name;
    void (*run)(struct world *world);
};

static const struct shaped_case shaped_cases[] = {
    {"write_skew", write_skew},
    {"lost_update", lost_update},
    {"reading_alone_never_conflicts", reading_alone_never_conflicts},
    {"audit_alone_is_validated", audit_alone_is_validated},
    {"many_commits_are_validated", many_commits_are_validated},
    {"race_for_a_table", race_for_a_table},
    {"others_wait_for_a_reserved_one", others_wait_for_a_reserved_one},
    {"there_is_one_reserved_in_a_tenant", there_is_one_reserved_in_a_tenant},
    {"a_reservation_has_an_end", a_reservation_has_an_end},
    {"who_was_held_up_comes_before_the_next_reserved_one",
     who_was_held_up_comes_before_the_next_reserved_one},
    {"who_does_not_come_again_is_not_waited_for", who_does_not_come_again_is_not_waited_for},
};

/* -- Running ----------------------------------------------------------------------------------- */

static void run_on_every_store(void **state)
{
    (void)state;
    for (size_t m = 0; m < backend_maker_count; m++) {
        for (size_t c = 0; c < sizeof conflict_cases / sizeof conflict_cases[0]; c++) {
            struct world world;
            world_open(&world, &backend_makers[m]);
            run_conflict(&conflict_cases[c], &world);
            world_close(&world);
        }
    }
}

static void run_shaped_on_every_store(void **state)
{
    (void)state;
    for (size_t m = 0; m < backend_maker_count; m++) {
        for (size_t c = 0; c < sizeof shaped_cases / sizeof shaped_cases[0]; c++) {
            struct world world;
            world_open(&world, &backend_makers[m]);
            shaped_cases[c].run(&world);
            world_close(&world);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"store/conflict/table_of_cases", run_on_every_store, NULL, NULL, NULL},
        {"store/conflict/shaped_cases", run_shaped_on_every_store, NULL, NULL, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
