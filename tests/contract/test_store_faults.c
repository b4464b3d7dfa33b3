/*
 * Every call failed in turn, then every allocation: nothing leaks (the sanitizers say so), a commit
 * is whole or absent, and the store goes on working.
 */
#include "contract/harness.h"

#include "base/memory.h"
#include "store/fault.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { TENANT = 7 };

static void ring(void *arg)
{
    (void)arg;
}

static void end_txn(struct store_txn **txn)
{
    store_end(txn);
}

/* -- A script that uses everything ------------------------------------------------------------- */

static cordon_error *write_things(struct store_txn *txn, const char *text)
{
    enum store_step step = STORE_PENDING;
    uint32_t table = 0;
    TRY(store_table_ensure(txn, SLICE("things"), &step, &table));
    for (uint64_t n = 0; n < 3; n++) {
        const struct store_id id = doc_id(table, n);
        bool found = false;
        struct slice body = {0};
        TRY(store_get(txn, &id, &step, &found, &body));
        TRY(store_put(txn, &id, (double)n, slice_str(text)));
    }
    const struct store_id brief = doc_id(table, 9);
    TRY(store_put(txn, &brief, 9, slice_str(text)));
    TRY(store_remove(txn, &brief, 9));
    TRY(store_row_put(txn, KEYSPACE_SESSION, SLICE("row"), slice_str(text)));
    return store_row_remove(txn, KEYSPACE_SESSION, SLICE("no such row"));
}

static cordon_error *read_things(struct store_txn *txn)
{
    enum store_step step = STORE_PENDING;
    uint32_t table = 0;
    bool found = false;
    struct slice key = {0};
    struct slice value = {0};
    TRY(store_table_find(txn, SLICE("things"), &step, &found, &table));
    TRY(store_table_name(txn, table, &step, &found, &value));
    struct store_scan *scan = NULL;
    TRY(store_scan_open(txn, STORE_WHOLE_TABLE(table, STORE_DESCENDING), &scan));
    do {
        TRY(store_scan_next(scan, &step, &found, &value));
    } while (found);
    TRY(store_row_get(txn, KEYSPACE_SESSION, SLICE("row"), &step, &found, &value));
    TRY(store_row_next(txn, KEYSPACE_SESSION, SLICE(""), false, &step, &found, &key, &value));
    struct audit_record record;
    return store_audit_read(txn, 1, &step, &found, &record);
}

/* Stores without a thread answer at once, so there is nothing to wait for. */
static cordon_error *script(struct store *store, const char *text)
{
    CORDON_CLEANUP(end_txn) struct store_txn *txn = NULL;
    TRY(store_begin(store, TENANT, (struct store_wake){ring, NULL}, &txn));
    TRY(write_things(txn, text));
    TRY(read_things(txn));
    const struct store_commit_facts facts = {.audit_body = SLICE("{}")};
    struct store_commit_result result = {0};
    enum store_step step = STORE_PENDING;
    TRY(store_commit(txn, &facts, &step, &result));
    REQUIRE(step == STORE_DONE && !result.conflict);
    return NULL;
}

/* All of `text` or all of `before` (NULL: nothing yet). Returns whether it is `text`. */
static bool check_whole(struct store *store, const char *text, const char *before)
{
    struct client client;
    struct slice value = {0};
    uint32_t table = 0;
    client_begin(&client, store, TENANT);
    const bool row = client_row_get(&client, KEYSPACE_SESSION, SLICE("row"), &value);
    const bool written = row && slice_equal(value, slice_str(text));
    const char *const now = written ? text : before;
    REQUIRE(row == (now != NULL));
    REQUIRE(client_find(&client, "things", &table) == (now != NULL));
    for (uint64_t n = 0; now != NULL && n < 3; n++) {
        client_expect(&client, table, n, now);
    }
    client_end(&client);
    return written;
}

/* -- Calls ------------------------------------------------------------------------------------- */

static const struct backend_maker makers[] = {
    {"memory", .lmdb = false, .flusher_thread = false, -1},
    {"lmdb", .lmdb = true, .flusher_thread = false, -1},
};

static void each_call_fails(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof makers / sizeof makers[0]; m++) {
        struct world world;
        world_open(&world, &makers[m]);
        OK(store_open_fault(world.store, &world.store));
        (void)store_fault_nth(world.store, 0);
        OK(script(world.store, "first"));
        const uint64_t calls = store_fault_nth(world.store, 0);
        REQUIRE(calls > 20);
        char text[32];
        for (uint64_t nth = 1; nth <= calls; nth++) {
            (void)snprintf(text, sizeof text, "text %d", (int)nth);
            (void)store_fault_nth(world.store, nth);
            require_error(script(world.store, text), CORDON_E_STORE, "was told to fail");
            (void)store_fault_nth(world.store, 0);
            REQUIRE(!check_whole(world.store, text, "first"));
        }
        OK(script(world.store, "last"));
        REQUIRE(check_whole(world.store, "last", NULL));
        world_close(&world);
    }
}

/* -- Allocations ------------------------------------------------------------------------------- */

static void each_allocation_fails(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof makers / sizeof makers[0]; m++) {
        struct world world;
        world_open(&world, &makers[m]);
        char before[32] = "";
        char text[32];
        bool failed = true;
        for (uint64_t nth = 1; failed; nth++) {
            (void)snprintf(text, sizeof text, "text %d", (int)nth);
            (void)mem_fail_nth(nth);
            cordon_error *error = script(world.store, text);
            (void)mem_fail_nth(0);
            failed = error != NULL;
            if (failed) {
                require_error(error, CORDON_E_NO_MEMORY, "memory");
            }
            /* A commit whose flush ran out of memory is visible all the same. */
            if (check_whole(world.store, text, before[0] == '\0' ? NULL : before)) {
                memcpy(before, text, sizeof before);
            } else {
                REQUIRE(failed);
            }
            REQUIRE(nth < 10000);
        }
        world_close(&world);
    }
}

static void opening_fails(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    const struct store_options options = {.map_bytes = (uint64_t)1 << 30};
    for (int lmdb = 0; lmdb < 2; lmdb++) {
        bool failed = true;
        for (uint64_t nth = 1; failed; nth++) {
            struct store *store = NULL;
            (void)mem_fail_nth(nth);
            cordon_error *error = lmdb == 1 ? store_open_lmdb(folder.path, &options, &store)
                                            : store_open_memory(&options, &store);
            (void)mem_fail_nth(0);
            failed = error != NULL;
            if (failed) {
                require_error(error, CORDON_E_NO_MEMORY, "memory");
                REQUIRE(store == NULL);
            }
            store_close(store);
            REQUIRE(nth < 1000);
        }
    }
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_fails),
        cmocka_unit_test(each_allocation_fails),
        cmocka_unit_test(opening_fails),
    };
    return cmocka_run_group_tests_name("store/faults", tests, NULL, NULL);
}
