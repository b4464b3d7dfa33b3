/*
 * The prober over stores that fail in each way that a store can: at once, for one call, on a full
 * disk, by not answering, by hanging; beside threads and permits that are all stuck, and where
 * tenants have all there is; and loops that stand still. Each has its twin that is well.
 */
#include "run/prober.h"

#include "base/clock.h"
#include "base/memory.h"
#include "http/internal.h"
#include "run/internal.h"
#include "run/probe.h"
#include "store/delay.h"
#include "store/fault.h"
#include "store/vtable.h"
#include "support/expect.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { INTERVAL_MS = 20, DEADLINE_MS = 400, PATIENCE_MS = 20000, MEMORY = 1 << 26 };

/* A server, as far as a prober looks. */
struct world {
    struct store *store; /* borrowed until end() */
    struct metrics *metrics;
    struct runner *runner;
    struct compute compute;
    struct prober *prober;
};

/* So many runs at a time, and so many compute threads but one. */
static void begin_with(
    struct world *world, struct store *store, uint32_t permits, uint32_t threads, uint32_t loops)
{
    *world = (struct world){.store = store};
    expect_ok(metrics_new(&world->metrics));
    const struct runner_options runs = {
        .store = store,
        .metrics = world->metrics,
        .compile_inside = true,
        .permits = permits,
        .slots = 8,
        .turns_ns = (uint64_t)PATIENCE_MS * 1000000,
        .memory_bytes = MEMORY,
    };
    expect_ok(runner_new(&runs, &world->runner));
    expect_ok(compute_init(&world->compute, threads));
    const struct prober_options options = {
        .runner = world->runner,
        .loops = loops,
        .interval_ms = INTERVAL_MS,
        .deadline_ms = DEADLINE_MS,
        .add_turn = compute_add,
        .add_arg = &world->compute,
    };
    expect_ok(prober_new(&options, &world->prober));
    prober_begin(world->prober);
}

static void begin(struct world *world, struct store *store)
{
    begin_with(world, store, 1, 1, 0);
}

static void end(struct world *world)
{
    prober_free(world->prober);
    compute_done(&world->compute);
    runner_free(world->runner);
    metrics_free(world->metrics);
    store_close(world->store);
}

/* Whether the check becomes that in time, with words that have `part` in them. */
static bool becomes(
    const struct world *world, enum prober_check check, bool is_good, const char *part)
{
    const uint64_t deadline = clock_deadline_ns(PATIENCE_MS);
    struct prober_verdict verdicts[PROBER_CHECKS];
    do {
        (void)prober_look(world->prober, verdicts);
        if (verdicts[check].is_good == is_good && strstr(verdicts[check].words, part) != NULL) {
            return true;
        }
        (void)poll(NULL, 0, 5);
    } while (clock_poll_ms(deadline) > 0);
    print_error("%s: %s\n", prober_check_names[check], verdicts[check].words);
    return false;
}

/* Whether both that run functions become that. */
static bool both_become(const struct world *world, bool is_good, const char *part)
{
    return becomes(world, PROBER_QUERY, is_good, part) &&
           becomes(world, PROBER_MUTATION, is_good, part);
}

static struct store *open_memory(void)
{
    const struct store_options options = {.flusher_thread = true};
    struct store *store = NULL;
    expect_ok(store_open_memory(&options, &store));
    return store;
}

static void test_the_module_is_its_source(void **state)
{
    (void)state;
    uint8_t bytes[8192];
    FILE *file = fopen(CORDON_TEST_GUESTS "/probe.wasm", "rbe");
    assert_non_null(file);
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    assert_int_equal(size, probe_module.size);
    assert_memory_equal(bytes, probe_module.data, size);
}

static void test_a_good_store(void **state)
{
    (void)state;
    struct world world;
    begin(&world, open_memory());
    struct prober_verdict verdicts[PROBER_CHECKS];
    assert_true(both_become(&world, true, ""));
    const uint64_t first_ts = store_durable_ts(world.store);
    while (store_durable_ts(world.store) == first_ts) { /* it goes on */
        (void)poll(NULL, 0, 5);
    }
    assert_true(prober_look(world.prober, verdicts));
    for (size_t i = 0; i < PROBER_CHECKS; i++) {
        assert_true(verdicts[i].is_good);
        assert_string_equal(verdicts[i].words, "");
    }
    end(&world);
    prober_free(NULL);
}

static void test_one_that_has_not_begun(void **state)
{
    (void)state;
    struct world world = {0};
    const struct prober_options options = {.loops = 0};
    struct prober_verdict verdicts[PROBER_CHECKS];
    expect_ok(prober_new(&options, &world.prober));
    assert_false(prober_look(world.prober, verdicts));
    assert_string_equal(verdicts[PROBER_MUTATION].words, "it was not tried yet");
    prober_free(world.prober);
}

/* As a committer that is stuck: a commit is taken and never durable. */
static void test_a_store_that_does_not_answer(void **state)
{
    (void)state;
    static const struct {
        unsigned delay_ms;
        bool is_good;
    } rows[] = {{DEADLINE_MS / 80, true}, {PATIENCE_MS * 10, false}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct store *store = NULL;
        struct world world;
        expect_ok(store_open_delay(open_memory(), rows[i].delay_ms, &store));
        begin(&world, store);
        assert_true(both_become(
            &world, rows[i].is_good, rows[i].is_good ? "" : "it was not done in 400 ms"));
        const uint64_t began_ns = clock_monotonic_ns();
        end(&world); /* and that does not wait for it */
        assert_true(clock_monotonic_ns() - began_ns < (uint64_t)PATIENCE_MS * 1000000);
    }
}

static void test_a_store_that_fails_once(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct world world;
    expect_ok(store_open_fault(open_memory(), &store));
    begin(&world, store);
    assert_true(both_become(&world, true, ""));
    /* Whichever call of either probe it is. */
    for (uint64_t nth = 1; nth <= 8; nth++) {
        struct prober_verdict verdicts[PROBER_CHECKS];
        const uint64_t deadline = clock_deadline_ns(PATIENCE_MS);
        (void)store_fault_nth(store, nth);
        while (prober_look(world.prober, verdicts) && clock_poll_ms(deadline) > 0) {
            (void)poll(NULL, 0, 1);
        }
        assert_true(clock_poll_ms(deadline) > 0);
        assert_true(both_become(&world, true, ""));
    }
    end(&world);
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
    struct world world;
    expect_ok(store_open_lmdb(folder, &options, &store));
    begin(&world, store);
    assert_true(becomes(&world, PROBER_MUTATION, false, "disk"));
    assert_true(becomes(&world, PROBER_QUERY, true, "")); /* who reads is answered */
    end(&world);
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    /* A path of ours. NOLINTNEXTLINE(cert-env33-c) */
    assert_int_equal(system(command), 0);
}

/* All that tenants share is theirs. What is tried goes on, and leaves no trace in it. */
static void test_tenants_have_it_all(void **state)
{
    (void)state;
    struct world world;
    struct prober_verdict verdicts[PROBER_CHECKS];
    begin(&world, open_memory());
    assert_true(both_become(&world, true, ""));
    assert_true(runner_take_memory(world.runner, MEMORY)); /* of which probes have nothing */
    atomic_store(&world.runner->slots.used, world.runner->slots.total);
    const uint64_t until_ns = clock_deadline_ns((uint64_t)3 * DEADLINE_MS);
    const uint64_t first_ts = store_durable_ts(world.store);
    while (clock_poll_ms(until_ns) > 0) {
        assert_true(prober_look(world.prober, verdicts));
        (void)poll(NULL, 0, 5);
    }
    assert_true(store_durable_ts(world.store) > first_ts);
    assert_int_equal(atomic_load(&world.runner->memory.used), MEMORY);
    runner_give_memory(world.runner, MEMORY);
    atomic_store(&world.runner->slots.used, 0);
    end(&world);
}

/* -- A store whose calls do not come back ----------------------------------------------------- */

static atomic_bool hangs;
static atomic_uint hanging;
static uint32_t hangs_for; /* that tenant */
static const struct store_ops *sound;

static cordon_error *hang(
    struct store *store, uint32_t tenant, struct store_wake wake, struct store_txn **out_txn)
{
    (void)atomic_fetch_add(&hanging, 1);
    while (tenant == hangs_for && atomic_load(&hangs)) {
        (void)poll(NULL, 0, 1);
    }
    (void)atomic_fetch_sub(&hanging, 1);
    return sound->begin(store, tenant, wake, out_txn);
}

/* One in memory that hangs when a transaction of that tenant begins, as long as it is told to. */
static struct store *open_hanging(uint32_t tenant)
{
    static struct store_ops ops;
    struct store *store = open_memory();
    sound = store->ops;
    ops = *sound;
    ops.begin = hang;
    store->ops = &ops;
    hangs_for = tenant;
    atomic_store(&hangs, true);
    return store;
}

static void test_a_store_that_hangs(void **state)
{
    (void)state;
    struct world world;
    begin_with(&world, open_hanging(TENANT_SYSTEM), 2, 2, 0);
    assert_true(both_become(&world, false, "no compute thread was done with it in 400 ms"));
    atomic_store(&hangs, false);
    assert_true(both_become(&world, true, ""));
    end(&world);
}

/* Of a user, whose turn is one of a compute thread and does not end. */
struct stuck {
    struct deployment *deployment;
    struct run *run;
    struct turn turn;
    atomic_bool is_back;
};

static void ignore_wake(void *arg)
{
    (void)arg;
}

static void on_worked(void *arg)
{
    struct stuck *stuck = arg;
    atomic_store(&stuck->is_back, true);
}

static void make_stuck(struct world *world, struct stuck *stuck)
{
    const struct deploy_module module = {.wasm = probe_module};
    expect_ok(runner_build(world->runner, TENANT_DEFAULT, &module, &stuck->deployment));
    const struct run_request request = {
        .tenant = TENANT_DEFAULT,
        .path = slice_str(probe_paths[PROBE_QUERY]),
        .args = SLICE("[{}]"),
        .caller = CALLER_ADMIN,
        .any_kind = true,
        .deployment = stuck->deployment,
    };
    const struct store_wake wake = {ignore_wake, NULL};
    expect_ok(run_new(world->runner, &request, wake, &stuck->run));
    stuck->turn = (struct turn){.run = stuck->run, .worked = on_worked, .owner = stuck};
    compute_add(&world->compute, &stuck->turn);
    while (atomic_load(&hanging) == 0) {
        (void)poll(NULL, 0, 1);
    }
}

static void free_stuck(struct stuck *stuck)
{
    atomic_store(&hangs, false);
    while (!atomic_load(&stuck->is_back)) {
        (void)poll(NULL, 0, 1);
    }
    run_free(stuck->run);
    deployment_unref(stuck->deployment);
}

static void test_all_are_stuck(void **state)
{
    (void)state;
    static const struct {
        uint32_t permits;
        uint32_t threads;
        const char *words;
    } rows[] = {
        {2, 0, "no compute thread was done with it in 400 ms"},
        {1, 1, "it had no permit in 400 ms"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world world;
        struct stuck stuck = {0};
        begin_with(&world, open_hanging(TENANT_DEFAULT), rows[i].permits, rows[i].threads, 0);
        assert_true(both_become(&world, true, ""));
        make_stuck(&world, &stuck);
        assert_true(both_become(&world, false, rows[i].words));
        free_stuck(&stuck);
        assert_true(both_become(&world, true, ""));
        end(&world);
    }
}

/* One whose neighbour is stuck has its turn all the same. */
static void test_one_of_two_is_stuck(void **state)
{
    (void)state;
    struct world world;
    struct stuck stuck = {0};
    struct prober_verdict verdicts[PROBER_CHECKS];
    begin_with(&world, open_hanging(TENANT_DEFAULT), 2, 2, 0);
    assert_true(both_become(&world, true, ""));
    make_stuck(&world, &stuck);
    const uint64_t until_ns = clock_deadline_ns((uint64_t)3 * DEADLINE_MS);
    while (clock_poll_ms(until_ns) > 0) {
        assert_true(prober_look(world.prober, verdicts));
        (void)poll(NULL, 0, 5);
    }
    free_stuck(&stuck);
    end(&world);
}

/* -- Loops ----------------------------------------------------------------------------------- */

static void test_a_loop_that_stands_still(void **state)
{
    (void)state;
    struct world world;
    begin_with(&world, open_memory(), 1, 1, 2);
    struct prober *prober = world.prober;
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
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_module_is_its_source),
        cmocka_unit_test(test_a_good_store),
        cmocka_unit_test(test_one_that_has_not_begun),
        cmocka_unit_test(test_a_store_that_does_not_answer),
        cmocka_unit_test(test_a_store_that_fails_once),
        cmocka_unit_test(test_a_full_disk),
        cmocka_unit_test(test_tenants_have_it_all),
        cmocka_unit_test(test_a_store_that_hangs),
        cmocka_unit_test(test_all_are_stuck),
        cmocka_unit_test(test_one_of_two_is_stuck),
        cmocka_unit_test(test_a_loop_that_stands_still),
    };
    return cmocka_run_group_tests_name("prober", tests, NULL, NULL);
}
