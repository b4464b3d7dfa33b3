/*
 * Many threads at once: money moves between accounts and never changes in sum, counters count every
 * commit that was acknowledged, and readers always see one moment. Small, for ThreadSanitizer's
 * sake; what it looks for are races, not speed.
 */
#include "contract/harness.h"

#include "base/random.h"
#include "support/size.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TENANT = 7, THREADS = 4, ACCOUNTS = 8, START = 1000, COUNTER = 100 };

struct bank {
    struct world world;
    uint32_t table;
    size_t transfers; /* for each thread to make */
};

struct teller {
    struct bank *bank;
    struct random_stream random;
    size_t conflicts;
};

static unsigned draw(struct teller *teller, unsigned below)
{
    uint32_t number = 0;
    random_stream_fill(&teller->random, &number, sizeof number);
    return number % below;
}

static long read_number(struct client *client, uint32_t table, uint64_t n)
{
    const struct store_id id = doc_id(table, n);
    bool found = false;
    struct slice body = {0};
    OK(client_try_get(client, &id, &found, &body));
    REQUIRE(found && body.size < 24);
    char text[24] = {0};
    memcpy(text, body.data, body.size);
    return strtol(text, NULL, 10);
}

static void write_number(struct client *client, uint32_t table, uint64_t n, long number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%ld", number);
    client_put(client, table, n, (double)n, text);
}

static void transfer(struct teller *teller)
{
    struct bank *bank = teller->bank;
    const uint64_t from = draw(teller, ACCOUNTS);
    const uint64_t to = (from + 1 + draw(teller, ACCOUNTS - 1)) % ACCOUNTS;
    const long amount = (long)draw(teller, 20);
    for (bool done = false; !done;) {
        struct client client;
        client_begin(&client, bank->world.store, TENANT);
        const long poorer = read_number(&client, bank->table, from) - amount;
        const long richer = read_number(&client, bank->table, to) + amount;
        const long counted = read_number(&client, bank->table, COUNTER) + 1;
        (void)sched_yield(); /* so that some do overlap */
        write_number(&client, bank->table, from, poorer);
        write_number(&client, bank->table, to, richer);
        write_number(&client, bank->table, COUNTER, counted);
        done = !client_commit(&client, "{}").conflict;
        teller->conflicts += !done;
    }
}

/* The sum over a scan, in one snapshot; some transactions are dropped half way. */
static void audit(struct teller *teller)
{
    struct bank *bank = teller->bank;
    struct client client;
    struct store_scan *scan = NULL;
    struct slice body = {0};
    long sum = 0;
    client_begin(&client, bank->world.store, TENANT);
    OK(store_scan_open(
        client.txn,
        STORE_WHOLE_TABLE(bank->table, draw(teller, 2) == 0 ? STORE_ASCENDING : STORE_DESCENDING),
        &scan));
    for (size_t i = 0; client_next(&client, scan, &body); i++) {
        char text[24] = {0};
        REQUIRE(i <= ACCOUNTS && body.size < sizeof text);
        memcpy(text, body.data, body.size);
        sum += strtol(text, NULL, 10);
    }
    const long counter = read_number(&client, bank->table, COUNTER);
    REQUIRE(sum - counter == (long)ACCOUNTS * START);
    if (draw(teller, 2) == 0) {
        REQUIRE(!client_commit(&client, NULL).conflict);
    } else {
        client_end(&client);
    }
}

static void *work(void *arg)
{
    struct teller *teller = arg;
    for (size_t i = 0; i < teller->bank->transfers; i++) {
        transfer(teller);
        audit(teller);
    }
    return NULL;
}

static void open_accounts(struct bank *bank)
{
    struct client client;
    client_begin(&client, bank->world.store, TENANT);
    bank->table = client_table(&client, "accounts");
    for (uint64_t n = 0; n < ACCOUNTS; n++) {
        write_number(&client, bank->table, n, START);
    }
    write_number(&client, bank->table, COUNTER, 0);
    REQUIRE(!client_commit(&client, NULL).conflict);
}

static void run_bank(const struct backend_maker *maker, size_t transfers)
{
    struct bank bank = {.transfers = transfers};
    world_open(&bank.world, maker);
    if (maker->lmdb) {
        bank.world.options.window_ms = 50; /* old versions go meanwhile */
        world_reopen(&bank.world);
    }
    open_accounts(&bank);
    struct teller tellers[THREADS];
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        const uint8_t seed[RANDOM_SEED_BYTES] = {(uint8_t)i};
        tellers[i] = (struct teller){.bank = &bank};
        random_stream_init(&tellers[i].random, seed, 0);
        REQUIRE(pthread_create(&threads[i], NULL, work, &tellers[i]) == 0);
    }
    size_t conflicts = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        REQUIRE(pthread_join(threads[i], NULL) == 0);
        conflicts += tellers[i].conflicts;
    }
    if (maker->lmdb) {
        world_reopen(&bank.world);
    }
    struct client client;
    client_begin(&client, bank.world.store, TENANT);
    REQUIRE(read_number(&client, bank.table, COUNTER) == (long)(THREADS * transfers));
    client_end(&client);
    audit(&tellers[0]);
    printf("%s: %zu conflicts\n", maker->name, conflicts);
    world_close(&bank.world);
}

int main(void)
{
    for (size_t i = 0; i < backend_maker_count; i++) {
        const struct backend_maker *maker = &backend_makers[i];
        run_bank(maker, test_size(maker->lmdb || maker->delay_ms >= 0 ? 30 : 1000));
    }
    printf("%zu passed, 0 failed\n", backend_maker_count);
    return 0;
}
