/*
 * Random transactions, interleaved, against a model that is too simple to be wrong: every version
 * of every document in an array, and reads remembered one by one. Documents have a field that moves
 * between a few values and is indexed; scans go by it or by creation, between random ends, in
 * both directions; transactions are brought back to savepoints. The model says for each read what
 * it must give and for each commit whether it must be a conflict, exactly. The seed is printed;
 * CORDON_TEST_SEED repeats it.
 */
#include "contract/harness.h"

#include "base/memory.h"
#include "base/random.h"
#include "support/seed.h"
#include "support/size.h"
#include "value/row.h"
#include "value/sortkey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TENANT = 7,
    TABLES = 2,
    DOCUMENTS = 24, /* in each table */
    VALUES = 4,     /* of the indexed field; 0 is a document without it */
    POSITIONS = (1 + VALUES) * DOCUMENTS,
    BITS = 64,
    CLIENTS = 5,
    SCANS = 2,
    POINTS = 3,
    HISTORY_MAX = 1 << 20,
    TEXT_BYTES = 48,
};

static const struct store_index by_a = {
    .name = {(const uint8_t *)"by_a", 4},
    .fields = {{(const uint8_t *)"a", 1}},
    .field_count = 1,
};

/* -- The model --------------------------------------------------------------------------------- */

struct model_version {
    uint64_t ts;
    bool live;
    int a;           /* the indexed field */
    unsigned number; /* no two versions have the same */
};

struct model_document {
    struct model_version *versions;
    size_t count;
    size_t capacity;
};

/*
 * Where a document stands in its table, in both orders: the first DOCUMENTS positions are the
 * places of the creation order, and behind those each value of the indexed field has as many.
 */
static int position_by_a(int a, int place)
{
    return (1 + a) * DOCUMENTS + place;
}

/* An interval of positions in a table that a scan walked over; both ends belong to it. */
struct model_range {
    int table;
    int from;
    int to;
};

struct model_scan {
    struct store_scan *scan; /* NULL: not open */
    int table;
    bool descending;
    int low; /* positions: from here */
    int end; /* before here */
    int at;  /* the position it goes on from; past the end when it has ended */
    bool ended;
};

/* What a transaction had written when a savepoint was made. */
struct model_point {
    uint64_t point;
    bool written[TABLES][DOCUMENTS];
    struct model_version own[TABLES][DOCUMENTS];
};

struct model_client {
    struct client client;
    bool open;
    uint64_t snapshot;
    bool read[TABLES][DOCUMENTS];
    bool written[TABLES][DOCUMENTS];
    struct model_version own[TABLES][DOCUMENTS];
    bool has_written; /* last this one */
    int last_table;
    int last_place;
    struct model_range *ranges;
    size_t range_count;
    size_t range_capacity;
    struct model_scan scans[SCANS];
    struct model_point points[POINTS];
    size_t point_count;
};

/* Which positions a commit wrote to: those that documents left, and those where they are now. */
struct model_commit {
    uint64_t ts;
    uint64_t wrote[TABLES][POSITIONS / BITS + 1];
};

struct model {
    struct random_stream random;
    struct world world;
    uint32_t tables[TABLES];
    uint32_t indexes[TABLES]; /* numbers of by_a */
    struct model_document documents[TABLES][DOCUMENTS];
    struct model_commit *commits;
    size_t commit_count;
    size_t conflict_count;
    size_t rollback_count;
    struct model_client clients[CLIENTS];
    unsigned next_number;
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

static bool has_read(const struct model_client *client, int table, int position)
{
    if (position < DOCUMENTS && client->read[table][position]) {
        return true;
    }
    for (size_t i = 0; i < client->range_count; i++) {
        const struct model_range *range = &client->ranges[i];
        if (range->table == table && position >= range->from && position <= range->to) {
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

static bool wrote(const struct model_commit *commit, int table, int position)
{
    return (commit->wrote[table][position / BITS] >> position % BITS & 1u) != 0;
}

static void note_wrote(struct model_commit *commit, int table, int position)
{
    commit->wrote[table][position / BITS] |= (uint64_t)1 << position % BITS;
}

static bool must_conflict(const struct model *model, const struct model_client *client)
{
    for (size_t i = model->commit_count; i-- > 0;) {
        const struct model_commit *commit = &model->commits[i];
        if (commit->ts <= client->snapshot) {
            return false;
        }
        for (int table = 0; table < TABLES; table++) {
            for (int position = 0; position < POSITIONS; position++) {
                if (wrote(commit, table, position) && has_read(client, table, position)) {
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

static int write_text(const struct model_version *version, char text[TEXT_BYTES])
{
    return version->a == 0
               ? snprintf(text, TEXT_BYTES, "{\"n\":%u}", version->number)
               : snprintf(text, TEXT_BYTES, "{\"a\":%d,\"n\":%u}", version->a, version->number);
}

static void expect_body(const struct model_version *version, struct slice body)
{
    char text[TEXT_BYTES];
    struct row row = {0};
    const int size = write_text(version, text);
    OK(row_read(body, &row));
    REQUIRE(slice_equal(row.json, slice_of(text, (size_t)size)));
}

static void get(struct model *model, struct model_client *client, int table, int place)
{
    const struct model_version *version = expected(model, client, table, place);
    client->read[table][place] = true;
    const struct store_id id = doc_id(model->tables[table], (uint64_t)place);
    bool found = false;
    struct slice body = {0};
    OK(client_try_get(&client->client, &id, &found, &body));
    REQUIRE(found == (version != NULL));
    if (found) {
        expect_body(version, body);
    }
}

/* A write looks first. */
static void note_written(struct model_client *client, int table, int place)
{
    client->read[table][place] = true;
    client->written[table][place] = true;
    client->has_written = true;
    client->last_table = table;
    client->last_place = place;
}

static void put(struct model *model, struct model_client *client, int table, int place)
{
    struct model_version *own = &client->own[table][place];
    note_written(client, table, place);
    *own = (struct model_version){
        .live = true, .a = (int)draw(model, VALUES), .number = model->next_number++};
    char text[TEXT_BYTES];
    struct arena arena;
    struct buffer row;
    struct value tree = {0};
    const struct store_id id = doc_id(model->tables[table], (uint64_t)place);
    arena_init(&arena, SIZE_MAX);
    buffer_init(&row, SIZE_MAX);
    OK(value_parse(slice_of(text, (size_t)write_text(own, text)), &arena, &tree));
    OK(row_write(&row, &tree, value_size(&tree)));
    OK(store_put(client->client.txn, &id, time_of(place), buffer_slice(&row)));
    buffer_done(&row);
    arena_done(&arena);
}

static void remove_one(struct model *model, struct model_client *client, int table, int place)
{
    note_written(client, table, place);
    client->own[table][place].live = false;
    client_remove(&client->client, model->tables[table], (uint64_t)place, time_of(place));
}

/* The document that stands at a position for this transaction, or NULL. */
static const struct model_version *at_position(
    const struct model *model, const struct model_client *client, int table, int position)
{
    const struct model_version *version = expected(model, client, table, position % DOCUMENTS);
    const bool there =
        version != NULL &&
        (position < DOCUMENTS || position_by_a(version->a, position % DOCUMENTS) == position);
    return there ? version : NULL;
}

static void scan_step(struct model *model, struct model_client *client, struct model_scan *scan)
{
    const int step = scan->descending ? -1 : 1;
    const int end = scan->descending ? scan->low - 1 : scan->end;
    int position = scan->at;
    while (!scan->ended && position != end &&
           at_position(model, client, scan->table, position) == NULL) {
        position += step;
    }
    const bool found = !scan->ended && position != end;
    struct slice body = {0};
    REQUIRE(client_next(&client->client, scan->scan, &body) == found);
    if (found) {
        expect_body(at_position(model, client, scan->table, position), body);
    }
    if (!scan->ended) {
        const int last = found ? position : position - step;
        const int from = scan->descending ? last : scan->at;
        const int to = scan->descending ? scan->at : last;
        add_range(client, scan->table, from, to);
        scan->at = position + step;
        scan->ended = !found;
    }
}

/* The key of a position as an end of a range; before all documents with a value, of the value. */
static void write_end(int position, struct buffer *out)
{
    static const struct value undefined = {.kind = VALUE_UNDEFINED};
    const int place = position % DOCUMENTS;
    const struct store_id id = doc_id(0, (uint64_t)place);
    const struct value time = value_float64(time_of(place));
    buffer_init(out, SIZE_MAX);
    if (position >= DOCUMENTS) {
        const int a = position / DOCUMENTS - 1;
        const struct value value = value_float64(a);
        OK(sortkey_write(out, a == 0 ? &undefined : &value));
        if (place == 0) {
            return;
        }
    }
    /* A place is a sort key's eight bytes without their tag, and the id. */
    const size_t tag = out->size;
    OK(sortkey_write(out, &time));
    memmove(out->data + tag, out->data + tag + 1, 8);
    out->size--;
    OK(buffer_append(out, slice_of(id.internal, sizeof id.internal)));
}

/* Opens a scan over part of an order: all of it now and then, and perhaps nothing. */
static void open_scan(
    struct model *model, struct model_client *client, struct model_scan *scan, bool by_field)
{
    const int first = by_field ? DOCUMENTS : 0;
    const int behind = by_field ? POSITIONS : DOCUMENTS;
    const bool whole = draw(model, 4) == 0;
    int low = whole ? first : first + (int)draw(model, (unsigned)(behind - first));
    int end = whole ? behind : first + (int)draw(model, (unsigned)(behind - first) + 1);
    if (low > end) {
        const int swapped = low;
        low = end;
        end = swapped;
    }
    struct buffer ends[2];
    write_end(low, &ends[0]);
    write_end(end == behind ? low : end, &ends[1]);
    const struct store_range range = {
        .table = model->tables[scan->table],
        .index = by_field ? model->indexes[scan->table] : STORE_BY_CREATION,
        .order = scan->descending ? STORE_DESCENDING : STORE_ASCENDING,
        .low = low == first ? (struct slice){0} : buffer_slice(&ends[0]),
        .high = end == behind ? (struct slice){0} : buffer_slice(&ends[1]),
    };
    scan->low = low;
    scan->end = end;
    scan->at = scan->descending ? end - 1 : low;
    OK(store_scan_open(client->client.txn, &range, &scan->scan));
    buffer_done(&ends[0]);
    buffer_done(&ends[1]);
}

static void use_scan(struct model *model, struct model_client *client)
{
    struct model_scan *scan = &client->scans[draw(model, SCANS)];
    if (scan->scan == NULL) {
        scan->table = (int)draw(model, TABLES);
        scan->descending = draw(model, 2) == 1;
        scan->ended = false;
        open_scan(model, client, scan, draw(model, 2) == 1);
    }
    for (unsigned steps = draw(model, 6); steps > 0; steps--) {
        scan_step(model, client, scan);
    }
    if (draw(model, 3) == 0) {
        store_scan_close(scan->scan);
        *scan = (struct model_scan){0};
    }
}

/* Makes a savepoint, or goes back to one; those after it are gone then. Scans go on. */
static void use_savepoint(struct model *model, struct model_client *client)
{
    const bool has_room = client->point_count < POINTS;
    if (client->point_count == 0 || (has_room && draw(model, 3) == 0)) {
        struct model_point *const made = &client->points[client->point_count++];
        memcpy(made->written, client->written, sizeof made->written);
        memcpy(made->own, client->own, sizeof made->own);
        OK(store_savepoint(client->client.txn, &made->point));
    } else {
        const size_t at = draw(model, (unsigned)client->point_count);
        const struct model_point *const point = &client->points[at];
        memcpy(client->written, point->written, sizeof client->written);
        memcpy(client->own, point->own, sizeof client->own);
        OK(store_rollback(client->client.txn, point->point));
        client->point_count = at + draw(model, 2); /* it may be gone back to again */
        model->rollback_count++;
    }
}

static void record_write(
    struct model *model,
    struct model_client *client,
    int table,
    int place,
    struct model_commit *commit)
{
    const struct model_version *const before = snapshot_version(model, client, table, place);
    struct model_version *const after = &client->own[table][place];
    note_wrote(commit, table, place);
    if (before != NULL) {
        note_wrote(commit, table, position_by_a(before->a, place));
    }
    if (after->live) {
        note_wrote(commit, table, position_by_a(after->a, place));
    }
    after->ts = commit->ts;
    add_version(&model->documents[table][place], after);
}

static void record_commit(struct model *model, struct model_client *client, uint64_t ts)
{
    struct model_commit commit = {.ts = ts};
    for (int table = 0; table < TABLES; table++) {
        for (int place = 0; place < DOCUMENTS; place++) {
            if (is_effective(model, client, table, place)) {
                record_write(model, client, table, place, &commit);
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
    int table = (int)draw(model, TABLES);
    int place = (int)draw(model, DOCUMENTS);
    if (client->has_written && draw(model, 3) == 0) {
        table = client->last_table; /* so that documents are written again, and then undone */
        place = client->last_place;
    }
    const unsigned choice = draw(model, 100);
    if (choice < 30) {
        get(model, client, table, place);
    } else if (choice < 55) {
        put(model, client, table, place);
    } else if (choice < 63) {
        remove_one(model, client, table, place);
    } else if (choice < 75) {
        use_scan(model, client);
    } else if (choice < 83) {
        use_savepoint(model, client);
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
    for (unsigned i = 0; i < 8; i++) {
        struct model_scan scan = {.table = (int)(i / 4), .descending = i % 2 == 1};
        open_scan(model, client, &scan, i / 2 % 2 == 1);
        while (!scan.ended) {
            scan_step(model, client, &scan);
        }
    }
    abandon(client);
}

/* A step that is done in a transaction of its own, before the random ones. */
static void note_setup(struct model *model, struct client *client)
{
    const struct store_commit_result result = client_commit(client, NULL);
    REQUIRE(!result.conflict);
    model->commits[model->commit_count++] = (struct model_commit){.ts = result.ts};
}

static void make_tables(struct model *model)
{
    struct client client;
    client_begin(&client, model->world.store, TENANT);
    model->tables[0] = client_table(&client, "zero");
    model->tables[1] = client_table(&client, "one");
    note_setup(model, &client);
}

static void make_index(struct model *model, int table)
{
    struct client client;
    struct store_indexes indexes = {0};
    client_begin(&client, model->world.store, TENANT);
    for (enum store_step step = STORE_PENDING; step == STORE_PENDING;) {
        OK(store_indexes_put(client.txn, model->tables[table], &by_a, 1, &step));
        if (step == STORE_PENDING) {
            client_wait(&client);
        }
    }
    note_setup(model, &client);
    client_begin(&client, model->world.store, TENANT);
    for (enum store_step step = STORE_PENDING; step == STORE_PENDING;) {
        OK(store_indexes_get(client.txn, model->tables[table], &step, &indexes));
        if (step == STORE_PENDING) {
            client_wait(&client);
        }
    }
    REQUIRE(indexes.count == 1 && indexes.items[0].state == STORE_INDEX_ENABLED);
    model->indexes[table] = indexes.items[0].number;
    client_end(&client);
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
    for (int table = 0; table < TABLES; table++) {
        make_index(model, table);
    }
    for (size_t i = 0; i < steps; i++) {
        one_step(model);
        if (i % 5000 == 4999) {
            reopen(model);
        }
    }
    reopen(model);
    printf(
        "%s: %zu steps, %zu commits, %zu conflicts, %zu rollbacks\n", maker->name, steps,
        model->commit_count, model->conflict_count, model->rollback_count);
    REQUIRE(steps < 1000 || (model->conflict_count > 0 && model->rollback_count > 0));
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

int main(void)
{
    const uint64_t number = test_seed();
    uint8_t seed[RANDOM_SEED_BYTES] = {0};
    memcpy(seed, &number, sizeof number);
    size_t passed = 0;
    for (size_t i = 0; i < backend_maker_count; i++) {
        const struct backend_maker *maker = &backend_makers[i];
        /* Many for each backend; less for those variants where each commit waits. */
        const bool slow = maker->delay_ms >= 0 || (maker->lmdb && !maker->flusher_thread);
        run_model(maker, seed, test_size(slow ? 4000 : 100000));
        passed++;
    }
    printf("%zu passed, 0 failed\n", passed);
    return 0;
}
