/*
 * Commits that wait for room: more is in flight than may wait for the backend. Who is let in next,
 * and that who asks too often keeps nobody from making some. Over the memory backend, as nothing of
 * it is the backend's.
 */
#include "contract/harness.h"

#include "store/local.h"

#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define TENANT 7

/* A thread that holds a reader of the memory backend open, so that no flush can end. */
struct holder {
    struct kv *kv;
    sem_t holds;
    sem_t enough;
    pthread_t thread;
};

static void *hold(void *arg)
{
    struct holder *holder = arg;
    struct kv_reader *reader = NULL;
    OK(holder->kv->ops->reader_open(holder->kv, &reader));
    REQUIRE(sem_post(&holder->holds) == 0);
    while (sem_wait(&holder->enough) != 0) {
    }
    kv_reader_closep(&reader);
    return NULL;
}

static void holder_start(struct holder *holder, struct kv *kv)
{
    *holder = (struct holder){.kv = kv};
    REQUIRE(sem_init(&holder->holds, 0, 0) == 0 && sem_init(&holder->enough, 0, 0) == 0);
    REQUIRE(pthread_create(&holder->thread, NULL, hold, holder) == 0);
    while (sem_wait(&holder->holds) != 0) {
    }
}

static void holder_stop(struct holder *holder)
{
    REQUIRE(sem_post(&holder->enough) == 0 && pthread_join(holder->thread, NULL) == 0);
    (void)sem_destroy(&holder->holds);
    (void)sem_destroy(&holder->enough);
}

static int ticket_of(const struct client *client)
{
    return atomic_load(&((struct local_txn *)client->txn)->ticket.state);
}

/*
 * One tenant has more to commit than there is room for, and is always asked for first. What it has
 * waiting second is let in once the commit of another tenant, which came last, is.
 */
static void tenants_have_room_in_turns(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, &backend_makers[0]);
    enum { FIT = 2, WAIT = 3, OTHER = FIT + WAIT, COMMITS, LARGE = 33 << 20 };
    uint8_t *bytes = calloc(1, LARGE);
    REQUIRE(bytes != NULL);
    static const char names[] = "abcdef";
    struct client clients[COMMITS];
    struct holder holder;
    bool done[COMMITS] = {false};
    size_t left = COMMITS;
    struct store_commit_result result;
    enum store_step step = STORE_DONE;
    const struct store_commit_facts facts = {.audit_body = SLICE("{}")};
    for (size_t i = 0; i < COMMITS; i++) {
        client_begin(&clients[i], world.store, i == OTHER ? TENANT + 1 : TENANT);
        OK(store_row_put(
            clients[i].txn, KEYSPACE_MODULE, slice_of(&names[i], 1), slice_of(bytes, LARGE)));
    }
    world_put(&world, TENANT, 10001, 1, 1, "so that no commit has to read any more");
    holder_start(&holder, ((struct local *)world.store)->kv);
    for (size_t i = 0; i < COMMITS; i++) {
        OK(store_commit(clients[i].txn, &facts, &step, &result));
        REQUIRE(ticket_of(&clients[i]) == (i < FIT ? TICKET_NONE : TICKET_WAITS));
    }
    holder_stop(&holder);
    while (left > 0) {
        for (size_t i = 0; i < COMMITS; i++) {
            if (i > FIT && i < OTHER && ticket_of(&clients[i]) != TICKET_WAITS) {
                REQUIRE(ticket_of(&clients[OTHER]) != TICKET_WAITS);
            }
            if (!done[i]) {
                OK(store_commit(clients[i].txn, &facts, &step, &result));
                done[i] = step == STORE_DONE;
                left -= done[i];
            }
        }
        (void)sched_yield();
    }
    for (size_t i = 0; i < COMMITS; i++) {
        clients[i].pending = UINT32_MAX; /* however many wakes came */
        client_end(&clients[i]);
    }
    free(bytes);
    world_close(&world);
}

/* A commit that asks again within each wake. */
struct eager {
    struct store_txn *txn;
    unsigned wakes;
    sem_t is_done;
};

static void ask_again(void *arg)
{
    enum { WAKES_MAX = 100 };
    struct eager *eager = arg;
    struct store_commit_result result;
    enum store_step step = STORE_DONE;
    const struct store_commit_facts facts = {.audit_body = SLICE("{}")};
    eager->wakes++;
    REQUIRE(eager->wakes < WAKES_MAX);
    OK(store_commit(eager->txn, &facts, &step, &result));
    if (step == STORE_DONE) {
        REQUIRE(sem_post(&eager->is_done) == 0);
    }
}

/* Who is woken without room for it yet, and asks at once, keeps nobody from making some. */
static void eager_commits_wait_for_room(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, &backend_makers[0]);
    enum { COMMITS = 6, LARGE = 33 << 20 };
    uint8_t *bytes = calloc(1, LARGE);
    REQUIRE(bytes != NULL);
    static const char names[] = "abcdef";
    struct eager commits[COMMITS];
    struct holder holder;
    struct store_commit_result result;
    enum store_step step = STORE_DONE;
    const struct store_commit_facts facts = {.audit_body = SLICE("{}")};
    world_put(&world, TENANT, 10001, 1, 1, "so that no commit has to read any more");
    for (size_t i = 0; i < COMMITS; i++) {
        commits[i] = (struct eager){.txn = NULL};
        REQUIRE(sem_init(&commits[i].is_done, 0, 0) == 0);
        OK(store_begin(
            world.store, TENANT, (struct store_wake){ask_again, &commits[i]}, &commits[i].txn));
        OK(store_row_put(
            commits[i].txn, KEYSPACE_MODULE, slice_of(&names[i], 1), slice_of(bytes, LARGE)));
    }
    holder_start(&holder, ((struct local *)world.store)->kv);
    for (size_t i = 0; i < COMMITS; i++) {
        OK(store_commit(commits[i].txn, &facts, &step, &result));
        REQUIRE(step == STORE_PENDING);
    }
    holder_stop(&holder);
    for (size_t i = 0; i < COMMITS; i++) {
        while (sem_wait(&commits[i].is_done) != 0) {
        }
        store_end(&commits[i].txn);
        (void)sem_destroy(&commits[i].is_done);
    }
    free(bytes);
    world_close(&world);
}

/* More in flight than may wait for the backend: later commits wait before they are visible. */
static void commits_wait_for_room(void **state)
{
    (void)state;
    enum { COMMITS = 5, FIT = 3, LARGE = 24 << 20 };
    uint8_t *bytes = calloc(1, LARGE);
    REQUIRE(bytes != NULL);
    static const char names[] = "abcde";
    struct world world;
    struct client clients[COMMITS];
    struct holder holder;
    const struct store_commit_facts facts = {.audit_body = SLICE("{}")};
    world_open(&world, &backend_makers[0]);
    for (size_t i = 0; i < COMMITS; i++) {
        client_begin(&clients[i], world.store, TENANT);
        OK(store_row_put(
            clients[i].txn, KEYSPACE_MODULE, slice_of(&names[i], 1), slice_of(bytes, LARGE)));
    }
    world_put(&world, TENANT, 10001, 1, 1, "so that no commit has to read any more");
    holder_start(&holder, ((struct local *)world.store)->kv);
    for (size_t i = 0; i < COMMITS; i++) {
        struct store_commit_result result;
        enum store_step step = STORE_DONE;
        const uint64_t before = store_visible_ts(world.store);
        OK(store_commit(clients[i].txn, &facts, &step, &result));
        REQUIRE(step == STORE_PENDING);
        REQUIRE((store_visible_ts(world.store) == before) == (i >= FIT));
    }
    holder_stop(&holder);
    for (size_t i = 0; i < COMMITS; i++) {
        if (i == COMMITS - 2) {
            clients[i].pending = 1; /* never comes back; its wake may have come */
            client_end(&clients[i]);
        } else {
            client_wait(&clients[i]);
            REQUIRE(!client_commit(&clients[i], "{}").conflict);
        }
    }
    struct client client;
    struct slice value = {0};
    client_begin(&client, world.store, TENANT);
    for (size_t i = 0; i < COMMITS; i++) {
        REQUIRE(
            client_row_get(&client, KEYSPACE_MODULE, slice_of(&names[i], 1), &value) ==
            (i != COMMITS - 2));
    }
    client_end(&client);
    world_close(&world);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commits_wait_for_room),
        cmocka_unit_test(tenants_have_room_in_turns),
        cmocka_unit_test(eager_commits_wait_for_room),
    };
    return cmocka_run_group_tests_name("store/room", tests, NULL, NULL);
}
