/*
 * A store over the functions of a program: what it keeps is there again, what it gets wrong is an
 * error, and it is closed once. The contract of every store is in tests/contract.
 */
#include "store/kv.h"
#include "store/store.h"
#include "support/expect.h"

#include <stdlib.h>

/* One row that is always the answer, or none; commits are counted and forgotten. */
struct shelf {
    cordon_text row; /* its key and value; data NULL: none */
    bool fails;
    bool lacks_key; /* its sizes are said, and NULL for the bytes */
    bool lacks_value;
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
    *out_key = (cordon_text){shelf->lacks_key ? NULL : shelf->row.data, shelf->row.size};
    *out_value = (cordon_text){shelf->lacks_value ? NULL : shelf->row.data, shelf->row.size};
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
        {{.row = {"k", 1}, .lacks_key = true}, CORDON_E_STORE, "not where it was looked for"},
        {{.row = {"k", 1}, .lacks_value = true}, CORDON_E_STORE, "a row without its bytes"},
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

/* -- Rows in order -------------------------------------------------------------------------- */

enum { KEY_BYTES_MAX = 511, ROWS = 5 };

/* Sorted. */
static uint8_t keys[ROWS][KEY_BYTES_MAX];
static const size_t key_sizes[ROWS] = {1, KEY_BYTES_MAX, KEY_BYTES_MAX, 2, KEY_BYTES_MAX};

static cordon_error *find_in_order(
    void *arg,
    void *snapshot_made,
    cordon_text key,
    cordon_store_place place,
    bool *out_found,
    cordon_text *out_key,
    cordon_text *out_value)
{
    (void)arg;
    (void)snapshot_made;
    assert_in_range(key.size, 1, KEY_BYTES_MAX);
    const struct slice asked = slice_of(key.data, key.size);
    *out_found = false;
    for (size_t i = 0; i < ROWS; i++) {
        const bool is_before = slice_compare(slice_of(keys[i], key_sizes[i]), asked) < 0;
        if (place == CORDON_STORE_BEFORE ? is_before : !is_before && !*out_found) {
            *out_found = true;
            *out_key = (cordon_text){(const char *)keys[i], key_sizes[i]};
            *out_value = *out_key;
        }
    }
    return NULL;
}

/* From row to row, also behind the longest keys, and at the end of those that there can be. */
static void no_key_is_asked_for_that_there_can_not_be(void **state)
{
    (void)state;
    memset(keys, 'k', sizeof keys);
    keys[2][KEY_BYTES_MAX - 1] = UINT8_MAX; /* and before it a row whose key ends less */
    keys[3][1] = 'l';
    memset(keys[4], UINT8_MAX, KEY_BYTES_MAX);
    cordon_store_functions ordered = functions;
    ordered.find = find_in_order;
    struct shelf shelf = {0};
    struct kv *kv = NULL;
    struct kv_reader *reader = NULL;
    struct kv_row row;
    bool found = false;
    bool is_new = true;
    expect_ok(kv_open_program(&ordered, &shelf, &is_new, &kv));
    assert_false(is_new);
    expect_ok(kv->ops->reader_open(kv, &reader));
    expect_ok(kv->ops->seek(reader, SLICE("k"), &found, &row));
    for (size_t i = 0; i < ROWS; i++) {
        assert_true(found);
        assert_ptr_equal(row.key.data, keys[i]);
        assert_int_equal(row.key.size, key_sizes[i]);
        expect_ok(kv->ops->next(reader, &found, &row));
    }
    assert_false(found);
    kv->ops->reader_close(reader);
    kv->ops->close(kv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_is_closed_once),
        cmocka_unit_test(no_key_is_asked_for_that_there_can_not_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
