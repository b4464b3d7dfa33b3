/*
 * Turns of deploys: tenants have them in turns, counted by turns and not by time; no turn is left
 * unused while somebody waits; and a stop ends the waiting.
 */
#include "run/deploy/build_turns.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TENANTS = 5, MODULES = 12, DEPLOYS = 2 * TENANTS, LOG_MAX = DEPLOYS * MODULES * 2 };

struct had {
    size_t tenant;
    uint64_t asked;
    uint64_t given;
};

struct world {
    struct build_turns turns;
    atomic_bool stops;
    uint64_t served[TENANTS];
    pthread_mutex_t lock; /* over the rest */
    struct had log[LOG_MAX];
    size_t count;
    atomic_uint under_way;
    atomic_uint most;
};

struct deploy {
    struct world *world;
    size_t tenant;
    size_t modules;
    unsigned seed;
    pthread_t thread;
};

static void world_init(struct world *world)
{
    memset(world, 0, sizeof *world);
    build_turns_init(&world->turns);
    assert_int_equal(pthread_mutex_init(&world->lock, NULL), 0);
}

static void world_done(struct world *world)
{
    build_turns_done(&world->turns);
    (void)pthread_mutex_destroy(&world->lock);
}

static bool take(struct world *world, size_t tenant)
{
    struct build_turn turn;
    if (!build_turn_take(&world->turns, &world->served[tenant], &world->stops, &turn)) {
        return false;
    }
    (void)pthread_mutex_lock(&world->lock);
    world->log[world->count++] = (struct had){tenant, turn.asked, turn.given};
    (void)pthread_mutex_unlock(&world->lock);
    return true;
}

static void *do_deploy(void *arg)
{
    struct deploy *deploy = arg;
    struct world *world = deploy->world;
    for (size_t i = 0; i < deploy->modules && take(world, deploy->tenant); i++) {
        const unsigned now = atomic_fetch_add(&world->under_way, 1) + 1;
        unsigned most = atomic_load(&world->most);
        while (now > most && !atomic_compare_exchange_weak(&world->most, &most, now)) {
        }
        for (int pause = rand_r(&deploy->seed) % 8; pause > 0; pause--) {
            (void)sched_yield();
        }
        (void)atomic_fetch_sub(&world->under_way, 1);
        build_turn_give(&world->turns);
    }
    return NULL;
}

static void start(struct deploy *deploy)
{
    assert_int_equal(pthread_create(&deploy->thread, NULL, do_deploy, deploy), 0);
}

static size_t waiting(struct world *world)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&world->turns.lock);
    for (const struct build_turn *turn = world->turns.first; turn != NULL; turn = turn->next) {
        count++;
    }
    (void)pthread_mutex_unlock(&world->turns.lock);
    return count;
}

static void until_waiting(struct world *world, size_t count)
{
    while (waiting(world) != count) {
        (void)sched_yield();
    }
}

/* What another tenant was given between the asking and the giving: one, and one for each that its
 * own tenant was given there for another deploy. */
static void assert_fair(const struct world *world)
{
    for (size_t i = 0; i < world->count; i++) {
        const struct had *mine = &world->log[i];
        size_t others[TENANTS] = {0};
        for (size_t k = 0; k < world->count; k++) {
            const struct had *other = &world->log[k];
            if (other->given > mine->asked && other->given < mine->given) {
                others[other->tenant]++;
            }
        }
        for (size_t tenant = 0; tenant < TENANTS; tenant++) {
            assert_true(tenant == mine->tenant || others[tenant] <= 1 + others[mine->tenant]);
        }
    }
}

/* Whoever brings twelve modules and was there first is passed by one of another. */
static void one_module_waits_for_one(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    assert_true(take(&world, 0) && take(&world, 0)); /* two of its modules are being compiled */
    struct deploy large[2] = {{&world, 0, MODULES, 1, 0}, {&world, 0, MODULES, 2, 0}};
    struct deploy small = {&world, 1, 1, 3, 0};
    start(&large[0]);
    start(&large[1]);
    until_waiting(&world, 2);
    start(&small);
    until_waiting(&world, 3);
    build_turn_give(&world.turns);
    assert_int_equal(pthread_join(small.thread, NULL), 0);
    build_turn_give(&world.turns);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(large[i].thread, NULL), 0);
    }
    assert_int_equal(world.count, 2 + 2 * MODULES + 1);
    for (size_t i = 0; i < world.count; i++) {
        if (world.log[i].tenant == 1) {
            assert_int_equal(world.log[i].given, 3); /* the very next one */
        }
    }
    world_done(&world);
}

/* Two deploys of each of some tenants, in every order that threads happen to have. */
static void tenants_wait_for_one_of_each(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 40; round++) {
        struct world world;
        world_init(&world);
        struct deploy deploys[DEPLOYS];
        for (size_t i = 0; i < DEPLOYS; i++) {
            const size_t modules = i % TENANTS == 0 ? MODULES : 1 + (round + i) % 3;
            deploys[i] =
                (struct deploy){&world, i % TENANTS, modules, round * 100 + (unsigned)i, 0};
            start(&deploys[i]);
        }
        for (size_t i = 0; i < DEPLOYS; i++) {
            assert_int_equal(pthread_join(deploys[i].thread, NULL), 0);
        }
        assert_fair(&world);
        assert_true(atomic_load(&world.most) <= BUILD_TURNS_MAX);
        assert_int_equal(world.turns.given, world.count);
        world_done(&world);
    }
}

/* A tenant that is alone has both turns, as there is nobody to keep them for. */
static void alone_has_all(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    for (size_t i = 0; i < BUILD_TURNS_MAX; i++) {
        assert_true(take(&world, 0));
    }
    for (size_t i = 0; i < BUILD_TURNS_MAX; i++) {
        build_turn_give(&world.turns);
    }
    world_done(&world);
}

static void stops_end_the_waiting(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    assert_true(take(&world, 0) && take(&world, 1));
    struct deploy deploys[3];
    for (size_t i = 0; i < 3; i++) {
        deploys[i] = (struct deploy){&world, i, 1, 1, 0};
        start(&deploys[i]);
    }
    until_waiting(&world, 3);
    /* By the handler of a signal, which may have come to whoever has the lock. */
    (void)pthread_mutex_lock(&world.turns.lock);
    atomic_store(&world.stops, true);
    (void)pthread_mutex_unlock(&world.turns.lock);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(deploys[i].thread, NULL), 0);
    }
    assert_int_equal(world.count, 2);
    build_turn_give(&world.turns);
    build_turn_give(&world.turns);
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_module_waits_for_one),
        cmocka_unit_test(tenants_wait_for_one_of_each),
        cmocka_unit_test(alone_has_all),
        cmocka_unit_test(stops_end_the_waiting),
    };
    return cmocka_run_group_tests_name("build turns", tests, NULL, NULL);
}
