/*
 * The prober over stores that fail in each way that a store can: at once, for one call, on a full
 * disk, by not answering, by hanging; and loops that stand still. Each has its twin that is well.
 */
#include "run/prober.h"

#include "base/clock.h"
#include "base/memory.h"
#include "store/delay.h"
#include "store/fault.h"
#include "store/vtable.h"
#include "support/expect.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { INTERVAL_MS = 20, DEADLINE_MS = 400, PATIENCE_MS = 20000 };

static struct prober *start(struct store *store, uint32_t loops)
{
    const struct prober_options options = {
        .store = store, .loops = loops, .interval_ms = INTERVAL_MS, .deadline_ms = DEADLINE_MS};
    struct prober *prober = NULL;
    expect_ok(prober_new(&options, &prober));
    return prober;
}

/* Whether the check becomes that in time, with words that have `part` in them. */
static bool becomes(struct prober *prober, enum prober_check check, bool is_good, const char *part)
{
    const uint64_t deadline = clock_deadline_ns(PATIENCE_MS);
    struct prober_verdict verdicts[PROBER_CHECKS];
    do {
        (void)prober_look(prober, verdicts);
        if (verdicts[check].is_good == is_good && strstr(verdicts[check].words, part) != NULL) {
            return true;
        }
        (void)poll(NULL, 0, 5);
    } while (clock_poll_ms(deadline) > 0);
    print_error("%s: %s\n", prober_check_names[check], verdicts[check].words);
    return false;
}

static struct store *open_memory(void)
{
    const struct store_options options = {.flusher_thread = true};
    struct store *store = NULL;
    expect_ok(store_open_memory(&options, &store));
    return store;
}

static void test_a_good_store(void **state)
{
    (void)state;
    struct store *store = open_memory();
    struct prober *prober = start(store, 0);
    struct prober_verdict verdicts[PROBER_CHECKS];
    assert_true(becomes(prober, PROBER_MUTATION, true, ""));
    const uint64_t first_ts = store_durable_ts(store);
    while (store_durable_ts(store) == first_ts) { /* it goes on */
        (void)poll(NULL, 0, 5);
    }
    assert_true(prober_look(prober, verdicts));
    for (size_t i = 0; i < PROBER_CHECKS; i++) {
        assert_true(verdicts[i].is_good);
        assert_string_equal(verdicts[i].words, "");
    }
    prober_free(prober);
    store_close(store);
    prober_free(NULL);
}

/* As a committer that is stuck: a commit is taken and never durable. */
static void test_a_store_that_does_not_answer(void **state)
{
    (void)state;
    static const struct {
        unsigned delay_ms;
        bool is_good;
    } rows[] = {{DEADLINE_MS / 20, true}, {PATIENCE_MS * 10, false}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct store *store = NULL;
        expect_ok(store_open_delay(open_memory(), rows[i].delay_ms, &store));
        struct prober *prober = start(store, 0);
        const char *const words = rows[i].is_good ? "" : "was not done in 400 ms";
        assert_true(becomes(prober, PROBER_QUERY, rows[i].is_good, words));
        assert_true(becomes(prober, PROBER_MUTATION, rows[i].is_good, words));
        const uint64_t began_ns = clock_monotonic_ns();
        prober_free(prober); /* and that does not wait for it */
        assert_true(clock_monotonic_ns() - began_ns < (uint64_t)PATIENCE_MS * 1000000);
        store_close(store);
    }
}

static void test_a_store_that_fails_once(void **state)
{
    (void)state;
    struct store *store = NULL;
    expect_ok(store_open_fault(open_memory(), &store));
    struct prober *prober = start(store, 0);
    assert_true(becomes(prober, PROBER_MUTATION, true, ""));
    /* Whichever call of either probe it is. */
    for (uint64_t nth = 1; nth <= 4; nth++) {
        struct prober_verdict verdicts[PROBER_CHECKS];
        const uint64_t deadline = clock_deadline_ns(PATIENCE_MS);
        (void)store_fault_nth(store, nth);
        while (prober_look(prober, verdicts) && clock_poll_ms(deadline) > 0) {
            (void)poll(NULL, 0, 1);
        }
        assert_true(clock_poll_ms(deadline) > 0);
        assert_true(becomes(prober, PROBER_QUERY, true, ""));
        assert_true(becomes(prober, PROBER_MUTATION, true, ""));
    }
    prober_free(prober);
    store_close(store);
}

static void test_a_full_disk(void **state)
{
    (void)state;
    char folder[] = "/tmp/cordon-prober-XXXXXX";
    char command[64];
    assert_non_null(mkdtemp(folder));
    const struct store_options options = {
        .flusher_thread = true, .disk_reserve_bytes = UINT64_MAX / 2};
    struct store *store = NULL;
    expect_ok(store_open_lmdb(folder, &options, &store));
    struct prober *prober = start(store, 0);
    assert_true(becomes(prober, PROBER_MUTATION, false, "disk"));
    assert_true(becomes(prober, PROBER_QUERY, true, "")); /* who reads is answered */
    prober_free(prober);
    store_close(store);
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    /* A path of ours. NOLINTNEXTLINE(cert-env33-c) */
    assert_int_equal(system(command), 0);
}

/* -- One whose calls do not come back -------------------------------------------------------- */

static atomic_bool hangs;

static cordon_error *hang(
    struct store *store, uint32_t tenant, struct store_wake wake, struct store_txn **out_txn)
{
    (void)store;
    (void)tenant;
    (void)wake;
    (void)out_txn;
    while (atomic_load(&hangs)) {
        (void)poll(NULL, 0, 1);
    }
    return cordon_error_new(CORDON_E_STORE, "it came back");
}

static void test_a_store_that_hangs(void **state)
{
    (void)state;
    static const struct store_ops ops = {.begin = hang};
    struct store store = {.ops = &ops};
    atomic_store(&hangs, true);
    struct prober *prober = start(&store, 0);
    assert_true(becomes(prober, PROBER_MUTATION, false, "not tried yet"));
    atomic_store(&hangs, false);
    assert_true(becomes(prober, PROBER_MUTATION, false, "it came back"));
    atomic_store(&hangs, true);
    assert_true(becomes(prober, PROBER_QUERY, false, "the store has not answered for"));
    assert_true(becomes(prober, PROBER_MUTATION, false, "the store has not answered for"));
    atomic_store(&hangs, false);
    prober_free(prober);
}

/* -- Loops ----------------------------------------------------------------------------------- */

static void test_a_loop_that_stands_still(void **state)
{
    (void)state;
    struct store *store = open_memory();
    struct prober *prober = start(store, 2);
    struct prober_verdict verdicts[PROBER_CHECKS];
    uint64_t until_ns = clock_deadline_ns((uint64_t)2 * DEADLINE_MS);
    while (clock_poll_ms(until_ns) > 0) {
        prober_beat(prober, 0);
        prober_beat(prober, 1);
        (void)prober_look(prober, verdicts);
        assert_true(verdicts[PROBER_LOOPS].is_good);
        (void)poll(NULL, 0, 1);
    }
    until_ns = clock_deadline_ns((uint64_t)2 * DEADLINE_MS);
    while (clock_poll_ms(until_ns) > 0) {
        prober_beat(prober, 0);
        (void)poll(NULL, 0, 1);
    }
    prober_beat(prober, 0);
    assert_false(prober_look(prober, verdicts));
    assert_false(verdicts[PROBER_LOOPS].is_good);
    assert_non_null(strstr(verdicts[PROBER_LOOPS].words, "loop 1 has stood still"));
    prober_beat(prober, 1);
    (void)prober_look(prober, verdicts);
    assert_true(verdicts[PROBER_LOOPS].is_good);
    prober_free(prober);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_store),
        cmocka_unit_test(test_a_store_that_does_not_answer),
        cmocka_unit_test(test_a_store_that_fails_once),
        cmocka_unit_test(test_a_full_disk),
        cmocka_unit_test(test_a_store_that_hangs),
        cmocka_unit_test(test_a_loop_that_stands_still),
    };
    return cmocka_run_group_tests_name("prober", tests, NULL, NULL);
}
