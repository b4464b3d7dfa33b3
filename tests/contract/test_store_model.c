/*
 * Random transactions, interleaved, against a model that is too simple to be wrong: every version
 * of every document in an array, and reads remembered one by one. The model says for each read what
 * it must give and for each commit whether it must be a conflict, exactly. The seed is printed and
 * can be given again as the first argument.
 */
#include "contract/harness.h"

#include "base/random.h"
#include "support/size.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TENANT = 7,
    TABLES = 2,
    DOCUMENTS = 24, /* in each table */
    CLIENTS = 5,
    SCANS = 2,
    HISTORY_MAX = 1 << 20,
    TEXT_BYTES = 24,
};

/* -- The model --------------------------------------------------------------------------------- */

struct model_version {
    uint64_t ts;
    bool live;
    char text[TEXT_BYTES];
};

struct model_document {
    struct model_version *versions;
    size_t count;
    size_t capacity;
};

/* An interval of places in a table that a scan walked over; both ends belong to it. */
struct model_range {
    int table;
    int from;
    int to;
};

struct model_scan {
    struct store_scan *scan; /* NULL: not open */
    int table;
    bool descending;
    int at; /* the place it goes on from; past the end when it has ended */
    bool ended;
};

struct model_client {
    struct client client;
    bool open;
    uint64_t snapshot;
    bool read[TABLES][DOCUMENTS];
    bool written[TABLES][DOCUMENTS];
    struct model_version own[TABLES][DOCUMENTS];
    struct model_range *ranges;
    size_t range_count;
    size_t range_capacity;
    struct model_scan scans[SCANS];
};

/* Which documents a commit wrote to. */
struct model_commit {
    uint64_t ts;
    uint32_t wrote[TABLES]; /* a bit for each document */
};

struct model {
    struct random_stream random;
    struct world world;
    uint32_t tables[TABLES];
    struct model_document documents[TABLES][DOCUMENTS];
    struct model_commit *commits;
    size_t commit_count;
    size_t conflict_count;
    struct model_client clients[CLIENTS];
    unsigned next_text;
};

static unsigned draw(struct model *model, unsigned below)
{
    uint32_t number = 0;
    random_stream_fill(&model->random, &number, sizeof number);
    return number % below;
}

/* Documents are numbered by their place in the creation order; three share each time. */
static double time_of(int place)
{
    const int shared = place / 3;
    return (double)shared - 4.0;
}

static const struct model_version *snapshot_version(
    const struct model *model, const struct model_client *client, int table, int place)
{
    const struct model_document *document = &model->documents[table][place];
    for (size_t i = document->count; i-- > 0;) {
        if (document->versions[i].ts <= client->snapshot) {
            return document->versions[i].live ? &document->versions[i] : NULL;
        }
    }
    return NULL;
}

static const struct model_version *expected(
    const struct model *model, const struct model_client *client, int table, int place)
{
    if (client->written[table][place]) {
        return client->own[table][place].live ? &client->own[table][place] : NULL;
    }
    return snapshot_version(model, client, table, place);
}

static void add_version(struct model_document *document, const struct model_version *version)
{
    if (document->count == document->capacity) {
        document->capacity = document->capacity == 0 ? 8 : 2 * document->capacity;
        struct model_version *grown =
            realloc(document->versions, document->capacity * sizeof *grown);
        REQUIRE(grown != NULL);
        document->versions = grown;
    }
    document->versions[document->count++] = *version;
}

static void add_range(struct model_client *client, int table, int from, int to)
{
    if (client->range_count == client->range_capacity) {
        client->range_capacity = client->range_capacity == 0 ? 8 : 2 * client->range_capacity;
        struct model_range *grown = realloc(client->ranges, client->range_capacity * sizeof *grown);
        REQUIRE(grown != NULL);
        client->ranges = grown;
    }
    client->ranges[client->range_count++] = (struct model_range){table, from, to};
}

static bool has_read(const struct model_client *client, int table, int place)
{
    if (client->read[table][place]) {
        return true;
    }
    for (size_t i = 0; i < client->range_count; i++) {
        const struct model_range *range = &client->ranges[i];
        if (range->table == table && place >= range->from && place <= range->to) {
            return true;
        }
    }
    return false;
}

/* A write that changes something: a removal of what the snapshot lacks does not. */
static bool is_effective(
    const struct model *model, const struct model_client *client, int table, int place)
{
    return client->written[table][place] && (client->own[table][place].live ||
                                             snapshot_version(model, client, table, place) != NULL);
}

static bool writes_anything(const struct model *model, const struct model_client *client)
{
    for (int table = 0; table < TABLES; table++) {
        for (int place = 0; place < DOCUMENTS; place++) {
            if (is_effective(model, client, table, place)) {
                return true;
            }
        }
    }
    return false;
}

static bool must_conflict(const struct model *model, const struct model_client *client)
{
    for (size_t i = model->commit_count; i-- > 0;) {
        const struct model_commit *commit = &model->commits[i];
        if (commit->ts <= client->snapshot) {
            return false;
        }
        for (int table = 0; table < TABLES; table++) {
            for (int place = 0; place < DOCUMENTS; place++) {
                if ((commit->wrote[table] >> place & 1u) != 0 && has_read(client, table, place)) {
                    return true;
                }
            }
        }
    }
    return false;
}

/* -- Steps ------------------------------------------------------------------------------------- */

static void close_scans(struct model_client *client)
{
    for (int i = 0; i < SCANS; i++) {
        client->scans[i] = (struct model_scan){0};
    }
}

static void begin(struct model *model, struct model_client *client)
{
    struct model_range *ranges = client->ranges;
    const size_t capacity = client->range_capacity;
    *client = (struct model_client){.open = true, .ranges = ranges, .range_capacity = capacity};
    client_begin(&client->client, model->world.store, TENANT);
    client->snapshot = store_txn_snapshot(client->client.txn);
    REQUIRE(
        model->commit_count == 0 || client->snapshot == model->commits[model->commit_count - 1].ts);
}

static void get(struct model *model, struct model_client *client, int table, int place)
{
    const struct model_version *version = expected(model, client, table, place);
    client->read[table][place] = true;
    client_expect(
        &client->client, model->tables[table], (uint64_t)place,
        version == NULL ? NULL : version->text);
}

static void put(struct model *model, struct model_client *client, int table, int place)
{
    struct model_version *own = &client->own[table][place];
    client->read[table][place] = true; /* a write looks first */
    client->written[table][place] = true;
    own->live = true;
    (void)snprintf(own->text, sizeof own->text, "text %u", model->next_text++);
    client_put(&client->client, model->tables[table], (uint64_t)place, time_of(place), own->text);
}

static void remove_one(struct model *model, struct model_client *client, int table, int place)
{
    client->read[table][place] = true;
    client->written[table][place] = true;
    client->own[table][place].live = false;
    client_remove(&client->client, model->tables[table], (uint64_t)place, time_of(place));
}

static void scan_step(struct model *model, struct model_client *client, struct model_scan *scan)
{
    const int step = scan->descending ? -1 : 1;
    const int end = scan->descending ? -1 : DOCUMENTS;
    int place = scan->at;
    while (!scan->ended && place != end && expected(model, client, scan->table, place) == NULL) {
        place += step;
    }
    const bool found = !scan->ended && place != end;
    struct slice body = {0};
    REQUIRE(client_next(&client->client, scan->scan, &body) == found);
    if (found) {
        const struct model_version *version = expected(model, client, scan->table, place);
        REQUIRE(slice_equal(body, slice_str(version->text)));
    }
    if (!scan->ended) {
        const int last = found ? place : place - step;
        const int from = scan->descending ? last : scan->at;
        const int to = scan->descending ? scan->at : last;
        add_range(client, scan->table, from, to);
        scan->at = place + step;
        scan->ended = !found;
    }
}

static void use_scan(struct model *model, struct model_client *client)
{
    struct model_scan *scan = &client->scans[draw(model, SCANS)];
    if (scan->scan == NULL) {
        scan->table = (int)draw(model, TABLES);
        scan->descending = draw(model, 2) == 1;
        scan->at = scan->descending ? DOCUMENTS - 1 : 0;
        scan->ended = false;
        OK(store_scan_open(
            client->client.txn,
            STORE_WHOLE_TABLE(
                model->tables[scan->table], scan->descending ? STORE_DESCENDING : STORE_ASCENDING),
            &scan->scan));
    }
    for (unsigned steps = draw(model, 6); steps > 0; steps--) {
        scan_step(model, client, scan);
    }
    if (draw(model, 3) == 0) {
        store_scan_close(scan->scan);
        *scan = (struct model_scan){0};
    }
}

static void record_commit(struct model *model, struct model_client *client, uint64_t ts)
{
    struct model_commit commit = {.ts = ts};
    for (int table = 0; table < TABLES; table++) {
        for (int place = 0; place < DOCUMENTS; place++) {
            if (is_effective(model, client, table, place)) {
                commit.wrote[table] |= 1u << place;
            }
        }
    }
    for (int table = 0; table < TABLES; table++) {
        for (int place = 0; place < DOCUMENTS; place++) {
            if ((commit.wrote[table] >> place & 1u) != 0) {
                client->own[table][place].ts = ts;
                add_version(&model->documents[table][place], &client->own[table][place]);
            }
        }
    }
    REQUIRE(model->commit_count < HISTORY_MAX);
    model->commits[model->commit_count++] = commit;
}

static void commit(struct model *model, struct model_client *client)
{
    const bool writes = writes_anything(model, client);
    const bool conflict = writes && must_conflict(model, client);
    close_scans(client);
    const struct store_commit_result result = client_commit(&client->client, NULL);
    REQUIRE(result.conflict == conflict);
    client->open = false;
    if (conflict) {
        model->conflict_count++;
    } else if (writes) {
        REQUIRE(result.ts > client->snapshot);
        record_commit(model, client, result.ts);
    } else {
        REQUIRE(result.ts == client->snapshot);
    }
}

static void abandon(struct model_client *client)
{
    if (client->open) {
        close_scans(client);
        client_end(&client->client);
        client->open = false;
    }
}

static void one_step(struct model *model)
{
    struct model_client *client = &model->clients[draw(model, CLIENTS)];
    if (!client->open) {
        begin(model, client);
    }
    const int table = (int)draw(model, TABLES);
    const int place = (int)draw(model, DOCUMENTS);
    const unsigned choice = draw(model, 100);
    if (choice < 35) {
        get(model, client, table, place);
    } else if (choice < 60) {
        put(model, client, table, place);
    } else if (choice < 70) {
        remove_one(model, client, table, place);
    } else if (choice < 80) {
        use_scan(model, client);
    } else if (choice < 97) {
        commit(model, client);
    } else {
        abandon(client);
    }
}

/* -- Running ----------------------------------------------------------------------------------- */

static void check_everything(struct model *model)
{
    struct model_client *client = &model->clients[0];
    abandon(client);
    begin(model, client);
    for (int table = 0; table < TABLES; table++) {
        for (int place = 0; place < DOCUMENTS; place++) {
            get(model, client, table, place);
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        struct model_scan scan = {.table = (int)(i / 2), .descending = i % 2 == 1};
        scan.at = scan.descending ? DOCUMENTS - 1 : 0;
        OK(store_scan_open(
            client->client.txn,
            STORE_WHOLE_TABLE(
                model->tables[scan.table], scan.descending ? STORE_DESCENDING : STORE_ASCENDING),
            &scan.scan));
        while (!scan.ended) {
            scan_step(model, client, &scan);
        }
    }
    abandon(client);
}

static void make_tables(struct model *model)
{
    struct client client;
    client_begin(&client, model->world.store, TENANT);
    model->tables[0] = client_table(&client, "zero");
    model->tables[1] = client_table(&client, "one");
    const struct store_commit_result result = client_commit(&client, NULL);
    REQUIRE(!result.conflict);
    model->commits[model->commit_count++] = (struct model_commit){.ts = result.ts};
}

static void reopen(struct model *model)
{
    for (int i = 0; i < CLIENTS; i++) {
        abandon(&model->clients[i]);
    }
    if (model->world.maker->lmdb) {
        world_reopen(&model->world);
    }
    check_everything(model);
}

static void run_model(
    const struct backend_maker *maker, const uint8_t seed[RANDOM_SEED_BYTES], size_t steps)
{
    struct model *model = calloc(1, sizeof *model);
    REQUIRE(model != NULL);
    model->commits = calloc(HISTORY_MAX, sizeof *model->commits);
    REQUIRE(model->commits != NULL);
    random_stream_init(&model->random, seed, 0);
    world_open(&model->world, maker);
    /* Short enough that old versions are removed meanwhile, long beside any open transaction. */
    model->world.options.window_ms = 2000;
    if (maker->lmdb) {
        world_reopen(&model->world);
    }
    make_tables(model);
    for (size_t i = 0; i < steps; i++) {
        one_step(model);
        if (i % 5000 == 4999) {
            reopen(model);
        }
    }
    reopen(model);
    printf(
        "%s: %zu steps, %zu commits, %zu conflicts\n", maker->name, steps, model->commit_count,
        model->conflict_count);
    REQUIRE(steps < 1000 || model->conflict_count > 0);
    world_close(&model->world);
    for (int i = 0; i < CLIENTS; i++) {
        free(model->clients[i].ranges);
    }
    for (int table = 0; table < TABLES; table++) {
        for (int place = 0; place < DOCUMENTS; place++) {
            free(model->documents[table][place].versions);
        }
    }
    free(model->commits);
    free(model);
}

int main(int argc, char **argv)
{
    uint64_t number = 0;
    if (argc > 1) {
        number = strtoull(argv[1], NULL, 10);
    } else {
        random_system(&number, sizeof number);
    }
    printf("seed %llu\n", (unsigned long long)number);
    (void)fflush(stdout);
    uint8_t seed[RANDOM_SEED_BYTES] = {0};
    memcpy(seed, &number, sizeof number);
    size_t passed = 0;
    for (size_t i = 0; i < backend_maker_count; i++) {
        const struct backend_maker *maker = &backend_makers[i];
        /* A hundred thousand for each backend; less for those variants where each commit waits. */
        const bool slow = maker->delay_ms >= 0 || (maker->lmdb && !maker->flusher_thread);
        run_model(maker, seed, test_size(slow ? 4000 : 100000));
        passed++;
    }
    printf("%zu passed, 0 failed\n", passed);
    return 0;
}
