/*
 * Every kind of store under the workloads of src/selftest, and what clients did and saw there held
 * against strict serializability. Each store is closed and opened again on the way, where that
 * means something, and at the end everything is read once more.
 *
 * The seed is printed; CORDON_TEST_SEED repeats it, though not the turns that threads take.
 */
#include "contract/harness.h"

#include "contract/verdict.h"
#include "selftest/workload.h"
#include "support/seed.h"
#include "support/size.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { THREADS = 6, THREADS_WAITING = 24, PARTS = 3 };

static uint64_t seed;

/* Where commits wait, many threads share one sync. */
static bool is_slow(const struct backend_maker *maker)
{
    return maker->lmdb || maker->delay_ms >= 0;
}

static void run_part(
    struct world *world, struct history *history, uint64_t part, size_t txns, uint64_t *next_key)
{
    struct workload workload = {
        .store = world->store,
        .seed = seed + part,
        .threads = is_slow(world->maker) ? THREADS_WAITING : THREADS,
        .txns = txns,
        .until_ns = UINT64_MAX,
        .generation = part,
        .first_key = *next_key - WORKLOAD_KEYS, /* those of the part before are used on */
        .history_bytes = VERDICT_BYTES_MAX,
    };
    OK(workload_run(&workload, history, next_key));
    REQUIRE(workload.counts.committed >= txns);
    (void)printf(
        "%s: %" PRIu64 " committed, %" PRIu64 " conflicts, %" PRIu64 " reserved\n",
        world->maker->name, (uint64_t)workload.counts.committed,
        (uint64_t)workload.counts.conflicts, (uint64_t)workload.counts.reserved);
}

static void run_backend(const struct backend_maker *maker, size_t txns)
{
    struct world world;
    CORDON_CLEANUP_HISTORY struct history history;
    uint64_t next_key = WORKLOAD_KEYS;
    history_init(&history, VERDICT_BYTES_MAX);
    world_open(&world, maker);
    OK(recorded_prepare(world.store));
    for (uint64_t part = 0; part < PARTS; part++) {
        run_part(&world, &history, part, txns / PARTS, &next_key);
        if (maker->lmdb) {
            world_reopen(&world);
        }
    }
    OK(workload_read_all(
        world.store, &history, (uint64_t)PARTS * WORKLOAD_THREADS_MAX, 0, next_key));
    world_close(&world);
    expect_serializable(&history, maker->name);
}

static void histories_are_strictly_serializable(void **state)
{
    (void)state;
    for (size_t i = 0; i < backend_maker_count; i++) {
        const struct backend_maker *const maker = &backend_makers[i];
        run_backend(maker, test_size(is_slow(maker) ? 4000 : 40000));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histories_are_strictly_serializable),
    };
    seed = test_seed();
    return cmocka_run_group_tests_name("store/history", tests, NULL, NULL);
}
