/*
 * The pieces below the store, each alone: the order and the bounds of keys, sealed values, the skip
 * list, the read set against a plain list of intervals, the write log, and waiters.
 */
#include "base/memory.h"
#include "base/random.h"
#include "store/batch.h"
#include "store/layout.h"
#include "store/readset.h"
#include "store/tables.h"
#include "store/waiters.h"
#include "store/writelog.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void random_init(struct random_stream *random, uint8_t first)
{
    const uint8_t seed[RANDOM_SEED_BYTES] = {first};
    random_stream_init(random, seed, 0);
}

static unsigned draw(struct random_stream *random, unsigned below)
{
    uint32_t number = 0;
    random_stream_fill(random, &number, sizeof number);
    return number % below;
}

/* -- Keys -------------------------------------------------------------------------------------- */

static void doubles_keep_their_order(void **state)
{
    (void)state;
    static const double numbers[] = {-INFINITY, -1e300, -2.0,   -1.5,  -5e-324, 0.0,
                                     5e-324,    1.0,    1.7e12, 1e300, INFINITY};
    for (size_t i = 1; i < sizeof numbers / sizeof numbers[0]; i++) {
        assert_true(layout_ordered_double(numbers[i - 1]) < layout_ordered_double(numbers[i]));
    }
}

/* Any two keys compare as they do encoded, with any timestamps behind them, and come back. */
static void row_keys_keep_their_order(void **state)
{
    (void)state;
    struct random_stream random;
    random_init(&random, 1);
    for (int i = 0; i < 20000; i++) {
        uint8_t bytes[2][24];
        struct slice keys[2];
        struct layout_key encoded[2];
        for (int k = 0; k < 2; k++) {
            const size_t size = draw(&random, 24);
            for (size_t b = 0; b < size; b++) {
                bytes[k][b] = (uint8_t)(draw(&random, 3) * 127); /* 00, 7f and fe: many prefixes */
            }
            keys[k] = slice_of(bytes[k], size);
            struct layout_key back;
            layout_row(&encoded[k], 1, KEYSPACE_MODULE, keys[k]);
            assert_true(layout_row_key(layout_slice(&encoded[k]), &back));
            assert_true(slice_equal(layout_slice(&back), keys[k]));
            layout_append_ts(&encoded[k], draw(&random, 1000000));
        }
        const int order = slice_compare(keys[0], keys[1]);
        const int got = slice_compare(layout_slice(&encoded[0]), layout_slice(&encoded[1]));
        if (order != 0) {
            assert_true((order < 0) == (got < 0));
        }
    }
}

static void longest_keys_fit(void **state)
{
    (void)state;
    static uint8_t bytes[LAYOUT_ROW_KEY_BYTES_MAX];
    struct layout_key key;
    memset(bytes, 0xff, sizeof bytes);
    layout_row(&key, UINT32_MAX, KEYSPACE_QUOTA, slice_of(bytes, sizeof bytes));
    layout_append_ts(&key, 1);
    assert_int_equal(key.size, 472);
    assert_true(key.size <= LAYOUT_KEY_BYTES_MAX);
}

static void malformed_row_keys_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *tail;
        size_t size;
    } cases[] = {
        {"", 0},
        {"aaaaaaa", 7},
        {"aaaaaaaa\x09", 9}, /* a count over eight */
        {"aaaaaaaa\x08", 9}, /* a full group and no other */
        {"aaaaaaaa\x03"
         "aaaaaaaa\x03",
         18}, /* more behind the last */
        {"aaaaaaaa\x08"
         "aaa",
         12},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t logical[64] = {0, 0, 0, 1, KEYSPACE_MODULE};
        struct layout_key back;
        memcpy(logical + LAYOUT_PREFIX_BYTES, cases[i].tail, cases[i].size);
        assert_false(layout_row_key(slice_of(logical, LAYOUT_PREFIX_BYTES + cases[i].size), &back));
    }
}

/* Newer versions first, and every version between the key and what comes after its prefix. */
static void versions_lie_side_by_side(void **state)
{
    (void)state;
    const struct store_id id = {
        .table = 10001,
        .internal = {
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xff}};
    struct layout_key older;
    struct layout_key newer;
    struct layout_key after;
    layout_document(&older, 1, &id);
    layout_document(&newer, 1, &id);
    layout_document(&after, 1, &id);
    layout_append_ts(&older, 5);
    layout_append_ts(&newer, 6);
    layout_after_prefix(&after);
    assert_true(slice_compare(layout_slice(&newer), layout_slice(&older)) < 0);
    assert_true(slice_compare(layout_slice(&older), layout_slice(&after)) < 0);
    assert_int_equal(layout_ts(layout_slice(&newer)), 6);
    struct store_id back;
    assert_true(layout_document_of(layout_logical(layout_slice(&newer)), &back));
    assert_memory_equal(&back.internal, &id.internal, sizeof id.internal);
}

static void every_flipped_bit_is_found(void **state)
{
    (void)state;
    uint8_t value[LAYOUT_SEAL_BYTES + 20];
    const struct slice key = SLICE("\0\0\0\1\1some key");
    memset(value, 'b', sizeof value);
    layout_seal_key(value, key, layout_seal_body(value, sizeof value, LAYOUT_LIVE));
    enum layout_kind kind = LAYOUT_TOMBSTONE;
    struct slice body = {0};
    assert_null(layout_open(key, slice_of(value, sizeof value), &kind, &body));
    assert_int_equal(kind, LAYOUT_LIVE);
    assert_int_equal(body.size, 20);
    for (size_t bit = 0; bit < 8 * sizeof value; bit++) {
        value[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cordon_error *error = layout_open(key, slice_of(value, sizeof value), &kind, &body);
        assert_non_null(error);
        assert_non_null(strstr(cordon_error_get_message(error), "'document'"));
        cordon_error_free(error);
        value[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t size = 0; size < sizeof value; size++) {
        cordon_error *error = layout_open(key, slice_of(value, size), &kind, &body);
        assert_non_null(error);
        cordon_error_free(error);
    }
    cordon_error *error =
        layout_open(SLICE("\0\0\0\1\1same kez"), slice_of(value, sizeof value), &kind, &body);
    assert_non_null(error); /* a value under another key */
    cordon_error_free(error);
}

/* -- The skip list ----------------------------------------------------------------------------- */

static void skip_list_is_a_sorted_set(void **state)
{
    (void)state;
    enum { KEYS = 200 };
    struct random_stream random;
    struct arena arena;
    struct skip list;
    bool there[KEYS] = {false};
    uint64_t heights = 1;
    random_init(&random, 2);
    arena_init(&arena, SIZE_MAX);
    skip_init(&list);
    for (int i = 0; i < 20000; i++) {
        const unsigned n = draw(&random, KEYS);
        uint8_t key[2] = {(uint8_t)(n >> 8), (uint8_t)n};
        struct skip_node *node = skip_find(&list, slice_of(key, 2));
        assert_int_equal(node != NULL, there[n]);
        if (node != NULL) {
            skip_remove(&list, node);
        } else {
            uint8_t *bytes = NULL;
            node = skip_node_in_arena(&arena, skip_random(&heights), 2, &bytes);
            assert_non_null(node);
            memcpy(bytes, key, 2);
            skip_insert(&list, node);
        }
        there[n] = !there[n];
        unsigned next = draw(&random, KEYS);
        unsigned previous = next;
        uint8_t from[2] = {(uint8_t)(next >> 8), (uint8_t)next};
        const struct skip_node *after = skip_seek(&list, slice_of(from, 2));
        const struct skip_node *before = skip_seek_before(&list, slice_of(from, 2), false);
        const struct skip_node *at = skip_seek_before(&list, slice_of(from, 2), true);
        assert_ptr_equal(at, there[next] ? after : before);
        while (next < KEYS && !there[next]) {
            next++;
        }
        while (previous > 0 && !there[previous - 1]) {
            previous--;
        }
        assert_int_equal(after == NULL ? KEYS : after->key.data[1], next);
        assert_int_equal(before == NULL ? 0 : before->key.data[1] + 1u, previous);
    }
    arena_done(&arena);
}

/* Keys of each size whose bytes are few: the order is that of memcmp, and of sizes after it. */
static void skip_list_orders_keys_of_all_sizes(void **state)
{
    (void)state;
    enum { KEYS = 4000, SIZE_MAX_OF_KEY = 40 };
    static const uint8_t some[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    struct random_stream random;
    struct arena arena;
    struct skip list;
    uint64_t heights = 1;
    random_init(&random, 4);
    arena_init(&arena, SIZE_MAX);
    skip_init(&list);
    for (int i = 0; i < KEYS; i++) {
        uint8_t key[SIZE_MAX_OF_KEY] = {0};
        const size_t size = draw(&random, SIZE_MAX_OF_KEY + 1);
        for (size_t at = size - size / (1 + draw(&random, 8)); at < size; at++) {
            key[at] = some[draw(&random, sizeof some)]; /* behind zeros that many have in common */
        }
        if (skip_find(&list, slice_of(key, size)) != NULL) {
            continue;
        }
        uint8_t *bytes = NULL;
        struct skip_node *node = skip_node_in_arena(&arena, skip_random(&heights), size, &bytes);
        assert_non_null(node);
        memcpy(bytes, key, size);
        skip_insert(&list, node);
        assert_ptr_equal(skip_find(&list, slice_of(key, size)), node);
        assert_ptr_equal(skip_seek(&list, slice_of(key, size)), node);
    }
    size_t count = 1;
    for (const struct skip_node *node = skip_first(&list), *next = NULL;
         (next = skip_next(node)) != NULL; node = next) {
        assert_true(slice_compare(node->key, next->key) < 0);
        assert_ptr_equal(skip_seek_before(&list, next->key, false), node);
        count++;
    }
    assert_int_equal(count, list.count);
    arena_done(&arena);
}

/*
 * Rows whose keys are equal until they are stamped, as all audit records of a tenant are, still get
 * nodes of all heights: a map of nodes of one height is searched from end to end.
 */
static void rows_of_one_key_have_all_heights(void **state)
{
    (void)state;
    enum { BATCHES = 4096, HEIGHTS = 5 };
    int lower[HEIGHTS] = {0}; /* how many are no higher than that */
    for (uint64_t i = 0; i < BATCHES; i++) {
        CORDON_CLEANUP(batch_freep) struct batch *batch = NULL;
        const struct slice body = SLICE("{}");
        assert_null(batch_new(i, &batch));
        assert_null(batch_add(batch, STAMP_AUDIT, SLICE("\0\0\0\1\7"), LAYOUT_LIVE, &body, 1));
        for (uint32_t height = batch->first->node->height; height < HEIGHTS; height++) {
            lower[height]++;
        }
    }
    int higher = BATCHES;
    for (int height = 1; height < HEIGHTS; height++) {
        higher /= 4;
        assert_in_range(BATCHES - lower[height], higher / 2, higher * 2);
    }
}

/* Keys that all get low nodes by one seed get nodes of all heights by another. */
static void chosen_keys_are_low_by_their_seed_alone(void **state)
{
    (void)state;
    enum { CHOSEN = 4096 };
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct arena arena;
        struct readset set;
        size_t low = 0;
        arena_init(&arena, SIZE_MAX);
        readset_init(&set, &arena);
        set.seed = seed;
        for (uint32_t n = 0, chosen = 0; chosen < CHOSEN; n++) {
            uint8_t key[4];
            layout_store32(key, n);
            const struct slice slice = slice_of(key, sizeof key);
            if (skip_height(skip_key_bits(slice, 0)) == 1) {
                assert_null(readset_add_key(&set, slice));
                low += skip_height(skip_key_bits(slice, seed)) == 1;
                chosen++;
            }
        }
        assert_int_equal(readset_count(&set), CHOSEN);
        if (seed == 0) {
            assert_int_equal(atomic_load(&set.intervals.height), 1);
        } else {
            assert_in_range(low, CHOSEN * 7 / 10, CHOSEN * 8 / 10);
            assert_true(atomic_load(&set.intervals.height) >= 4);
        }
        arena_done(&arena);
    }
}

/* A table's name has no say in how high its nodes are. */
static void the_same_table_has_nodes_of_all_heights(void **state)
{
    (void)state;
    enum { TABLES = 400 };
    int taller[2] = {0};
    for (int i = 0; i < TABLES; i++) {
        struct table_info *table = NULL;
        assert_null(table_info_new(SLICE("messages"), 10001, &table));
        taller[0] += table->by_name->height > 1;
        taller[1] += table->by_number->height > 1;
        table_info_free(table);
    }
    for (int i = 0; i < 2; i++) {
        assert_in_range(taller[i], TABLES / 8, TABLES / 2);
    }
}

/* -- The read set ------------------------------------------------------------------------------ */

/* Keys are two bytes, so that a plain array can say which were read. */
static void read_set_is_a_union(void **state)
{
    (void)state;
    enum { KEYS = 300, ROUNDS = 60, ADDS = 40 };
    struct random_stream random;
    random_init(&random, 3);
    for (int round = 0; round < ROUNDS; round++) {
        struct arena arena;
        struct readset set;
        bool read[KEYS] = {false};
        arena_init(&arena, SIZE_MAX);
        readset_init(&set, &arena);
        for (int add = 0; add < ADDS; add++) {
            const unsigned low = draw(&random, KEYS);
            const unsigned width = 1 + draw(&random, 20);
            const unsigned high = low + width > KEYS ? KEYS : low + width;
            const uint8_t from[2] = {(uint8_t)(low >> 8), (uint8_t)low};
            const uint8_t to[2] = {(uint8_t)(high >> 8), (uint8_t)high};
            if (draw(&random, 2) == 0) {
                assert_null(readset_add_key(&set, slice_of(from, 2)));
                read[low] = true;
            } else {
                assert_null(readset_add(&set, slice_of(from, 2), slice_of(to, 2)));
                for (unsigned n = low; n < high; n++) {
                    read[n] = true;
                }
            }
            for (unsigned n = 0; n < KEYS; n++) {
                const uint8_t key[2] = {(uint8_t)(n >> 8), (uint8_t)n};
                assert_int_equal(readset_covers(&set, slice_of(key, 2)), read[n]);
            }
        }
        arena_done(&arena);
    }
}

/* A scan of any length is one interval and takes no more memory with each step. */
static void read_set_of_a_scan_stays_small(void **state)
{
    (void)state;
    for (int descending = 0; descending < 2; descending++) {
        struct arena arena;
        struct readset set;
        arena_init(&arena, SIZE_MAX);
        readset_init(&set, &arena);
        size_t bytes = 0;
        for (uint32_t i = 0; i < 100000; i++) {
            uint8_t low[4];
            uint8_t high[4];
            const uint32_t at = descending ? 200000 - i : i;
            layout_store32(low, at);
            layout_store32(high, at + 1);
            assert_null(readset_add(&set, slice_of(low, 4), slice_of(high, 4)));
            if (i == 0) {
                bytes = arena_bytes(&arena);
            }
        }
        assert_int_equal(readset_count(&set), 1);
        assert_int_equal(arena_bytes(&arena), bytes);
        arena_done(&arena);
    }
}

/* -- The write log ----------------------------------------------------------------------------- */

static void write_log_is_a_queue(void **state)
{
    (void)state;
    struct writelog log = {0};
    for (uint64_t ts = 10; ts <= 5000; ts += 10) {
        struct log_entry *entry = mem_new(sizeof *entry);
        assert_non_null(entry);
        entry->ts = ts;
        assert_null(writelog_reserve(&log));
        writelog_append(&log, entry);
        if (ts % 70 == 0) {
            writelog_trim(&log, ts - 300 < ts ? ts - 300 : 0);
        }
        const uint64_t oldest = writelog_at(&log, 0)->ts;
        assert_true(log.floor_ts < oldest);
        assert_int_equal(writelog_skip(&log, oldest - 1), 0);
        assert_int_equal(writelog_skip(&log, oldest), 1);
        assert_int_equal(writelog_skip(&log, ts - 1), log.count - 1);
        assert_int_equal(writelog_skip(&log, ts), log.count);
    }
    assert_true(log.count < 50);
    writelog_done(&log);
}

/* -- Waiters ----------------------------------------------------------------------------------- */

struct sleeper {
    struct waiters *waiters;
    struct waiter waiter;
    struct sleeper *ends; /* another to end from inside the wake, or itself */
    int woken;
};

static void wake_sleeper(void *arg)
{
    struct sleeper *sleeper = arg;
    sleeper->woken++;
    if (sleeper->ends != NULL) {
        waiters_cancel(sleeper->waiters, &sleeper->ends->waiter);
        memset(&sleeper->ends->waiter, 0xaa, sizeof sleeper->ends->waiter); /* as if freed */
    }
}

static void wakes_may_end_waiters(void **state)
{
    (void)state;
    struct waiters waiters;
    _Atomic uint64_t reached = 0;
    struct sleeper a = {.waiters = &waiters, .waiter.wake = {wake_sleeper, &a}};
    struct sleeper b = {.waiters = &waiters, .waiter.wake = {wake_sleeper, &b}};
    struct sleeper c = {.waiters = &waiters, .waiter.wake = {wake_sleeper, &c}};
    a.ends = &b; /* b waits for its turn while a's wake frees it */
    c.ends = &c; /* c frees itself */
    waiters_init(&waiters);
    assert_true(waiters_add(&waiters, &a.waiter, 5, &reached));
    assert_true(waiters_add(&waiters, &b.waiter, 5, &reached));
    assert_true(waiters_add(&waiters, &c.waiter, 7, &reached));
    assert_true(waiters_add(&waiters, &c.waiter, 7, &reached)); /* twice is once */
    assert_int_equal(waiters_first_due(&waiters), 5);
    atomic_store(&reached, 6);
    waiters_wake(&waiters, 6);
    assert_int_equal(a.woken, 1);
    assert_int_equal(b.woken, 0);
    assert_int_equal(c.woken, 0);
    assert_false(waiters_add(&waiters, &a.waiter, 6, &reached)); /* already there */
    atomic_store(&reached, 7);
    waiters_wake(&waiters, 7);
    assert_int_equal(c.woken, 1);
    assert_int_equal(waiters_first_due(&waiters), UINT64_MAX);
    waiters_done(&waiters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_keep_their_order),
        cmocka_unit_test(row_keys_keep_their_order),
        cmocka_unit_test(longest_keys_fit),
        cmocka_unit_test(malformed_row_keys_are_found),
        cmocka_unit_test(versions_lie_side_by_side),
        cmocka_unit_test(every_flipped_bit_is_found),
        cmocka_unit_test(skip_list_is_a_sorted_set),
        cmocka_unit_test(skip_list_orders_keys_of_all_sizes),
        cmocka_unit_test(rows_of_one_key_have_all_heights),
        cmocka_unit_test(chosen_keys_are_low_by_their_seed_alone),
        cmocka_unit_test(the_same_table_has_nodes_of_all_heights),
        cmocka_unit_test(read_set_is_a_union),
        cmocka_unit_test(read_set_of_a_scan_stays_small),
        cmocka_unit_test(write_log_is_a_queue),
        cmocka_unit_test(wakes_may_end_waiters),
    };
    return cmocka_run_group_tests_name("store/parts", tests, NULL, NULL);
}
