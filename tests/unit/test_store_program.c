/*
 * A store over the functions of a program: what it keeps is there again, what it gets wrong is an
 * error, and it is closed once. The contract of every store is in tests/contract.
 */
#include "store/store.h"
#include "support/expect.h"

#include <stdlib.h>

/* One row that is always the answer, or none; commits are counted and forgotten. */
struct shelf {
    cordon_text row; /* its key and value; data NULL: none */
    bool fails;
    int commits;
    int snapshots;
    int closed;
};

static cordon_error *snapshot(void *arg, void **out_snapshot)
{
    struct shelf *shelf = arg;
    if (shelf->fails) {
        return cordon_error_new(CORDON_E_SYSTEM, "the shelf is locked; unlock it");
    }
    shelf->snapshots++;
    *out_snapshot = arg;
    return NULL;
}

static void release(void *arg, void *snapshot_made)
{
    struct shelf *shelf = arg;
    assert_ptr_equal(arg, snapshot_made);
    shelf->snapshots--;
}

static cordon_error *find(
    void *arg,
    void *snapshot_made,
    cordon_text key,
    cordon_store_place place,
    bool *out_found,
    cordon_text *out_key,
    cordon_text *out_value)
{
    const struct shelf *shelf = arg;
    (void)snapshot_made;
    (void)key;
    (void)place;
    *out_found = shelf->row.data != NULL;
    *out_key = shelf->row;
    *out_value = shelf->row;
    return NULL;
}

static cordon_error *commit(void *arg, const cordon_store_change *changes, size_t count)
{
    struct shelf *shelf = arg;
    assert_true(count > 0 && changes[0].key.size > 0);
    shelf->commits++;
    return NULL;
}

static void close_shelf(void *arg)
{
    struct shelf *shelf = arg;
    shelf->closed++;
}

static const cordon_store_functions functions = {
    .size = sizeof functions,
    .snapshot = snapshot,
    .release = release,
    .find = find,
    .commit = commit,
    .close = close_shelf,
};

static void a_store_is_closed_once(void **state)
{
    (void)state;
    static const char long_key[512] = "k";
    static const struct {
        struct shelf shelf;
        cordon_error_code code;
        const char *words; /* NULL: it opens */
    } rows[] = {
        {{.row = {NULL, 0}}, CORDON_E_INVALID, NULL},
        {{.fails = true}, CORDON_E_SYSTEM, "the shelf is locked"},
        {{.row = {"", 0}}, CORDON_E_STORE, "not where it was looked for"},
        {{.row = {long_key, sizeof long_key}}, CORDON_E_STORE, "not where it was looked for"},
        {{.row = {"\xff\xff\xff\xff\xff\xff", 6}},
         CORDON_E_STORE,
         "a database that is not this program's"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct shelf shelf = rows[i].shelf;
        const struct store_options options = {.flusher_thread = false};
        struct store *store = NULL;
        cordon_error *error = store_open_program(&functions, &shelf, &options, &store);
        if (rows[i].words == NULL) {
            expect_ok(error);
            assert_int_equal(shelf.commits, 1); /* the first record */
            assert_int_equal(shelf.closed, 0);
            store_close(store);
        } else {
            expect_error(error, rows[i].code, rows[i].words);
        }
        assert_int_equal(shelf.closed, 1);
        assert_int_equal(shelf.snapshots, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_is_closed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
